//! The way of a finished span, or of a log record, to the wire: a bounded queue, a thread of its own, a deadline on every
//! export and a count of everything dropped.
//!
//! Most applications get all of this from `throughline::init`. Use this crate alone when you set up the OpenTelemetry
//! SDK by yourself and want a span processor that cannot hang, does not depend on your runtime and says what it lost.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use opentelemetry::trace::{Tracer as _, TracerProvider as _};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use throughline_otlp::otlp::OtlpConfig;
//! use throughline_otlp::{ExportRuntime, SpanPipeline};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = ExportRuntime::start()?;
//! let config = OtlpConfig::new("http://localhost:4318/v1/traces");
//! let pipeline = SpanPipeline::builder().build_otlp(&runtime, &config)?;
//! let provider = SdkTracerProvider::builder().with_span_processor(pipeline.clone()).build();
//!
//! provider.tracer("example").in_span("work", |_| ());
//!
//! // Without a collector this says so, in time.
//! if let Err(lost) = pipeline.shutdown_blocking(Duration::from_millis(200)) {
//!     eprintln!("{lost}: {}", pipeline.counts());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it counts
//!
//! | [`SpanCounts`] | spans that |
//! |---|---|
//! | `started` | were started and sampled |
//! | `exported` | the exporter took without an error |
//! | `dropped.queue_full` | ended while the queue was full |
//! | `dropped.export_failed` | were in an export that ended with an error |
//! | `dropped.export_timeout` | were in an export that was cancelled at its deadline |
//! | `dropped.exporter_panicked` | were in an export that panicked |
//! | `dropped.rejected` | the collector did not take, though it took others of the same export |
//! | `dropped.redaction_panicked` | were not redacted to the end, and must not go out |
//! | `dropped.shutdown` | were left when the deadline of the shutdown passed, or ended after it had begun |
//! | `queued` | wait for their export |
//! | `open` | have not ended |
//!
//! The first number is always the sum of all others. [`LogCounts`] say the same of log records, and [`ExportStats`] what
//! the exports took; [`SpanPipeline::observe`] makes metrics of all three.
//!
//! What is dropped is also reported by `tracing` events of level `WARN` with the target `throughline_otlp`, each kind at
//! most once a minute and once more at the end; but not what comes after the shutdown has begun. No log record is made of
//! them: it would go the way that is in trouble.
//!
//! # What holds
//!
//! - Ending a span never waits for an export; the queue is bounded, in spans and, on the way to a collector, in bytes.
//! - On the way to a collector a span is encoded and freed by the thread that ends it, after its redaction. Of attributes
//!   with the same key the last one goes out.
//! - Every export has a deadline that cancels it. A shutdown returns at its deadline, even when the exporter blocks its
//!   thread, from any thread and on any executor or none.
//! - An exporter's panic costs its batch, not the pipeline. The panic hook of the application runs, as always; after 10
//!   panics in a row the exporter is left alone for a minute.
//! - N+1 queries are looked for where [asked](SpanPipelineBuilder::n_plus_one), on the thread that ends a span, in bounded
//!   memory that is not allocated anew.
//! - Exporters run with telemetry suppressed: they make no spans, and what they log becomes no log record.
//!
//! # What it does not do
//!
//! - No HTTP proxies, and no JSON to a collector; [`console::JsonExporter`] prints it.
//! - For an exporter of spans of the SDK's the queue is bounded in spans, not in bytes: when it is full it holds as much
//!   memory as so many of your spans do, and the batch that is being exported comes on top.
//! - Nothing is kept on disk.
//!
//! # Features
//!
//! None is on by default, for the sake of compile time; `throughline` turns on what `init()` needs.
//!
//! | feature | adds | by |
//! |---|---|---|
//! | `grpc` | [`Protocol::Grpc`](otlp::Protocol::Grpc) | hyper's HTTP/2 |
//! | `tls` | `https://` endpoints, private authorities, client certificates | rustls with ring |
//! | `gzip` | [`Compression::Gzip`](otlp::Compression::Gzip) | flate2 in pure Rust |
//! | `zstd` | [`Compression::Zstd`](otlp::Compression::Zstd) | the C library |
//!
//! What is configured and not compiled in is an error that names the feature.
//!
//! # Variables
//!
//! It reads no `OTEL_*` variable; `throughline::init` does, and passes values. See [`otlp`] for what the underlying
//! exporter reads. With `tls`, `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's authorities are.

mod encode;
mod guard;
mod n_plus_one;
mod pipeline;
mod proto;
mod redact;
mod runtime;
mod signal;
mod throttle;
mod transport;

pub mod console;
pub mod otlp;

pub use opentelemetry_sdk;

pub use self::n_plus_one::NPlusOne;
pub use self::pipeline::{
    Dropped, ExportStats, FlushError, LogCounts, LogPipeline, LogPipelineBuilder, PipelineFuture,
    SpanCounts, SpanPipeline, SpanPipelineBuilder,
};
pub use self::runtime::ExportRuntime;
pub use self::signal::Signal;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
