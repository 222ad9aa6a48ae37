#![doc = include_str!("../README.md")]

mod blocking;
mod connection;
mod endpoint;
mod errors;
mod guarded;
mod pool;
mod pubsub;
mod query;
mod tracing;

pub use blocking::TracedBlocking;
pub use connection::Traced;
pub use guarded::Guarded;
pub use pool::{Lent, TracedPool};
pub use pubsub::{Received, TracedMessages, TracedPubSub, TracedPubSubSink};
pub use tracing::Tracing;

pub use opentelemetry;
pub use redis;
pub use throughline_core::RecordingSpan;
pub use throughline_core::db_semconv::{DatabaseFinish, PoolState, Query, QueryText};
