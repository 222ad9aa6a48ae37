//! Exporters for OTLP with protobuf bodies, over HTTP or gRPC
//! ([OTLP specification](https://opentelemetry.io/docs/specs/otlp/)).
//!
//! ```no_run
//! use throughline_otlp::{ExportRuntime, SpanPipeline};
//! use throughline_otlp::otlp::OtlpConfig;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = ExportRuntime::start()?;
//! let mut config = OtlpConfig::new("http://localhost:4318/v1/traces");
//! config.headers.push(("x-tenant".to_owned(), "shop".to_owned()));
//! let pipeline = SpanPipeline::builder().build_otlp(&runtime, &config)?;
//! # Ok(())
//! # }
//! ```
//!
//! Over gRPC, compressed, with a private authority; this needs the cargo features `grpc`, `gzip` and `tls`, and an error
//! names the one that is missing:
//!
//! ```no_run
//! use throughline_otlp::otlp::{Compression, OtlpConfig, Pem, Protocol};
//!
//! let mut config = OtlpConfig::new("https://collector.internal:4317");
//! config.protocol = Protocol::Grpc;
//! config.compression = Some(Compression::Gzip);
//! config.tls.ca = Some(Pem::path("/etc/otel/ca.pem"));
//! config.validate()?;
//! # Ok::<(), throughline_otlp::otlp::BuildError>(())
//! ```
//!
//! # What is sent
//!
//! Requests go through a client of our own, which runs on the [`ExportRuntime`]: an exporter works when it is polled
//! from any thread, with or without a runtime. A deadline really cancels the request; dropping the future does, too. A
//! connection is used again, for up to 30 seconds after the last request, unless a request on it was cancelled.
//!
//! | case | what happens |
//! |---|---|
//! | HTTP 429, 502, 503, 504; gRPC `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS`, and `RESOURCE_EXHAUSTED` with `RetryInfo`; no connection; a connection that ends before the answer | up to 5 attempts, 100 ms apart and then twice as long each time, and half as much again at random; or as long as `Retry-After` or `RetryInfo` says; an error at once when the next attempt would be too late for the timeout |
//! | any other status but 2xx, redirects included; any other gRPC status | an error at once |
//! | a certificate that one side refuses | an error at once, which says which side it was and why |
//! | success, with a part rejected ("partial success") or a message | a success; a warning with the number and the reason, at most once a minute |
//! | success, with an answer that is not OTLP | a success, since the status decides; a warning that says so |
//! | a response of more than 4 MiB; one of HTTP that breaks off after a success | an error at once: it may have been accepted |
//! | no whole response within the timeout | the request is cancelled, an error |
//!
//! Errors carry what the server said, on one line, cut off after 400 characters, and without the header values that were
//! sent to it.
//!
//! Only the headers of the configuration are sent, besides `content-type`, `content-length`, `content-encoding`, `host`
//! and `user-agent`, and over gRPC `te`, `grpc-encoding` and `grpc-timeout`. The underlying `opentelemetry-otlp` reads
//! `OTEL_EXPORTER_OTLP_HEADERS`; what it finds is thrown away, so that the configuration is the only source. One thing
//! remains: `OTEL_EXPORTER_OTLP_COMPRESSION`, which takes effect only in a build where another crate enables the
//! compression features of `opentelemetry-otlp`.
//!
//! # TLS
//!
//! TLS 1.2 and 1.3 by rustls with ring, whatever the application's default provider is. Without a
//! [CA](TlsConfig::ca) the system's authorities are trusted, which are read once in a process. There is no way to
//! switch verification off.

mod client;
mod config;
mod error;
mod logs;
mod metrics;
mod settings;
mod spans;
mod target;

pub use self::config::OtlpConfig;
pub use self::error::BuildError;
pub use self::logs::LogExporter;
pub use self::metrics::MetricExporter;
pub use self::settings::{ClientIdentity, Compression, Pem, Protocol, TlsConfig};
pub use self::spans::SpanExporter;

pub(crate) use self::target::Target;

use crate::ExportRuntime;

/// An exporter of spans.
///
/// # Errors
///
/// When the endpoint, a header or a certificate cannot be used, or something is not compiled in.
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
/// When the endpoint, a header or a certificate cannot be used, or something is not compiled in.
pub fn metric_exporter(
    runtime: &ExportRuntime,
    config: &OtlpConfig,
) -> Result<MetricExporter, BuildError> {
    MetricExporter::new(runtime, config)
}

/// An exporter of log records.
///
/// # Errors
///
/// When the endpoint, a header or a certificate cannot be used, or something is not compiled in.
pub fn log_exporter(
    runtime: &ExportRuntime,
    config: &OtlpConfig,
) -> Result<LogExporter, BuildError> {
    LogExporter::new(runtime, config)
}
