//! What the span pipeline and the exporters promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod console;
mod delivery;
mod faults;
mod otlp;
mod otlp_config;
mod shutdown;
mod support;
mod warnings;
