use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::time::{timeout, timeout_at};

use super::batch::Batch;
use super::destination::{Delivered, Destination};
use super::shared::Shared;
use super::state::{Outcome, Step};
use crate::ExportRuntime;
use crate::guard::{Guarded, guarded};
use crate::redact::printable;

/// After so many panics in a row the exporter is left alone for [`PAUSE`]: each panic runs the panic hook of the
/// application, which usually prints a page.
const PANICS_IN_A_ROW: u32 = 10;
const PAUSE: Duration = Duration::from_secs(60);

/// Takes batches out of the queue and gives them to the exporter, until the pipeline ends.
pub(super) struct Worker<D> {
    shared: Arc<Shared>,
    destination: D,
    export_timeout: Duration,
    panics: Panics,
    // The thread stays for as long as there is a worker that may need it to say goodbye.
    runtime: ExportRuntime,
}

impl<D: Destination> Worker<D> {
    pub(super) fn new(
        shared: Arc<Shared>,
        destination: D,
        export_timeout: Duration,
        runtime: ExportRuntime,
    ) -> Self {
        Self {
            destination,
            export_timeout,
            panics: Panics::default(),
            shared,
            runtime,
        }
    }

    pub(super) async fn run(mut self) {
        // However this task ends, nobody waits for it in vain.
        let _end = AbandonOnDrop(Arc::clone(&self.shared));
        while self.one_step().await {
            self.shared.warn();
        }
        let Self {
            destination,
            runtime,
            ..
        } = self;
        let _ = guarded(|| drop(destination));
        drop(runtime);
    }

    /// Returns false at the end.
    async fn one_step(&mut self) -> bool {
        match self.shared.step() {
            Step::SetResource(resource) => self.set_resource(&resource),
            Step::Export(batch) => self.export(batch).await,
            Step::Flush(id) => {
                let error = self.ask_exporter(D::force_flush);
                self.shared.flushed(id, error);
            }
            Step::Close => {
                let error = self.ask_exporter(D::shutdown);
                // The process may end as soon as those who wait know.
                self.shared.warn_at_the_end();
                self.shared.closed(error.as_deref());
                return false;
            }
            Step::Ended => {
                self.ask_exporter(D::shutdown);
                self.shared.warn_at_the_end();
                return false;
            }
            Step::Sleep { until } => self.sleep(until).await,
        }
        true
    }

    async fn export(&mut self, batch: Batch) {
        let count = batch.len() as u64;
        let begun = Instant::now();
        let outcome = if self.panics.is_paused(Instant::now()) {
            Outcome::Panicked("the exporter panicked too often and is paused".to_owned())
        } else {
            let outcome = match self.call_exporter(batch).await {
                Outcome::Exported(delivered) => Outcome::Exported(delivered.of_batch(count)),
                outcome => outcome,
            };
            let panicked = matches!(outcome, Outcome::Panicked(_));
            self.panics.record(panicked, Instant::now());
            outcome
        };
        let sent_bytes = self.destination.sent_bytes();
        if self.shared.complete(&outcome, begun.elapsed(), sent_bytes) {
            self.shared.warnings().export(count, &outcome);
        }
        // An exporter that is never pending would keep the thread from everything else on it.
        tokio::task::yield_now().await;
    }

    async fn call_exporter(&self, batch: Batch) -> Outcome {
        let mut export = match guarded(|| self.destination.export(batch)) {
            Ok(future) => Guarded::new(future),
            Err(panic) => return Outcome::Panicked(panic),
        };
        let mut stopped = pin!(self.shared.stopped());
        let race = poll_fn(|task| {
            if stopped.as_mut().poll(task).is_ready() {
                return Poll::Ready(Outcome::Cancelled);
            }
            Pin::new(&mut export).poll(task).map(outcome)
        });
        let limit = self.export_timeout;
        timeout(limit, race)
            .await
            .unwrap_or_else(|_| Outcome::TimedOut(format!("the export took longer than {limit:?}")))
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Err(panic) = guarded(|| self.destination.set_resource(resource)) {
            self.shared.warnings().panicked(0, &panic);
        }
    }

    /// Calls the flush or the shutdown of the exporter, and returns what went wrong.
    fn ask_exporter(&self, call: impl FnOnce(&D) -> OTelSdkResult) -> Option<String> {
        match guarded(|| call(&self.destination)) {
            Ok(Ok(()) | Err(OTelSdkError::AlreadyShutdown)) => None,
            Ok(Err(error)) => Some(printable(&error.to_string())),
            Err(panic) => Some(format!("the exporter panicked: {panic}")),
        }
    }

    async fn sleep(&self, until: Option<Instant>) {
        match until {
            // Woken or due: the next step finds out which.
            Some(due) => {
                let _ = timeout_at(due.into(), self.shared.work()).await;
            }
            None => self.shared.work().await,
        }
    }
}

fn outcome(result: Result<Result<Delivered, OTelSdkError>, String>) -> Outcome {
    match result {
        Ok(Ok(delivered)) => Outcome::Exported(delivered),
        Ok(Err(OTelSdkError::Timeout(after))) => {
            Outcome::TimedOut(format!("the exporter gave up after {after:?}"))
        }
        Ok(Err(OTelSdkError::InternalFailure(reason))) => Outcome::Failed(printable(&reason)),
        Ok(Err(error)) => Outcome::Failed(printable(&error.to_string())),
        Err(panic) => Outcome::Panicked(panic),
    }
}

#[derive(Debug, Default)]
struct Panics {
    in_a_row: u32,
    paused_until: Option<Instant>,
}

impl Panics {
    fn record(&mut self, panicked: bool, now: Instant) {
        self.in_a_row = if panicked {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        let often = self.in_a_row >= PANICS_IN_A_ROW;
        self.paused_until = often.then(|| now + PAUSE);
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

struct AbandonOnDrop(Arc<Shared>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        let _ = self.0.abandon(Duration::ZERO);
    }
}
