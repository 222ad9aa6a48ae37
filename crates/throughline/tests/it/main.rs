//! What `throughline` promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app;
mod config;
mod faults;
mod formats;
mod layers;
mod limits;
mod logs;
mod metrics;
mod n_plus_one;
mod process;
mod runtimes;
mod secrets;
mod several;
mod shutdown;
mod signal;
mod startup;
mod tls;
mod traces;
mod variables;
mod wire;
