//! Exporters for OTLP over HTTP with protobuf bodies (OpenTelemetry specification, "OTLP/HTTP").
//!
//! ```no_run
//! use throughline_otlp::{ExportRuntime, SpanPipeline};
//! use throughline_otlp::otlp::{self, OtlpConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = ExportRuntime::start()?;
//! let mut config = OtlpConfig::new("http://localhost:4318/v1/traces");
//! config.headers.push(("x-tenant".to_owned(), "shop".to_owned()));
//! let pipeline = SpanPipeline::builder().build(&runtime, otlp::span_exporter(&runtime, &config)?);
//! # Ok(())
//! # }
//! ```
//!
//! # What is sent
//!
//! Requests go through a client of our own, which runs on the [`ExportRuntime`]: an exporter works when it is polled
//! from any thread, with or without a runtime. A deadline really cancels the request; dropping the future does, too.
//!
//! | case | what happens |
//! |---|---|
//! | 429, 502, 503, 504, or no connection | up to 5 attempts, 100 ms apart and then twice as long each time, or as long as `Retry-After` says; an error at once when the next one would be too late for the timeout |
//! | any other status but 2xx, redirects included | an error at once |
//! | a response of more than 4 MiB | an error at once |
//! | no whole response within the timeout | the request is cancelled, an error |
//!
//! Only the headers of the configuration are sent, besides `content-type`, `content-length`, `host` and `user-agent`.
//! The underlying `opentelemetry-otlp` reads `OTEL_EXPORTER_OTLP_HEADERS`; what it finds is thrown away, so that the
//! configuration is the only source. Two things remain: a `content-encoding` in that variable, which cannot be told from
//! the exporter's own, and `OTEL_EXPORTER_OTLP_COMPRESSION`, which takes effect only in a build where another crate
//! enables the compression features of `opentelemetry-otlp`.

mod client;
mod config;
mod exporter;
mod retry;

pub use self::config::{BuildError, OtlpConfig};
pub use self::exporter::{MetricExporter, SpanExporter};

use crate::ExportRuntime;

/// An exporter of spans.
///
/// # Errors
///
/// When the endpoint is not one for plain HTTP, or a header is not fit to be sent.
pub fn span_exporter(
    runtime: &ExportRuntime,
    config: &OtlpConfig,
) -> Result<SpanExporter, BuildError> {
    SpanExporter::new(runtime, config)
}

/// An exporter of metrics, for the SDK's `PeriodicReader`. Temporality: cumulative, see
/// [`MetricExporter::with_temporality`].
///
/// # Errors
///
/// When the endpoint is not one for plain HTTP, or a header is not fit to be sent.
pub fn metric_exporter(
    runtime: &ExportRuntime,
    config: &OtlpConfig,
) -> Result<MetricExporter, BuildError> {
    MetricExporter::new(runtime, config)
}
