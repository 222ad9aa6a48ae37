use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::batch::{Batch, Item, Items};
use super::counts::Settled;
use super::destination::Delivered;
use super::{Dropped, ExportStats, FlushError};
use crate::Signal;
use crate::encode::EncodedBatch;
use opentelemetry_sdk::Resource;

/// What a pipeline remembers: the queue, the counts, and what is asked of the worker. It neither waits nor calls
/// anything, so it is the one thing behind the lock.
///
/// `accepted == exported + lost + queued + in_flight` by construction: no span is counted twice or forgotten.
#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    phase: Phase,
    // Whole batches, so that the worker takes one by moving a pointer while threads wait for the lock.
    batches: VecDeque<Batch>,
    // Batches without spans, whose memory is filled again.
    spare: Vec<EncodedBatch>,
    queued: usize,
    queued_bytes: usize,
    due: Option<Instant>,
    in_flight: usize,
    exported: u64,
    // Accepted, but never exported.
    lost: u64,
    dropped: Dropped,
    // Of what was dropped by the end: it was being exported.
    cancelled: u64,
    stats: ExportStats,
    last_failure: String,
    found: Found,
    resource: Option<Resource>,
    flushes: Flushes,
}

/// The N+1 queries so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) count: u64,
    pub(super) last: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) signal: Signal,
    pub(super) queue: usize,
    pub(super) queue_bytes: usize,
    pub(super) batch: usize,
    pub(super) batch_bytes: usize,
    pub(super) delay: Duration,
}

#[derive(Debug)]
enum Phase {
    Open,
    Closing { latest: Instant, lost_before: u64 },
    Ended(Result<(), FlushError>),
}

#[derive(Debug, Default)]
struct Flushes {
    requested: u64,
    done: u64,
    // The flush is for the first so many accepted spans.
    up_to: u64,
    error: Option<String>,
}

/// What the worker does next.
#[derive(Debug)]
pub(super) enum Step {
    SetResource(Resource),
    Export(Batch),
    Flush(u64),
    Close,
    Ended,
    Sleep { until: Option<Instant> },
}

/// How an export ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Exported(Delivered),
    Failed(String),
    TimedOut(String),
    Panicked(String),
    /// The pipeline ended meanwhile; its end has counted the batch.
    Cancelled,
}

/// A flush that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlushRequest {
    id: u64,
    lost_before: u64,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Open,
            batches: VecDeque::new(),
            spare: Vec::new(),
            queued: 0,
            queued_bytes: 0,
            due: None,
            in_flight: 0,
            exported: 0,
            lost: 0,
            dropped: Dropped::default(),
            cancelled: 0,
            stats: ExportStats::default(),
            last_failure: String::new(),
            found: Found::default(),
            resource: None,
            flushes: Flushes::default(),
        }
    }

    /// Whether there is room for one more span of so many bytes; when not, counts it as dropped.
    pub(super) fn admit(&mut self, bytes: usize) -> bool {
        if !matches!(self.phase, Phase::Open) {
            self.dropped.shutdown += 1;
            return false;
        }
        let is_full = self.queued >= self.limits.queue
            || bytes > self.limits.queue_bytes.saturating_sub(self.queued_bytes);
        if is_full {
            self.dropped.queue_full += 1;
        }
        !is_full
    }

    /// Queues a span that was admitted, in constant time apart from a batch that grows. Returns whether the worker has
    /// something new to do.
    pub(super) fn push(&mut self, item: Item<'_>) -> bool {
        let was_empty = self.queued == 0;
        if was_empty {
            self.due = Instant::now().checked_add(self.limits.delay);
        }
        self.queued += 1;
        let bytes = item.bytes();
        self.queued_bytes += bytes;
        self.stats.most_queued = self.stats.most_queued.max(self.queued as u64);
        let has_room = |batch: &&mut Batch| {
            batch.len() < self.limits.batch
                && batch.bytes().saturating_add(bytes) <= self.limits.batch_bytes
        };
        match self.batches.back_mut().filter(has_room) {
            Some(batch) => {
                batch.push(item);
                was_empty || batch.len() == self.limits.batch
            }
            None => {
                let mut batch = Batch::new(match item {
                    Item::Span(_) => Items::Spans(Vec::new()),
                    Item::Encoded { .. } => Items::Encoded(self.spare.pop().unwrap_or_default()),
                    Item::Record { .. } => Items::Records(Vec::new()),
                });
                batch.push(item);
                self.batches.push_back(batch);
                // The one before is full, if only of bytes.
                true
            }
        }
    }

    /// Takes the memory of a batch back.
    pub(super) fn recycle(&mut self, batch: EncodedBatch) {
        // One that fills up and one that is sent.
        const ENOUGH: usize = 2;
        if self.spare.len() < ENOUGH {
            self.spare.extend(batch.recycle(self.limits.batch_bytes));
        }
    }

    pub(super) fn redaction_panicked(&mut self) {
        self.dropped.redaction_panicked += 1;
    }

    pub(super) fn add_found(&mut self, what: String) {
        self.found.count += 1;
        self.found.last = what;
    }

    pub(super) fn found(&self) -> &Found {
        &self.found
    }

    pub(super) fn set_resource(&mut self, resource: Resource) {
        self.resource = Some(resource);
    }

    /// What the worker does next; an export is in flight from here on.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        if let Phase::Ended(_) = self.phase {
            return Step::Ended;
        }
        if let Some(resource) = self.resource.take() {
            return Step::SetResource(resource);
        }
        let closing = matches!(self.phase, Phase::Closing { .. });
        let flushing = self.flushes.requested > self.flushes.done;
        let for_flush = flushing && self.settled() < self.flushes.up_to;
        // Before anything else: under load there is always a batch to export, and the flush does not wait for it.
        if flushing && !for_flush {
            return Step::Flush(self.flushes.requested);
        }
        let due = self.due.is_some_and(|due| now >= due);
        // Another one is begun only when the first is full.
        let is_full = self.batches.len() > 1 || self.queued >= self.limits.batch;
        let wanted = is_full || closing || for_flush || due;
        if wanted && let Some(batch) = self.take_batch() {
            return Step::Export(batch);
        }
        if closing {
            return Step::Close;
        }
        Step::Sleep { until: self.due }
    }

    fn take_batch(&mut self) -> Option<Batch> {
        let batch = self.batches.pop_front()?;
        self.queued -= batch.len();
        self.queued_bytes -= batch.bytes();
        self.in_flight = batch.len();
        if self.queued == 0 {
            // What remains otherwise keeps its time: it has waited already.
            self.due = None;
        }
        Some(batch)
    }

    /// Counts the batch in flight, and returns whether it did: the end of the pipeline may have done so before.
    pub(super) fn complete(&mut self, outcome: &Outcome, took: Duration, sent_bytes: u64) -> bool {
        self.stats.exports += 1;
        self.stats.time += took;
        self.stats.bytes = sent_bytes;
        if let Phase::Ended(_) = self.phase {
            return false;
        }
        let mut count = std::mem::take(&mut self.in_flight) as u64;
        let (counter, reason) = match outcome {
            Outcome::Exported(delivered) => {
                self.exported += count - delivered.rejected;
                if delivered.rejected == 0 {
                    return true;
                }
                count = delivered.rejected;
                (&mut self.dropped.rejected, delivered.remark.as_str())
            }
            Outcome::Failed(reason) => (&mut self.dropped.export_failed, reason.as_str()),
            Outcome::TimedOut(reason) => (&mut self.dropped.export_timeout, reason.as_str()),
            Outcome::Panicked(reason) => (&mut self.dropped.exporter_panicked, reason.as_str()),
            Outcome::Cancelled => (&mut self.dropped.shutdown, "the export was cancelled"),
        };
        *counter += count;
        self.lost += count;
        reason.clone_into(&mut self.last_failure);
        true
    }

    /// Asks for a flush of everything accepted so far; `None` when there is nothing left to flush ever again.
    pub(super) fn request_flush(&mut self) -> Option<FlushRequest> {
        if let Phase::Ended(_) = self.phase {
            return None;
        }
        self.flushes.requested += 1;
        self.flushes.up_to = self.accepted();
        Some(FlushRequest {
            id: self.flushes.requested,
            lost_before: self.lost,
        })
    }

    pub(super) fn flushed(&mut self, id: u64, error: Option<String>) {
        self.flushes.done = id;
        self.flushes.error = error;
    }

    /// The result of a flush, once there is one.
    pub(super) fn flush_result(&self, request: FlushRequest) -> Option<Result<(), FlushError>> {
        let ended = matches!(self.phase, Phase::Ended(_));
        let done = ended || self.flushes.done >= request.id;
        done.then(|| self.result_since(request.lost_before, self.flushes.error.as_deref()))
    }

    /// Takes nothing more. Of several deadlines the latest holds.
    pub(super) fn close(&mut self, deadline: Instant) {
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Closing {
                    latest: deadline,
                    lost_before: self.lost,
                }
            }
            Phase::Closing { latest, .. } => *latest = deadline.max(*latest),
            Phase::Ended(_) => {}
        }
    }

    /// The worker has exported everything and closed the exporter.
    pub(super) fn closed(&mut self, error: Option<&str>) {
        if let Phase::Closing { lost_before, .. } = self.phase {
            self.phase = Phase::Ended(self.result_since(lost_before, error));
        }
    }

    pub(super) fn shutdown_result(&self) -> Option<Result<(), FlushError>> {
        match &self.phase {
            Phase::Ended(result) => Some(result.clone()),
            _ => None,
        }
    }

    /// Whether the deadline of every caller of shutdown has passed.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Closing { latest, .. } if now >= latest)
    }

    /// Ends at once: what is queued or in flight is dropped. The queue is handed out, to be freed outside of the lock.
    pub(super) fn abandon(&mut self, after: Duration) -> VecDeque<Batch> {
        let lost_before = match self.phase {
            Phase::Open => self.lost,
            Phase::Closing { lost_before, .. } => lost_before,
            Phase::Ended(_) => return VecDeque::new(),
        };
        let count = self.unsettled();
        self.dropped.shutdown += count;
        self.lost += count;
        self.cancelled = self.in_flight as u64;
        self.queued = 0;
        self.queued_bytes = 0;
        self.in_flight = 0;
        "the deadline of the shutdown passed".clone_into(&mut self.last_failure);
        self.phase = Phase::Ended(Err(FlushError::DeadlinePassed {
            signal: self.limits.signal,
            after,
            unsent: self.lost - lost_before,
        }));
        std::mem::take(&mut self.batches)
    }

    /// Spans that are queued or in flight.
    pub(super) fn unsettled(&self) -> u64 {
        (self.queued + self.in_flight) as u64
    }

    pub(super) fn counts(&self) -> Settled {
        Settled {
            exported: self.exported,
            dropped: self.dropped,
            cancelled: self.cancelled,
            queued: self.queued as u64,
            in_flight: self.in_flight as u64,
        }
    }

    pub(super) fn stats(&self) -> ExportStats {
        self.stats
    }

    /// The time is over; says what is left.
    pub(super) fn deadline_passed(&self, after: Duration) -> FlushError {
        FlushError::DeadlinePassed {
            signal: self.limits.signal,
            after,
            unsent: self.unsettled(),
        }
    }

    fn settled(&self) -> u64 {
        self.exported + self.lost
    }

    fn accepted(&self) -> u64 {
        self.settled() + self.unsettled()
    }

    fn result_since(&self, lost_before: u64, error: Option<&str>) -> Result<(), FlushError> {
        let signal = self.limits.signal;
        let count = self.lost - lost_before;
        if count > 0 {
            let reason = self.last_failure.clone();
            return Err(FlushError::Lost {
                signal,
                count,
                reason,
            });
        }
        error.map_or(Ok(()), |reason| {
            let reason = reason.to_owned();
            Err(FlushError::Exporter { signal, reason })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    fn span() -> Item<'static> {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        Item::Span(tracer.start("span").exported_data().unwrap())
    }

    fn encoded<'a>(scope: &'a InstrumentationScope, bytes: &'a [u8]) -> Item<'a> {
        Item::Encoded { scope, bytes }
    }

    fn complete(state: &mut State, outcome: &Outcome) {
        state.complete(outcome, Duration::ZERO, 0);
    }

    fn exported() -> Outcome {
        Outcome::Exported(Delivered::default())
    }

    const LIMITS: Limits = Limits {
        signal: Signal::Traces,
        queue: 8,
        queue_bytes: 100,
        batch: 2,
        batch_bytes: 50,
        delay: Duration::from_secs(60),
    };

    #[test]
    fn what_is_left_after_a_full_batch_keeps_its_time() {
        let delay = LIMITS.delay;
        let mut state = State::new(LIMITS);
        for _ in 0..3 {
            state.push(span());
        }
        let queued = Instant::now();
        let almost_due = queued + delay / 2;
        assert!(matches!(state.step(almost_due), Step::Export(batch) if batch.len() == 2));
        complete(&mut state, &exported());
        assert!(
            matches!(state.step(almost_due), Step::Sleep { until: Some(due) } if due <= queued + delay)
        );
        assert!(matches!(state.step(queued + delay), Step::Export(batch) if batch.len() == 1));
        complete(&mut state, &exported());
        assert!(matches!(
            state.step(queued + delay),
            Step::Sleep { until: None }
        ));
    }

    #[test]
    fn the_queue_is_bounded_in_bytes() {
        let scope = InstrumentationScope::default();
        let mut state = State::new(LIMITS);
        for (bytes, admitted) in [(60, true), (41, false), (40, true), (1, false), (0, true)] {
            let span = vec![0; bytes];
            assert_eq!(state.admit(bytes), admitted, "{bytes}");
            if admitted {
                state.push(encoded(&scope, &span));
            }
        }
        assert_eq!(state.counts().dropped.queue_full, 2);
        assert!(matches!(state.step(Instant::now()), Step::Export(batch) if batch.bytes() == 60));
        assert!(state.admit(60));
    }

    #[test]
    fn a_batch_is_bounded_in_bytes() {
        let scope = InstrumentationScope::default();
        let mut state = State::new(LIMITS);
        assert!(state.push(encoded(&scope, &[0; 30])));
        assert!(matches!(state.step(Instant::now()), Step::Sleep { .. }));
        // It does not fit, and what was there before is as full as it gets.
        assert!(state.push(encoded(&scope, &[0; 30])));
        for _ in 0..2 {
            state.close(Instant::now());
            assert!(matches!(state.step(Instant::now()), Step::Export(batch) if batch.len() == 1));
            complete(&mut state, &exported());
        }
    }

    #[test]
    fn what_a_collector_rejects_is_lost() {
        let mut state = State::new(LIMITS);
        state.push(span());
        state.push(span());
        assert!(matches!(state.step(Instant::now()), Step::Export(_)));
        let rejected = Outcome::Exported(Delivered {
            rejected: 1,
            remark: "no".to_owned(),
        });
        complete(&mut state, &rejected);
        let counts = state.counts();
        assert_eq!((counts.exported, counts.dropped.rejected), (1, 1));
        assert_eq!((counts.queued, counts.in_flight), (0, 0));
    }
}
