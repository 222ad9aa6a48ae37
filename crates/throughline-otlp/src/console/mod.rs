//! Exporters that print.
//!
//! | exporter | prints | for |
//! |---|---|---|
//! | [`SpanExporter`] | a tree of spans for each trace | people, while they develop |
//! | [`MetricExporter`] | a line for each data point | people, while they develop |
//! | [`JsonExporter`] | spans, metrics or log records as OTLP in JSON, a line for each export | programs |
//!
//! What is for people is not a format to parse. Everywhere text in names and values is escaped, so a line break in it
//! cannot fake a line.

mod forest;
mod json;
mod metrics;
mod spans;
mod writer;

pub use self::json::JsonExporter;
pub use self::metrics::MetricExporter;
pub use self::spans::SpanExporter;
