use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use tracing::warn;

use super::client::Client;
use super::{BuildError, OtlpConfig};
use crate::guard::guarded;
use crate::throttle::Throttle;
use crate::{ExportRuntime, Signal};

/// Sends metrics: made by [`metric_exporter`](super::metric_exporter).
///
/// The SDK's reader tells nobody about a failed export unless its `internal-logs` feature is on, so this exporter warns
/// by itself, at most once a minute.
pub struct MetricExporter {
    inner: opentelemetry_otlp::MetricExporter,
    client: Arc<Client>,
    temporality: Temporality,
    warnings: Mutex<Throttle>,
}

impl MetricExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let client = Client::new(runtime, config, Signal::Metrics)?;
        let inner = (client.serve(opentelemetry_otlp::MetricExporter::builder().with_http()))
            .build()
            .map_err(|error| BuildError::of_exporter(&error))?;
        Ok(Self {
            inner,
            client,
            temporality: Temporality::Cumulative,
            warnings: Mutex::default(),
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
        if let Some(exports) = Throttle::count(&self.warnings) {
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
        let answer = (self.client.explain(result)).inspect_err(|error| self.warn(error))?;
        self.client.remark(&answer);
        Ok(())
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
    // By hand: the exporter inside is not made to be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricExporter")
            .field("endpoint", &self.client.shown_endpoint())
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}
