//! From the OTLP protobuf types to the records.

mod attributes;
mod logs;
mod metrics;
mod trace;

pub(crate) use logs::logs;
pub(crate) use metrics::metrics;
pub(crate) use trace::spans;
