use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use tokio::sync::Notify;

use super::batch::Item;
use super::counts::Settled;
use super::observe::{Durations, Exporting};
use super::state::{FlushRequest, Found, Limits, Outcome, State, Step};
use super::warnings::{self, Warnings};
use super::{Dropped, ExportStats, FlushError};
use crate::encode::EncodedBatch;

/// A deadline that is out of reach for an [`Instant`] is taken as this far away.
const FAR_AWAY: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// What the threads that end spans, the callers that wait and the worker have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) exporting: Exporting,
    /// Where the durations of exports are recorded, once there is somebody to look at them.
    pub(super) durations: OnceLock<Durations>,
    pub(super) observed: AtomicBool,
    started: AtomicU64,
    state: Mutex<State>,
    /// For callers: a flush or the shutdown made progress.
    progress: Condvar,
    /// For the worker: there is something to do.
    work: Notify,
    /// For the worker: the pipeline has ended, whatever is in flight.
    stop: Notify,
    warnings: Mutex<Warnings>,
}

impl Shared {
    pub(super) fn new(limits: Limits, exporting: Exporting) -> Self {
        Self {
            limits,
            exporting,
            durations: OnceLock::new(),
            observed: AtomicBool::new(false),
            started: AtomicU64::new(0),
            state: Mutex::new(State::new(limits)),
            progress: Condvar::new(),
            work: Notify::new(),
            stop: Notify::new(),
            warnings: Mutex::new(Warnings::new(limits.signal)),
        }
    }

    pub(super) fn span_started(&self) {
        // Relaxed is enough: the lock that the end of the same span takes orders the two.
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn push(&self, item: Item<'_>) {
        let mut state = self.lock();
        if !state.admit(item.bytes()) {
            // The item is an argument, so it is freed after the lock.
            return;
        }
        let wake = state.push(item);
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    pub(super) fn recycle(&self, batch: EncodedBatch) {
        self.lock().recycle(batch);
    }

    /// Counts a span that its [redaction](super::SpanPipelineBuilder::redact) did not leave fit to go out.
    pub(super) fn redaction_panicked(&self) {
        self.lock().redaction_panicked();
    }

    /// Counts N+1 queries, each in words.
    pub(super) fn found(&self, queries: Vec<String>) {
        if queries.is_empty() {
            return;
        }
        let mut state = self.lock();
        for query in queries {
            state.add_found(query);
        }
    }

    pub(super) fn set_resource(&self, resource: Resource) {
        self.lock().set_resource(resource);
        self.work.notify_one();
    }

    /// What became of everything so far, and how many spans were started.
    pub(super) fn counts(&self) -> (Settled, u64) {
        let state = self.lock();
        // Read under the lock: every span that has ended was started before, so it is in this number.
        (state.counts(), self.started.load(Ordering::Relaxed))
    }

    pub(super) fn n_plus_one_found(&self) -> u64 {
        self.lock().found().count
    }

    pub(super) fn stats(&self) -> ExportStats {
        self.lock().stats()
    }

    pub(super) fn request_flush(&self) -> Option<FlushRequest> {
        let request = self.lock().request_flush();
        self.work.notify_one();
        request
    }

    /// Blocks until the flush is done or the time has passed.
    pub(super) fn wait_flushed(
        &self,
        request: FlushRequest,
        deadline: Deadline,
    ) -> Result<(), FlushError> {
        let state = self.lock();
        let (state, result) = self.wait(state, deadline, |state| state.flush_result(request));
        result.unwrap_or_else(|| Err(state.deadline_passed(deadline.after)))
    }

    pub(super) fn close(&self, deadline: Deadline) {
        self.lock().close(deadline.at);
        self.work.notify_one();
    }

    /// Blocks until the worker has ended or the time has passed; in that case ends the pipeline here and now, since the
    /// worker's thread may be blocked.
    pub(super) fn wait_closed(&self, deadline: Deadline) -> Result<(), FlushError> {
        let state = self.lock();
        let (state, result) = self.wait(state, deadline, State::shutdown_result);
        if let Some(result) = result {
            return result;
        }
        if !state.is_overdue(Instant::now()) {
            return Err(state.deadline_passed(deadline.after));
        }
        drop(state);
        self.abandon(deadline.after)
    }

    pub(super) fn shutdown_result(&self) -> Option<Result<(), FlushError>> {
        self.lock().shutdown_result()
    }

    /// Ends at once, drops what is left and warns about it; without effect on a pipeline that has ended.
    pub(super) fn abandon(&self, after: Duration) -> Result<(), FlushError> {
        let mut state = self.lock();
        let lost = state.unsettled();
        let leftovers = state.abandon(after);
        let result = state.shutdown_result().unwrap_or(Ok(()));
        drop(state);
        drop(leftovers);
        self.stop.notify_one();
        self.work.notify_one();
        self.progress.notify_all();
        // The worker's thread may be blocked, or too late for the end of the process. Nobody waits for it: what it says just
        // now, it says itself.
        if let Ok(mut warnings) = self.warnings.try_lock() {
            let (dropped, found) = self.news();
            warnings.finish(dropped, &found);
        }
        warnings::abandoned(self.limits.signal, lost);
        result
    }

    /// Warns of what other threads have dropped or found.
    pub(super) fn warn(&self) {
        let (dropped, found) = self.news();
        self.warnings().news(dropped, &found);
    }

    /// Likewise, for the last time.
    pub(super) fn warn_at_the_end(&self) {
        let (dropped, found) = self.news();
        self.warnings().finish(dropped, &found);
    }

    fn news(&self) -> (Dropped, Found) {
        let state = self.lock();
        (state.counts().dropped, state.found().clone())
    }

    /// For the worker.
    pub(super) fn warnings(&self) -> MutexGuard<'_, Warnings> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn step(&self) -> Step {
        self.lock().step(Instant::now())
    }

    /// Returns whether the batch in flight was counted by this.
    pub(super) fn complete(&self, outcome: &Outcome, took: Duration, sent_bytes: u64) -> bool {
        let counted = self.lock().complete(outcome, took, sent_bytes);
        if let Some(durations) = self.durations.get() {
            durations.record(took, outcome);
        }
        counted
    }

    pub(super) fn flushed(&self, id: u64, error: Option<String>) {
        self.lock().flushed(id, error);
        self.progress.notify_all();
    }

    pub(super) fn closed(&self, error: Option<&str>) {
        self.lock().closed(error);
        self.progress.notify_all();
    }

    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }

    fn wait<'a, T>(
        &self,
        mut state: MutexGuard<'a, State>,
        deadline: Deadline,
        result: impl Fn(&State) -> Option<T>,
    ) -> (MutexGuard<'a, State>, Option<T>) {
        loop {
            let found = result(&state);
            let left = deadline.at.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() {
                return (state, found);
            }
            let waited = self.progress.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under this lock, so a poisoned one holds a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A point in time, with the duration that it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    pub(super) fn after(after: Duration) -> Self {
        let now = Instant::now();
        let at = now.checked_add(after).unwrap_or_else(|| now + FAR_AWAY);
        Self { at, after }
    }
}
