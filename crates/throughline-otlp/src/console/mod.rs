//! Exporters that print, for development: readable lines for people, not a format to parse.
//!
//! Text in names and values is quoted and escaped, so a line break in it cannot fake a line.

mod metrics;
mod spans;
mod writer;

pub use self::metrics::MetricExporter;
pub use self::spans::SpanExporter;
