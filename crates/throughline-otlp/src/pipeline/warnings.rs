use std::time::Instant;

use tracing::warn;

use super::state::Outcome;
use crate::guard::guarded;
use crate::throttle::Throttle;

/// Tells the application what is lost, each kind at most once a minute.
///
/// Only the export thread does so: a span ends under its own lock, where a subscriber that looks at the current span
/// would wait for itself.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    seen_queue_full: u64,
    queue_full: Throttle,
    failed: Throttle,
    timed_out: Throttle,
    panicked: Throttle,
}

impl Warnings {
    /// `total` counts from the beginning of the pipeline.
    pub(super) fn queue_full(&mut self, total: u64) {
        self.queue_full
            .add(total.saturating_sub(self.seen_queue_full));
        self.seen_queue_full = total;
        report(&mut self.queue_full, |spans| {
            warn!(
                target: "throughline_otlp",
                spans,
                "spans were dropped because the export queue was full",
            );
        });
    }

    pub(super) fn export(&mut self, count: u64, outcome: &Outcome) {
        match outcome {
            Outcome::Exported | Outcome::Cancelled => {}
            Outcome::Failed(reason) => self.failed(count, reason),
            Outcome::TimedOut(reason) => self.timed_out(count, reason),
            Outcome::Panicked(reason) => self.panicked(count, reason),
        }
    }

    pub(super) fn panicked(&mut self, count: u64, reason: &str) {
        // The panic of a call that carried no spans is worth a warning too.
        self.panicked.add(count.max(1));
        report(&mut self.panicked, |spans| {
            warn!(
                target: "throughline_otlp",
                spans,
                reason,
                "spans were dropped because the exporter panicked",
            );
        });
    }

    fn failed(&mut self, count: u64, reason: &str) {
        self.failed.add(count);
        report(&mut self.failed, |spans| {
            warn!(
                target: "throughline_otlp",
                spans,
                reason,
                "spans were dropped because they could not be exported",
            );
        });
    }

    fn timed_out(&mut self, count: u64, reason: &str) {
        self.timed_out.add(count);
        report(&mut self.timed_out, |spans| {
            warn!(
                target: "throughline_otlp",
                spans,
                reason,
                "spans were dropped because their export timed out",
            );
        });
    }
}

/// A subscriber is foreign code: its panic must not end the pipeline.
fn report(throttle: &mut Throttle, warn: impl FnOnce(u64)) {
    if let Some(count) = throttle.release(Instant::now()) {
        let _ = guarded(|| warn(count));
    }
}
