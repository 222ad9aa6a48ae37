//! What goes out in one export.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;

use crate::encode::EncodedBatch;

/// A log record and who made it, in a box: the queue is moved while threads wait for its lock.
pub(super) type Record = Box<(SdkLogRecord, InstrumentationScope)>;

/// A span or a log record on its way into the queue, for a moment on the stack.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation for each span"
)]
pub(super) enum Item<'a> {
    /// For an exporter of the SDK's.
    Span(SpanData),
    /// For a collector, encoded by the thread that ended it.
    Encoded {
        scope: &'a InstrumentationScope,
        bytes: &'a [u8],
    },
    /// A log record, and about how much it takes.
    Record { record: Record, bytes: usize },
}

impl Item<'_> {
    /// What it takes in the queue. That of a span which is not encoded is not known.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Span(_) => 0,
            Self::Encoded { bytes, .. } => bytes.len(),
            Self::Record { bytes, .. } => *bytes,
        }
    }
}

/// What goes out in one export.
#[derive(Debug)]
pub(super) enum Batch {
    Spans(Vec<SpanData>),
    Encoded(EncodedBatch),
    Records { records: Vec<Record>, bytes: usize },
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Spans(spans) => spans.len(),
            Self::Encoded(batch) => batch.len(),
            Self::Records { records, .. } => records.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Spans(_) => 0,
            Self::Encoded(batch) => batch.bytes(),
            Self::Records { bytes, .. } => *bytes,
        }
    }

    /// Adds what is of the same kind, as everything of a pipeline is.
    pub(super) fn push(&mut self, item: Item<'_>) {
        match (self, item) {
            (Self::Spans(spans), Item::Span(span)) => spans.push(span),
            (Self::Encoded(batch), Item::Encoded { scope, bytes }) => batch.push(scope, bytes),
            (
                Self::Records { records, bytes },
                Item::Record {
                    record,
                    bytes: more,
                },
            ) => {
                records.push(record);
                *bytes += more;
            }
            (Self::Spans(_) | Self::Encoded(_) | Self::Records { .. }, _) => {}
        }
    }
}
