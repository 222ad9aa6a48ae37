#![doc = include_str!("../README.md")]

mod body;
pub mod db_semconv;
pub mod http_semconv;
mod ids;
mod operation;
pub mod propagation;
mod providers;

pub use body::OperationBody;
pub use operation::{Details, HttpDetails, Operation, Outcome, RecordingSpan};
pub use providers::{
    Installation, Instrumentation, Instruments, MeterSource, Parent, Prediction, Resolved,
    SamplerHint, SpanRequest, TracerSource, install,
};

pub use http;
pub use http_body;
pub use opentelemetry;

/// The schema of every attribute, name and metric that throughline emits.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";
