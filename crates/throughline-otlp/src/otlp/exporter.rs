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

use super::client::Client;
use super::{BuildError, OtlpConfig};
use crate::ExportRuntime;
use crate::encode::{self, EncodedBatch};
use crate::guard::guarded;
use crate::throttle::Throttle;
use crate::transport::{Answer, Payload, SendError, Signal, Transport};

/// Sends spans: made by [`span_exporter`](super::span_exporter), for the SDK's own span processors. A
/// [`SpanPipeline`](crate::SpanPipeline) does without it, and cheaper.
///
/// Its errors say what happened and at which endpoint, without credentials. `Debug` shows that endpoint only.
pub struct SpanExporter {
    target: Target,
    transport: Transport,
    resource: Vec<u8>,
}

impl SpanExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        Ok(Self {
            target: Target::new(config, Signal::Traces),
            transport: Transport::new(runtime, config, Signal::Traces)?,
            resource: Vec::new(),
        })
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (mut encoded, mut span) = (EncodedBatch::default(), Vec::new());
        for data in batch {
            span.clear();
            encode::span(&mut span, &data, &encode::Limits::default());
            encoded.push(&data.instrumentation_scope, &span);
        }
        let body = encoded.request(&self.resource);
        let outcome = self.transport.send(Payload::plain(body.into())).await;
        self.target.explain(Some(outcome), Ok(()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = encode::resource(resource);
    }
}

impl fmt::Debug for SpanExporter {
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
    client: Arc<Client>,
    target: Target,
    temporality: Temporality,
    warnings: Mutex<Throttle>,
}

impl MetricExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let target = Target::new(config, Signal::Metrics);
        let client = Arc::new(Client::new(runtime, config, Signal::Metrics)?);
        // Everything that the environment could set otherwise. Retries are the transport's: the exporter's own would
        // block the thread while they wait. The protocol here only decides how the body is encoded. The exporter may
        // log its endpoint, so it gets the one that may be shown; the transport sends to the real one.
        let inner = opentelemetry_otlp::MetricExporter::builder()
            .with_http()
            .with_endpoint(target.shown_endpoint.clone())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(config.timeout)
            .with_shared_http_client(Arc::clone(&client) as Arc<_>)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| not_built(&error))?;
        Ok(Self {
            inner,
            client,
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
        self.target
            .explain(self.client.take_outcome(), result)
            .inspect_err(|error| self.warn(error))
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
    shown_endpoint: String,
    signal: Signal,
    remarks: Mutex<Throttle>,
}

impl Target {
    fn new(config: &OtlpConfig, signal: Signal) -> Self {
        Self {
            shown_endpoint: config.shown_endpoint(),
            signal,
            remarks: Mutex::new(Throttle::default()),
        }
    }

    /// The result in the words of the transport, which knows more. Warns of what a successful answer rejects.
    fn explain(
        &self,
        outcome: Option<Result<Answer, SendError>>,
        result: OTelSdkResult,
    ) -> OTelSdkResult {
        match (outcome, result) {
            (Some(Ok(answer)), Ok(())) => {
                self.remark(&answer);
                Ok(())
            }
            (Some(Err(SendError::TimedOut(limit))), _) => Err(OTelSdkError::Timeout(limit)),
            (Some(Err(error)), _) => Err(self.failed(&error.to_string())),
            (_, Err(OTelSdkError::InternalFailure(reason))) => Err(self.failed(&reason)),
            (_, result) => result,
        }
    }

    fn failed(&self, reason: &str) -> OTelSdkError {
        OTelSdkError::InternalFailure(format!("{}: {reason}", self.shown_endpoint))
    }

    /// "The client SHOULD log it" (OTLP specification, "Partial Success").
    fn remark(&self, answer: &Answer) {
        if answer.rejected == 0 && answer.message.is_empty() {
            return;
        }
        let due = {
            let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
            remarks.add(1);
            remarks.release(Instant::now())
        };
        if let Some(answers) = due {
            let (rejected, reason) = (answer.rejected, answer.message.as_str());
            let (endpoint, signal) = (self.shown_endpoint.as_str(), self.signal.name());
            // A subscriber is foreign code: its panic would cost a batch that has arrived.
            let _ = guarded(|| {
                warn!(
                    target: "throughline_otlp",
                    signal,
                    endpoint,
                    answers,
                    rejected,
                    reason,
                    "the collector did not take everything, or has something to say",
                );
            });
        }
    }
}

fn not_built(error: &ExporterBuildError) -> BuildError {
    let reason = crate::redact::printable(&error.to_string());
    BuildError::Exporter { reason }
}
