use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::handle::Handle;
use super::prepare::Prepare;
use super::{ExportStats, FlushError, PipelineFuture, SpanCounts, SpanPipelineBuilder};

/// How long [`SpanProcessor::force_flush`] may take, which has no argument for it: what the SDK gives its own.
const FORCE_FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The way of a finished span to an exporter: a [`SpanProcessor`] with a bounded queue, batches, a deadline on every
/// export and a count of everything dropped (OpenTelemetry specification, Trace SDK, "Batching processor").
///
/// This is a handle. Register one clone with the SDK and keep another one to flush, to shut down and to read the
/// counts:
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::trace::{Tracer as _, TracerProvider as _};
/// use throughline_otlp::opentelemetry_sdk::trace::SdkTracerProvider;
/// use throughline_otlp::{ExportRuntime, SpanPipeline, console};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = ExportRuntime::start()?;
/// let pipeline = SpanPipeline::builder().build(&runtime, console::SpanExporter::stdout());
/// let provider = SdkTracerProvider::builder().with_span_processor(pipeline.clone()).build();
///
/// provider.tracer("example").in_span("work", |_| ());
///
/// pipeline.shutdown_blocking(Duration::from_secs(5))?;
/// assert_eq!(pipeline.counts().exported, 1);
/// # Ok(())
/// # }
/// ```
///
/// Ending a span takes a short lock and never waits for an export. Record-only spans are not exported.
///
/// With [`build_otlp`](SpanPipelineBuilder::build_otlp) a span goes to a collector. The thread that ends it encodes it
/// and frees it; the export thread only sends bytes.
///
/// # Hazards
///
/// - Shut down before the program ends. A provider does so when its last clone is dropped, but the global one and every
///   tracer hold clones. When the last handle is dropped without a shutdown, what is queued is dropped, with a warning.
/// - The blocking calls stall an executor that runs on the calling thread. With a collector in the same single-threaded
///   runtime they wait for themselves until their deadline: use the futures there.
#[derive(Clone)]
pub struct SpanPipeline {
    pub(super) handle: Handle,
    pub(super) prepare: Arc<Prepare>,
}

impl SpanPipeline {
    /// Starts from the defaults of the specification.
    pub fn builder() -> SpanPipelineBuilder {
        SpanPipelineBuilder::default()
    }

    /// What became of the spans so far.
    #[must_use]
    pub fn counts(&self) -> SpanCounts {
        let (counts, started) = self.handle.shared().counts();
        counts.of_spans(started)
    }

    /// What the exports took so far.
    #[must_use]
    pub fn stats(&self) -> ExportStats {
        self.handle.stats()
    }

    /// Reports on the pipeline by these metrics, of the meter `throughline-otlp` (OpenTelemetry semantic conventions, "SDK
    /// metrics", in development): `otel.sdk.span.started`, `otel.sdk.span.live`, `otel.sdk.processor.span.queue.size`,
    /// `otel.sdk.processor.span.queue.capacity`, `otel.sdk.processor.span.processed`, `otel.sdk.exporter.span.inflight`,
    /// `otel.sdk.exporter.span.exported`, `otel.sdk.exporter.operation.duration`. Only sampled spans count. With
    /// [`n_plus_one`](SpanPipelineBuilder::n_plus_one) also by `throughline.n_plus_one.found`, which counts what was found.
    ///
    /// `error.type` is `queue_full`, `already_shutdown`, `timeout`, `rejected`, `panic`, `cancelled` or `_OTHER`. Nothing
    /// of it is paid for by a span. Without effect from the second call on.
    pub fn observe(&self, meters: &impl MeterProvider) {
        let reports = self.prepare.reports_n_plus_one && self.prepare.n_plus_one.is_some();
        self.handle.observe(meters, reports);
    }

    /// Exports every span that ended before this call, without waiting for a batch to fill up, then flushes the
    /// exporter. The future is ready when that is done, at the latest after `timeout`.
    ///
    /// # Errors
    ///
    /// The future yields an error when the time was not enough or spans were lost meanwhile. After a shutdown there is
    /// nothing left to flush, which is a success.
    pub fn flush(&self, timeout: Duration) -> PipelineFuture {
        self.handle.flush(timeout)
    }

    /// Like [`flush`](Self::flush), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough or spans were lost meanwhile.
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        self.handle.flush_blocking(timeout)
    }

    /// Takes no more spans, exports what is queued and shuts the exporter down. The future is ready when that is done,
    /// at the latest after `timeout`, even when the exporter blocks its thread; then whatever is still queued or in
    /// flight has been cancelled and counted as dropped.
    ///
    /// Spans that end after this call are dropped and counted. Further calls wait for the same end and yield the same
    /// result; of several deadlines the latest decides when spans are dropped, and each caller returns at its own.
    ///
    /// # Errors
    ///
    /// The future yields an error when the time was not enough, spans were lost meanwhile, or the exporter's own
    /// shutdown failed. The pipeline has ended all the same.
    pub fn shutdown(&self, timeout: Duration) -> PipelineFuture {
        self.handle.shutdown(timeout)
    }

    /// Like [`shutdown`](Self::shutdown), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough, spans were lost meanwhile, or the exporter's own shutdown failed.
    pub fn shutdown_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        self.handle.shutdown_blocking(timeout)
    }
}

impl SpanProcessor for SpanPipeline {
    fn on_start(&self, span: &mut Span, _: &Context) {
        if span.span_context().is_sampled() {
            self.handle.shared().span_started();
        }
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.prepare.queue(span, self.handle.shared());
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush_blocking(FORCE_FLUSH_TIMEOUT)
            .map_err(OTelSdkError::from)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.shutdown_blocking(timeout).map_err(OTelSdkError::from)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.handle.shared().set_resource(resource.clone());
    }
}

impl fmt::Debug for SpanPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanPipeline")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
