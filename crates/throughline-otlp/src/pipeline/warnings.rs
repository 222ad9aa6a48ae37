use std::time::Instant;

use opentelemetry::Context;
use tracing::warn;

use super::Dropped;
use super::destination::Delivered;
use super::state::{Found, Outcome};
use crate::Signal;
use crate::guard::guarded;
use crate::throttle::Throttle;

/// Tells the application what is lost or found, each kind at most once a minute.
///
/// The export thread does so, or the thread that ends the pipeline, but none that ends a span: that happens under the
/// span's own lock, where a subscriber that looks at the current span would wait for itself.
#[derive(Debug)]
pub(super) struct Warnings {
    queue_full: Counted,
    redaction_panicked: Counted,
    n_plus_one: Counted,
    failed: Warning,
    timed_out: Warning,
    panicked: Warning,
    rejected: Warning,
    remarked: Warning,
}

impl Warnings {
    pub(super) fn new(signal: Signal) -> Self {
        let warning = |what| Warning::new(signal, what);
        Self {
            queue_full: Counted::new(warning("were dropped because the export queue was full")),
            redaction_panicked: Counted::new(warning(
                "were dropped because their redaction panicked",
            )),
            n_plus_one: Counted::new(warning(
                "ran the same query again and again, one after the other (N+1)",
            )),
            failed: warning("were dropped because they could not be exported"),
            timed_out: warning("were dropped because their export timed out"),
            panicked: warning("were dropped because the exporter panicked"),
            rejected: warning("were rejected by the collector"),
            remarked: warning("were taken by the collector, which has something to say"),
        }
    }

    /// What other threads have dropped and found since the beginning of the pipeline.
    pub(super) fn news(&mut self, dropped: Dropped, found: &Found) {
        self.queue_full.up_to(dropped.queue_full, None);
        let panicked = dropped.redaction_panicked;
        self.redaction_panicked.up_to(panicked, None);
        self.n_plus_one.up_to(found.count, Some(&found.last));
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
        // The panic of a call that carried nothing is worth a warning too.
        self.panicked.add(count.max(1), Some(reason));
    }

    /// Reports what still waits for its minute to pass.
    pub(super) fn finish(&mut self, dropped: Dropped, found: &Found) {
        self.news(dropped, found);
        for warning in [
            &mut self.queue_full.warning,
            &mut self.redaction_panicked.warning,
            &mut self.n_plus_one.warning,
            &mut self.failed,
            &mut self.timed_out,
            &mut self.panicked,
            &mut self.rejected,
            &mut self.remarked,
        ] {
            if let Some(count) = warning.throttle.rest() {
                warning.give(count);
            }
        }
    }
}

/// Reports what was left when the pipeline ended.
pub(super) fn abandoned(signal: Signal, count: u64) {
    if count > 0 {
        let what = "were dropped because the pipeline ended before they were exported";
        Warning::new(signal, what).add(count, None);
    }
}

/// A warning of what was counted elsewhere.
#[derive(Debug)]
struct Counted {
    seen: u64,
    warning: Warning,
}

impl Counted {
    fn new(warning: Warning) -> Self {
        Self { seen: 0, warning }
    }

    fn up_to(&mut self, total: u64, reason: Option<&str>) {
        let new = total.saturating_sub(self.seen);
        self.seen = total;
        self.warning.add(new, reason);
    }
}

#[derive(Debug)]
struct Warning {
    signal: Signal,
    what: &'static str,
    // Of the last time.
    reason: Option<String>,
    throttle: Throttle,
}

impl Warning {
    fn new(signal: Signal, what: &'static str) -> Self {
        Self {
            signal,
            what,
            reason: None,
            throttle: Throttle::default(),
        }
    }

    fn add(&mut self, count: u64, reason: Option<&str>) {
        self.reason = reason.map(str::to_owned);
        self.throttle.add(count);
        if let Some(count) = self.throttle.release(Instant::now()) {
            self.give(count);
        }
    }

    /// A subscriber is foreign code: its panic must not end the pipeline. No log record is made of it, on whatever thread:
    /// that would go the way that is in trouble.
    fn give(&self, count: u64) {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let (item, what, reason) = (self.signal.item(), self.what, self.reason.as_deref());
        let _ = guarded(|| warn!(target: "throughline_otlp", count, reason, "{item}s {what}"));
    }
}
