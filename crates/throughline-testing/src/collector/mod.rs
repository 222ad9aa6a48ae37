//! An OTLP collector on loopback.

mod grpc;
mod handle;
mod http;
mod intercept;
mod server;
mod signal;
mod store;

pub use handle::{Collector, TimedOut};
pub use intercept::Behavior;
