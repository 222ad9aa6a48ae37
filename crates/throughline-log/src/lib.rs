#![doc = include_str!("../README.md")]

mod escape;
mod fields;
mod format;
mod guard;
mod ids;
mod layer;
mod line;
mod record;
mod resolve;
mod scratch;
mod timestamp;
mod value;
mod visit;

pub use format::{Format, ParseFormatError};
pub use layer::LogLayer;
pub use record::RecordLayer;

pub use opentelemetry;
pub use tracing_core;
pub use tracing_subscriber;
