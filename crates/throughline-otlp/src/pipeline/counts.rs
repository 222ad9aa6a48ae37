use std::fmt;

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
    pub dropped: DroppedSpans,
    /// Spans that ended and wait for their export, or are being exported.
    pub queued: u64,
    /// Spans that have not ended, as far as the pipeline knows: a span that ends after the shutdown of its
    /// `SdkTracerProvider` is never reported to a processor and stays here.
    pub open: u64,
}

/// Spans that were dropped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedSpans {
    /// The queue was full when the span ended.
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
    /// The deadline of the shutdown passed, or the span ended after the shutdown began.
    pub shutdown: u64,
}

impl DroppedSpans {
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

impl fmt::Display for SpanCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} spans started: {} exported",
            self.started, self.exported
        )?;
        write!(f, ", {}", self.dropped)?;
        for (count, what) in [(self.queued, "queued"), (self.open, "open")] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for DroppedSpans {
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
