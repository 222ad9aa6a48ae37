use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;
use tracing::warn;

use super::client::{Client, Failure};
use super::{BuildError, OtlpConfig};
use crate::ExportRuntime;
use crate::guard::guarded;
use crate::throttle::Throttle;

/// Sends spans: made by [`span_exporter`](super::span_exporter).
///
/// Its errors say what happened and at which endpoint, without credentials. `Debug` shows that endpoint only.
pub struct SpanExporter {
    inner: opentelemetry_otlp::SpanExporter,
    target: Target,
}

impl SpanExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let target = Target::new(runtime, config)?;
        let builder = opentelemetry_otlp::SpanExporter::builder().with_http();
        let inner = target
            .configure(builder, config)
            .build()
            .map_err(|error| not_built(&error))?;
        Ok(Self { inner, target })
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.inner.export(batch).await;
        result.map_err(|error| self.target.explain(error))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl fmt::Debug for SpanExporter {
    // By hand: the inner exporter shows the headers of the environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExporter")
            .field("endpoint", &self.target.shown_endpoint)
            .finish_non_exhaustive()
    }
}

/// Sends metrics: made by [`metric_exporter`](super::metric_exporter).
///
/// The SDK's reader tells nobody about a failed export unless its `internal-logs` feature is on, so this exporter warns
/// by itself, at most once a minute.
pub struct MetricExporter {
    inner: opentelemetry_otlp::MetricExporter,
    target: Target,
    temporality: Temporality,
    warnings: Mutex<Throttle>,
}

impl MetricExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let target = Target::new(runtime, config)?;
        let builder = opentelemetry_otlp::MetricExporter::builder().with_http();
        let inner = target
            .configure(builder, config)
            .build()
            .map_err(|error| not_built(&error))?;
        Ok(Self {
            inner,
            target,
            temporality: Temporality::Cumulative,
            warnings: Mutex::new(Throttle::default()),
        })
    }

    /// The temporality of sums and histograms, as in `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`. Default
    /// cumulative (OpenTelemetry specification, Metrics SDK, "OTLP exporter").
    #[must_use]
    pub fn with_temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    fn warn(&self, error: &OTelSdkError) {
        let due = {
            let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            warnings.add(1);
            warnings.release(Instant::now())
        };
        if let Some(exports) = due {
            // A subscriber is foreign code: its panic would end the reader's thread.
            let _ = guarded(|| {
                warn!(
                    target: "throughline_otlp",
                    exports,
                    reason = %error,
                    "metrics could not be exported",
                );
            });
        }
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.inner.export(metrics).await;
        result.map_err(|error| {
            let error = self.target.explain(error);
            self.warn(&error);
            error
        })
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

impl fmt::Debug for MetricExporter {
    // By hand, as for spans.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricExporter")
            .field("endpoint", &self.target.shown_endpoint)
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}

/// What both exporters know about where they send to.
struct Target {
    client: Arc<Client>,
    shown_endpoint: String,
}

impl Target {
    fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        Ok(Self {
            client: Arc::new(Client::new(runtime, config)?),
            shown_endpoint: config.shown_endpoint(),
        })
    }

    /// Sets everything that the environment could set otherwise. Retries are the client's: the exporter's own would
    /// block the thread while they wait.
    ///
    /// The exporter may log its endpoint, so it gets the one that may be shown; the client sends to the real one.
    fn configure<B: WithExportConfig + WithHttpConfig>(
        &self,
        builder: B,
        config: &OtlpConfig,
    ) -> B {
        builder
            .with_endpoint(self.shown_endpoint.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(config.timeout)
            .with_shared_http_client(Arc::clone(&self.client) as Arc<_>)
            .with_retry_policy(RetryPolicy::disabled())
    }

    fn explain(&self, error: OTelSdkError) -> OTelSdkError {
        match (self.client.take_failure(), error) {
            (Some(Failure::TimedOut(limit)), _) => OTelSdkError::Timeout(limit),
            (Some(failure), _) => self.failed(&failure.to_string()),
            (None, OTelSdkError::InternalFailure(reason)) => self.failed(&reason),
            (None, error) => error,
        }
    }

    fn failed(&self, reason: &str) -> OTelSdkError {
        OTelSdkError::InternalFailure(format!("{}: {reason}", self.shown_endpoint))
    }
}

fn not_built(error: &ExporterBuildError) -> BuildError {
    let reason = crate::redact::printable(&error.to_string());
    BuildError::Exporter { reason }
}
