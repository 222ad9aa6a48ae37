//! The public behavior of the crate.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod client;
mod collector;
mod logs;
mod memory;
mod n_plus_one;
mod otlp;
mod tree;
