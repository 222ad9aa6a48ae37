mod batch;
mod builder;
mod counts;
mod destination;
mod error;
mod future;
mod prepare;
mod shared;
mod state;
mod warnings;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use self::prepare::Prepare;
use self::shared::{Deadline, Shared};

pub use self::builder::SpanPipelineBuilder;
pub use self::counts::{DroppedSpans, SpanCounts};
pub use self::error::FlushError;
pub use self::future::PipelineFuture;

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
    handle: Arc<Handle>,
}

impl SpanPipeline {
    /// Starts from the defaults of the specification.
    pub fn builder() -> SpanPipelineBuilder {
        SpanPipelineBuilder::default()
    }

    /// What became of the spans so far.
    #[must_use]
    pub fn counts(&self) -> SpanCounts {
        self.handle.shared.counts()
    }

    /// Exports every span that ended before this call, without waiting for a batch to fill up, then flushes the
    /// exporter. The future is ready when that is done, at the latest after `timeout`.
    ///
    /// # Errors
    ///
    /// The future yields an error when the time was not enough or spans were lost meanwhile. After a shutdown there is
    /// nothing left to flush, which is a success.
    pub fn flush(&self, timeout: Duration) -> PipelineFuture {
        let deadline = Deadline::after(timeout);
        let Some(request) = self.handle.shared.request_flush() else {
            return PipelineFuture::ready(Ok(()));
        };
        self.wait(move |shared| shared.wait_flushed(request, deadline))
    }

    /// Like [`flush`](Self::flush), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough or spans were lost meanwhile.
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        let shared = &self.handle.shared;
        match shared.request_flush() {
            Some(request) => shared.wait_flushed(request, deadline),
            None => Ok(()),
        }
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
        let deadline = Deadline::after(timeout);
        self.handle.shared.close(deadline);
        match self.handle.shared.shutdown_result() {
            Some(result) => PipelineFuture::ready(result),
            None => self.wait(move |shared| shared.wait_closed(deadline)),
        }
    }

    /// Like [`shutdown`](Self::shutdown), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough, spans were lost meanwhile, or the exporter's own shutdown failed.
    pub fn shutdown_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        self.handle.shared.close(deadline);
        self.handle.shared.wait_closed(deadline)
    }

    /// Waits on a thread of its own: the export thread may be blocked, and the caller may have no timer.
    fn wait(
        &self,
        wait: impl FnOnce(&Shared) -> Result<(), FlushError> + Clone + Send + 'static,
    ) -> PipelineFuture {
        let handle = Arc::clone(&self.handle);
        let on_thread = wait.clone();
        PipelineFuture::waiting(move || on_thread(&handle.shared))
            // Without a thread the deadline is kept by blocking the caller.
            .unwrap_or_else(|_| PipelineFuture::ready(wait(&self.handle.shared)))
    }
}

impl SpanProcessor for SpanPipeline {
    fn on_start(&self, span: &mut Span, _: &Context) {
        if span.span_context().is_sampled() {
            self.handle.shared.span_started();
        }
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.handle.prepare.queue(span, &self.handle.shared);
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
        self.handle.shared.set_resource(resource.clone());
    }
}

impl fmt::Debug for SpanPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanPipeline")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Ends the worker when the last [`SpanPipeline`] is gone.
struct Handle {
    shared: Arc<Shared>,
    prepare: Prepare,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.shared.abandon(Duration::ZERO);
    }
}
