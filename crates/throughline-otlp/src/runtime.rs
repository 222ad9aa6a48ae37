use std::io;
use std::sync::Arc;
use std::thread;

use opentelemetry::Context;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// One background thread, `throughline-export`, with a small Tokio runtime of its own.
///
/// Span pipelines and OTLP clients run on it, so that an export neither needs nor disturbs the runtime of the
/// application: it makes no difference whether that is multi-threaded, `current_thread`, blocked or absent.
/// Telemetry is suppressed on the whole thread, so an exporter never traces itself.
///
/// Clones share the thread. It ends when the last clone is gone; pipelines and exporters hold one each. Dropping never
/// blocks.
///
/// # Hazards
///
/// - An exporter that blocks its thread blocks everything on this runtime. The deadlines of a
///   [`SpanPipeline`](crate::SpanPipeline) hold nevertheless.
/// - After a `fork` the child has no such thread, and nothing is exported there: fork first, then start.
///
/// ```
/// let runtime = throughline_otlp::ExportRuntime::start()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct ExportRuntime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    handle: Handle,
    // Never sent: the thread ends when this end of the channel is dropped.
    _alive: oneshot::Sender<()>,
}

impl ExportRuntime {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, or no descriptors for the runtime.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            // For name lookups, which end when the operating system gives up, not with the export that asked: while the
            // name server is silent, cancelled exports would leave one thread each, up to Tokio's default of 512.
            .max_blocking_threads(2)
            .build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        thread::Builder::new()
            .name("throughline-export".to_owned())
            .spawn(move || drive(runtime, ended))?;
        let inner = Arc::new(Inner {
            handle,
            _alive: alive,
        });
        Ok(Self { inner })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.inner.handle
    }
}

/// Runs tasks until the last [`ExportRuntime`] is gone.
fn drive(runtime: Runtime, ended: oneshot::Receiver<()>) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    // An error is what says that the other end was dropped.
    let _ = runtime.block_on(ended);
    // A name lookup may still hang in the operating system; the thread does not wait for it.
    runtime.shutdown_background();
}
