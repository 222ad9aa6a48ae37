//! For tests of traced code: spans and metrics in memory, a trace tree to assert on, and an OTLP
//! collector that can be told to fail.
//!
//! ```
//! use throughline_testing::InMemory;
//! use throughline_testing::opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
//! use throughline_testing::opentelemetry::{Context, KeyValue};
//!
//! let memory = InMemory::new();
//! let tracer = memory.tracer_provider().tracer("shop");
//!
//! let server = tracer.span_builder("POST /checkout").with_kind(SpanKind::Server);
//! let server = Context::new().with_span(server.start(&tracer));
//! let client = tracer.span_builder("POST").with_kind(SpanKind::Client);
//! let client = Context::new().with_span(client.start_with_context(&tracer, &server));
//! client.span().set_attribute(KeyValue::new("http.response.status_code", 200));
//! client.span().end();
//! server.span().end();
//!
//! let trace = memory.trace();
//! trace.assert_tree(
//!     "SERVER POST /checkout
//!        CLIENT POST",
//! );
//! trace.find("POST").assert_attributes(&[("http.response.status_code", 200.into())]);
//! println!("{trace}");
//! ```
//!
//! - [`InMemory`] holds a tracer provider and a meter provider without anything global: pass them to
//!   what is tested, then look at the spans and metrics. Any number of tests run side by side.
//! - [`Collector`] receives OTLP over gRPC and HTTP on loopback, for tests of whole processes and of
//!   exporters. [`Behavior`] makes it slow, broken or absent.
//! - [`Trace`] arranges the spans of either as a tree. [`SpanRecord`] and [`MetricRecord`] are the
//!   same for both; a [`LogRecord`] comes from the collector only.
//!
//! # What it does not do
//!
//! It keeps everything that it receives and is no collector for production. It decompresses gzip
//! but not zstd, which would need a C compiler, does not serve TLS, and leaves out what no SDK
//! records: values that are bytes, maps or mixed arrays show as their JSON, and summaries are
//! ignored.
//!
//! # Environment variables
//!
//! None is read.

mod collector;
mod expected;
mod log;
mod memory;
mod metric;
mod n_plus_one;
mod otlp;
mod outline;
mod sdk;
mod span;
mod trace;

pub use collector::{Behavior, Collector, TimedOut};
pub use expected::Expected;
pub use log::LogRecord;
pub use memory::InMemory;
pub use metric::{MetricKind, MetricRecord, PointRecord};
pub use opentelemetry;
pub use opentelemetry_sdk;
pub use span::{EventRecord, LinkRecord, SpanRecord};
pub use trace::Trace;
