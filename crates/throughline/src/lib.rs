#![doc = include_str!("../README.md")]

mod config;
mod error;
mod init;
mod last_metrics;
mod layers;
#[cfg(test)]
mod lock;
mod resource;
mod signal;
mod signals;
mod subscriber;
mod telemetry;

pub use config::{
    Batch, Config, ConfigWarning, Exporter, HistogramAggregation, LogRecordLimits, MetricSettings,
    ParentBased, Sampler, SpanLimits,
};
pub use error::{InitError, ShutdownError};
pub use init::{Builder, builder, init};
pub use layers::Layers;
pub use resource::{Detector, UnknownDetector};
pub use signal::{shutdown_deadline, shutdown_signal};
pub use telemetry::{ShutdownReport, Telemetry};

pub use opentelemetry;
pub use opentelemetry_sdk::metrics::Temporality;
pub use opentelemetry_sdk::trace::SpanData;
pub use throughline_core::db_semconv::{DatabaseSettings, QueryText};
pub use throughline_core::http_semconv::{
    CapturedHeaders, HttpSettings, KnownMethods, PathPatterns,
};
pub use throughline_core::propagation::Propagator;
pub use throughline_log::Format;
pub use throughline_otlp::otlp::{
    BuildError, ClientIdentity, Compression, OtlpConfig, Pem, Protocol, TlsConfig,
};
pub use throughline_otlp::{Dropped, ExportStats, LogCounts, NPlusOne, SpanCounts};
pub use tracing_subscriber;
pub use tracing_subscriber::filter::LevelFilter;
