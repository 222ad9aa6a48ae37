use std::sync::Arc;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::MeterProvider;

use super::observe::observe;
use super::shared::{Deadline, Shared};
use super::{ExportStats, FlushError, PipelineFuture};

/// What the handles of all pipelines can do. The worker ends when the last one is gone.
#[derive(Clone)]
pub(super) struct Handle(Arc<Open>);

struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.abandon(Duration::ZERO);
    }
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Open(shared)))
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.0
    }

    pub(super) fn stats(&self) -> ExportStats {
        self.shared().stats()
    }

    pub(super) fn observe(&self, meters: &impl MeterProvider, finds_n_plus_one: bool) {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let meter = meters.meter_with_scope(scope);
        observe(&self.0.0, &meter, finds_n_plus_one);
    }

    pub(super) fn flush(&self, timeout: Duration) -> PipelineFuture {
        let deadline = Deadline::after(timeout);
        let Some(request) = self.shared().request_flush() else {
            return PipelineFuture::ready(Ok(()));
        };
        self.wait(move |shared| shared.wait_flushed(request, deadline))
    }

    pub(super) fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        match self.shared().request_flush() {
            Some(request) => self.shared().wait_flushed(request, deadline),
            None => Ok(()),
        }
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> PipelineFuture {
        let deadline = Deadline::after(timeout);
        self.shared().close(deadline);
        match self.shared().shutdown_result() {
            Some(result) => PipelineFuture::ready(result),
            None => self.wait(move |shared| shared.wait_closed(deadline)),
        }
    }

    pub(super) fn shutdown_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        self.shared().close(deadline);
        self.shared().wait_closed(deadline)
    }

    /// Waits on a thread of its own: the export thread may be blocked, and the caller may have no timer.
    fn wait(
        &self,
        wait: impl FnOnce(&Shared) -> Result<(), FlushError> + Clone + Send + 'static,
    ) -> PipelineFuture {
        let handle = self.clone();
        let signal = self.shared().limits.signal;
        let on_thread = wait.clone();
        PipelineFuture::waiting(signal, move || on_thread(handle.shared()))
            // Without a thread the deadline is kept by blocking the caller.
            .unwrap_or_else(|_| PipelineFuture::ready(wait(self.shared())))
    }
}
