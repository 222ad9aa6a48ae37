use std::time::Instant;

use tracing::warn;

use super::destination::Delivered;
use super::state::Outcome;
use crate::guard::guarded;
use crate::throttle::Throttle;

/// Tells the application what is lost, each kind at most once a minute.
///
/// The export thread does so, or the thread that ends the pipeline, but none that ends a span: that happens under the
/// span's own lock, where a subscriber that looks at the current span would wait for itself.
#[derive(Debug)]
pub(super) struct Warnings {
    seen_queue_full: u64,
    queue_full: Warning,
    failed: Warning,
    timed_out: Warning,
    panicked: Warning,
    rejected: Warning,
    remarked: Warning,
}

impl Warnings {
    pub(super) fn new() -> Self {
        Self {
            seen_queue_full: 0,
            queue_full: Warning::new("spans were dropped because the export queue was full"),
            failed: Warning::new("spans were dropped because they could not be exported"),
            timed_out: Warning::new("spans were dropped because their export timed out"),
            panicked: Warning::new("spans were dropped because the exporter panicked"),
            rejected: Warning::new("spans were rejected by the collector"),
            remarked: Warning::new("the collector took spans, and has something to say"),
        }
    }

    /// `total` counts from the beginning of the pipeline.
    pub(super) fn queue_full(&mut self, total: u64) {
        let new = total.saturating_sub(self.seen_queue_full);
        self.seen_queue_full = total;
        self.queue_full.add(new, None);
    }

    pub(super) fn export(&mut self, count: u64, outcome: &Outcome) {
        match outcome {
            Outcome::Exported(delivered) => {
                let Delivered { rejected, remark } = delivered;
                if *rejected > 0 {
                    self.rejected.add(*rejected, Some(remark));
                } else if !remark.is_empty() {
                    self.remarked.add(count, Some(remark));
                }
            }
            Outcome::Cancelled => {}
            Outcome::Failed(reason) => self.failed.add(count, Some(reason)),
            Outcome::TimedOut(reason) => self.timed_out.add(count, Some(reason)),
            Outcome::Panicked(reason) => self.panicked(count, reason),
        }
    }

    pub(super) fn panicked(&mut self, count: u64, reason: &str) {
        // The panic of a call that carried no spans is worth a warning too.
        self.panicked.add(count.max(1), Some(reason));
    }

    /// Reports what still waits for its minute to pass.
    pub(super) fn finish(&mut self, queue_full: u64) {
        self.queue_full(queue_full);
        for warning in [
            &mut self.queue_full,
            &mut self.failed,
            &mut self.timed_out,
            &mut self.panicked,
            &mut self.rejected,
            &mut self.remarked,
        ] {
            if let Some(spans) = warning.throttle.rest() {
                warning.give(spans);
            }
        }
    }
}

/// Reports the spans that were left when the pipeline ended.
pub(super) fn abandoned(spans: u64) {
    if spans > 0 {
        let message = "spans were dropped because the pipeline ended before they were exported";
        Warning::new(message).add(spans, None);
    }
}

#[derive(Debug)]
struct Warning {
    message: &'static str,
    // Of the last spans.
    reason: Option<String>,
    throttle: Throttle,
}

impl Warning {
    fn new(message: &'static str) -> Self {
        Self {
            message,
            reason: None,
            throttle: Throttle::default(),
        }
    }

    fn add(&mut self, spans: u64, reason: Option<&str>) {
        self.reason = reason.map(str::to_owned);
        self.throttle.add(spans);
        if let Some(spans) = self.throttle.release(Instant::now()) {
            self.give(spans);
        }
    }

    /// A subscriber is foreign code: its panic must not end the pipeline.
    fn give(&self, spans: u64) {
        let (message, reason) = (self.message, self.reason.as_deref());
        let _ = guarded(|| warn!(target: "throughline_otlp", spans, reason, "{message}"));
    }
}
