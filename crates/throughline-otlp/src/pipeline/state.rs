use std::collections::VecDeque;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::{DroppedSpans, FlushError, SpanCounts};

/// What a pipeline remembers: the queue, the counts, and what is asked of the worker. It neither waits nor calls
/// anything, so it is the one thing behind the lock.
///
/// `accepted == exported + lost + queued + in_flight` by construction: no span is counted twice or forgotten.
#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    phase: Phase,
    // Whole batches, so that the worker takes one by moving a pointer while threads wait for the lock.
    batches: VecDeque<Vec<SpanData>>,
    queued: usize,
    due: Option<Instant>,
    in_flight: usize,
    exported: u64,
    // Accepted, but never exported.
    lost: u64,
    dropped: DroppedSpans,
    last_failure: String,
    resource: Option<Resource>,
    flushes: Flushes,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) queue: usize,
    pub(super) batch: usize,
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
    Export(Vec<SpanData>),
    Flush(u64),
    Close,
    Ended,
    Sleep { until: Option<Instant> },
}

/// How an export ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Exported,
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
            queued: 0,
            due: None,
            in_flight: 0,
            exported: 0,
            lost: 0,
            dropped: DroppedSpans::default(),
            last_failure: String::new(),
            resource: None,
            flushes: Flushes::default(),
        }
    }

    /// Whether there is room for one more span; when not, counts it as dropped.
    pub(super) fn admit(&mut self) -> bool {
        if !matches!(self.phase, Phase::Open) {
            self.dropped.shutdown += 1;
            return false;
        }
        if self.queued >= self.limits.queue {
            self.dropped.queue_full += 1;
            return false;
        }
        true
    }

    /// Queues a span that was admitted, in constant time apart from a batch that grows. Returns whether the worker has
    /// something new to do.
    pub(super) fn push(&mut self, span: SpanData) -> bool {
        let was_empty = self.queued == 0;
        if was_empty {
            self.due = Instant::now().checked_add(self.limits.delay);
        }
        self.queued += 1;
        let filled = match self.batches.back_mut() {
            Some(batch) if batch.len() < self.limits.batch => {
                batch.push(span);
                batch.len()
            }
            _ => {
                self.batches.push_back(vec![span]);
                1
            }
        };
        was_empty || filled == self.limits.batch
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
        let wanted = self.queued >= self.limits.batch || closing || for_flush || due;
        if wanted && let Some(batch) = self.take_batch() {
            return Step::Export(batch);
        }
        if closing {
            return Step::Close;
        }
        Step::Sleep { until: self.due }
    }

    fn take_batch(&mut self) -> Option<Vec<SpanData>> {
        let batch = self.batches.pop_front()?;
        self.queued -= batch.len();
        self.in_flight = batch.len();
        if self.queued == 0 {
            // What remains otherwise keeps its time: it has waited already.
            self.due = None;
        }
        Some(batch)
    }

    /// Counts the batch in flight, unless the end of the pipeline has done so.
    pub(super) fn complete(&mut self, outcome: &Outcome) {
        if let Phase::Ended(_) = self.phase {
            return;
        }
        let count = std::mem::take(&mut self.in_flight) as u64;
        let (counter, reason) = match outcome {
            Outcome::Exported => {
                self.exported += count;
                return;
            }
            Outcome::Failed(reason) => (&mut self.dropped.export_failed, reason.as_str()),
            Outcome::TimedOut(reason) => (&mut self.dropped.export_timeout, reason.as_str()),
            Outcome::Panicked(reason) => (&mut self.dropped.exporter_panicked, reason.as_str()),
            Outcome::Cancelled => (&mut self.dropped.shutdown, "the export was cancelled"),
        };
        *counter += count;
        self.lost += count;
        reason.clone_into(&mut self.last_failure);
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

    /// Takes no more spans. Of several deadlines the latest holds.
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
    pub(super) fn abandon(&mut self, after: Duration) -> VecDeque<Vec<SpanData>> {
        let lost_before = match self.phase {
            Phase::Open => self.lost,
            Phase::Closing { lost_before, .. } => lost_before,
            Phase::Ended(_) => return VecDeque::new(),
        };
        let count = self.unsettled();
        self.dropped.shutdown += count;
        self.lost += count;
        self.queued = 0;
        self.in_flight = 0;
        "the deadline of the shutdown passed".clone_into(&mut self.last_failure);
        self.phase = Phase::Ended(Err(FlushError::DeadlinePassed {
            after,
            unsent: self.lost - lost_before,
        }));
        std::mem::take(&mut self.batches)
    }

    /// Spans that are queued or in flight.
    pub(super) fn unsettled(&self) -> u64 {
        (self.queued + self.in_flight) as u64
    }

    pub(super) fn queue_full(&self) -> u64 {
        self.dropped.queue_full
    }

    /// The counts, but for `started` and `open`, which are not known here.
    pub(super) fn counts(&self) -> SpanCounts {
        SpanCounts {
            exported: self.exported,
            dropped: self.dropped,
            queued: self.unsettled(),
            ..SpanCounts::default()
        }
    }

    fn settled(&self) -> u64 {
        self.exported + self.lost
    }

    fn accepted(&self) -> u64 {
        self.settled() + self.unsettled()
    }

    fn result_since(&self, lost_before: u64, error: Option<&str>) -> Result<(), FlushError> {
        let count = self.lost - lost_before;
        if count > 0 {
            let reason = self.last_failure.clone();
            return Err(FlushError::SpansLost { count, reason });
        }
        error.map_or(Ok(()), |reason| {
            let reason = reason.to_owned();
            Err(FlushError::Exporter { reason })
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    fn span() -> SpanData {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        tracer.start("span").exported_data().unwrap()
    }

    #[test]
    fn what_is_left_after_a_full_batch_keeps_its_time() {
        let delay = Duration::from_secs(60);
        let mut state = State::new(Limits {
            queue: 8,
            batch: 2,
            delay,
        });
        for _ in 0..3 {
            state.push(span());
        }
        let queued = Instant::now();
        let almost_due = queued + delay / 2;
        assert!(matches!(state.step(almost_due), Step::Export(batch) if batch.len() == 2));
        state.complete(&Outcome::Exported);
        assert!(
            matches!(state.step(almost_due), Step::Sleep { until: Some(due) } if due <= queued + delay)
        );
        assert!(matches!(state.step(queued + delay), Step::Export(batch) if batch.len() == 1));
        state.complete(&Outcome::Exported);
        assert!(matches!(
            state.step(queued + delay),
            Step::Sleep { until: None }
        ));
    }
}
