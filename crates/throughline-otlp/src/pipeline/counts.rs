use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use crate::Signal;

/// What became of the spans of a [`SpanPipeline`](crate::SpanPipeline): a consistent snapshot.
///
/// At every moment `started == exported + dropped.total() + queued + open`. Only sampled spans count; record-only ones
/// are not for exporters (OpenTelemetry specification, Trace SDK, "Sampling").
///
/// ```
/// let counts = throughline_otlp::SpanCounts::default();
/// assert_eq!(counts.started, counts.exported + counts.dropped.total() + counts.queued + counts.open);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanCounts {
    /// Spans that were started.
    pub started: u64,
    /// Spans that the exporter took without an error.
    pub exported: u64,
    /// Spans that ended but never reach the destination, by reason.
    pub dropped: Dropped,
    /// Spans that ended and wait for their export, or are being exported.
    pub queued: u64,
    /// Spans that have not ended, as far as the pipeline knows: a span that ends after the shutdown of its
    /// `SdkTracerProvider` is never reported to a processor and stays here.
    pub open: u64,
}

/// What became of the log records of a [`LogPipeline`](crate::LogPipeline): a consistent snapshot.
///
/// At every moment `emitted == exported + dropped.total() + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCounts {
    /// Log records that reached the pipeline.
    pub emitted: u64,
    /// Log records that the exporter took without an error.
    pub exported: u64,
    /// Log records that never reach the destination, by reason.
    pub dropped: Dropped,
    /// Log records that wait for their export, or are being exported.
    pub queued: u64,
}

/// Spans or log records that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The queue was full.
    pub queue_full: u64,
    /// The exporter reported an error.
    pub export_failed: u64,
    /// The export was not finished at its deadline, or the exporter reported that it timed out.
    pub export_timeout: u64,
    /// The exporter panicked, or was left alone for a while because it had panicked too often.
    pub exporter_panicked: u64,
    /// The collector took the export, but not these (OTLP specification, "Partial Success").
    pub rejected: u64,
    /// The [redaction](crate::SpanPipelineBuilder::redact) of the span panicked, so that it must not go out.
    pub redaction_panicked: u64,
    /// The deadline of the shutdown passed, or they came after the shutdown had begun.
    pub shutdown: u64,
}

/// What the exports of a pipeline took so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportStats {
    /// Exports that ended, whatever came of them.
    pub exports: u64,
    /// The time that they took together.
    pub time: Duration,
    /// The bytes of the bodies that were sent, as they were compressed, those of further attempts included. 0 with an
    /// exporter of the SDK's.
    pub bytes: u64,
    /// The most spans or log records that ever waited for their export at the same time.
    pub most_queued: u64,
}

/// What became of everything that was accepted, and what was not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) exported: u64,
    pub(super) dropped: Dropped,
    /// Of what was dropped by the shutdown: it was being exported.
    pub(super) cancelled: u64,
    pub(super) queued: u64,
    pub(super) in_flight: u64,
}

impl Settled {
    /// What the exporter was given, whatever came of it.
    pub(super) fn passed_on(&self) -> u64 {
        let dropped = self.dropped;
        self.exported
            + self.in_flight
            + self.cancelled
            + dropped.export_failed
            + dropped.export_timeout
            + dropped.exporter_panicked
            + dropped.rejected
    }

    /// With so many spans that were started.
    pub(super) fn of_spans(self, started: u64) -> SpanCounts {
        let queued = self.queued + self.in_flight;
        let ended = self.exported + self.dropped.total() + queued;
        // A processor around the pipeline may have kept the start of a span from it, but not its end.
        let started = started.max(ended);
        SpanCounts {
            started,
            exported: self.exported,
            dropped: self.dropped,
            queued,
            open: started - ended,
        }
    }

    pub(super) fn of_records(self) -> LogCounts {
        let queued = self.queued + self.in_flight;
        LogCounts {
            emitted: self.exported + self.dropped.total() + queued,
            exported: self.exported,
            dropped: self.dropped,
            queued,
        }
    }
}

impl Dropped {
    /// The sum over all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.queue_full
            + self.export_failed
            + self.export_timeout
            + self.exporter_panicked
            + self.rejected
            + self.redaction_panicked
            + self.shutdown
    }
}

/// The sum of two pipelines: a span counts in each.
impl AddAssign for SpanCounts {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.exported += other.exported;
        self.dropped += other.dropped;
        self.queued += other.queued;
        self.open += other.open;
    }
}

/// The sum of two pipelines: a record counts in each.
impl AddAssign for LogCounts {
    fn add_assign(&mut self, other: Self) {
        self.emitted += other.emitted;
        self.exported += other.exported;
        self.dropped += other.dropped;
        self.queued += other.queued;
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.queue_full += other.queue_full;
        self.export_failed += other.export_failed;
        self.export_timeout += other.export_timeout;
        self.exporter_panicked += other.exporter_panicked;
        self.rejected += other.rejected;
        self.redaction_panicked += other.redaction_panicked;
        self.shutdown += other.shutdown;
    }
}

/// The sum of two pipelines; of the most that waited, the greater one.
impl AddAssign for ExportStats {
    fn add_assign(&mut self, other: Self) {
        self.exports += other.exports;
        self.time += other.time;
        self.bytes += other.bytes;
        self.most_queued = self.most_queued.max(other.most_queued);
    }
}

impl fmt::Display for SpanCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = Signal::Traces.counted(self.started);
        let (exported, dropped) = (self.exported, self.dropped);
        write!(f, "{started} started: {exported} exported, {dropped}")?;
        for (count, what) in [(self.queued, "queued"), (self.open, "open")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for LogCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let emitted = Signal::Logs.counted(self.emitted);
        let (exported, dropped) = (self.exported, self.dropped);
        write!(f, "{emitted} emitted: {exported} exported, {dropped}")?;
        if self.queued > 0 {
            write!(f, ", {} queued", self.queued)?;
        }
        Ok(())
    }
}

/// `3 exports, 61234 bytes, 12.3ms, at most 512 queued`.
impl fmt::Display for ExportStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exports,
            time,
            bytes,
            most_queued,
        } = self;
        let plural = if *exports == 1 { "" } else { "s" };
        write!(f, "{exports} export{plural}")?;
        if *bytes > 0 {
            write!(f, ", {bytes} bytes")?;
        }
        write!(f, ", {time:.1?}, at most {most_queued} queued")
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dropped", self.total())?;
        let reasons = [
            (self.queue_full, "queue full"),
            (self.export_failed, "export failed"),
            (self.export_timeout, "export timed out"),
            (self.exporter_panicked, "exporter panicked"),
            (self.rejected, "rejected"),
            (self.redaction_panicked, "redaction panicked"),
            (self.shutdown, "shutdown"),
        ];
        let mut separator = " (";
        for (count, reason) in reasons.iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{reason}: {count}")?;
            separator = ", ";
        }
        f.write_str(if separator == ", " { ")" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_as_their_parts_do() {
        let spans = SpanCounts {
            started: 10,
            exported: 1,
            dropped: Dropped {
                queue_full: 1,
                export_failed: 1,
                export_timeout: 1,
                exporter_panicked: 1,
                rejected: 1,
                redaction_panicked: 1,
                shutdown: 1,
            },
            queued: 1,
            open: 1,
        };
        let mut sum = spans;
        sum += spans;
        assert_eq!(sum.started, 20);
        assert_eq!(
            sum.started,
            sum.exported + sum.dropped.total() + sum.queued + sum.open
        );
        let logs = LogCounts {
            emitted: 9,
            exported: 1,
            dropped: spans.dropped,
            queued: 1,
        };
        let mut sum = logs;
        sum += logs;
        assert_eq!(sum.emitted, 18);
        assert_eq!(sum.emitted, sum.exported + sum.dropped.total() + sum.queued);
        let stats = |most_queued| ExportStats {
            exports: 1,
            time: Duration::from_secs(1),
            bytes: 10,
            most_queued,
        };
        let mut sum = stats(5);
        sum += stats(3);
        let seconds = Duration::from_secs(2);
        assert_eq!((sum.exports, sum.time, sum.bytes), (2, seconds, 20));
        assert_eq!(sum.most_queued, 5);
    }
}
