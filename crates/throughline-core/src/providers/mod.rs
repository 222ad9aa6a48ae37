//! Where an instrumentation takes its tracer, its instruments and its propagators from.

mod changes;
mod install;
mod instrumentation;
mod request;
mod resolved;
mod sampling;
mod source;
mod tracer;

pub use install::{Installation, install};
pub use instrumentation::Instrumentation;
pub use request::{Parent, SpanRequest};
pub use resolved::Resolved;
pub use sampling::{Prediction, SamplerHint};
pub use source::{Instruments, MeterSource, TracerSource};
