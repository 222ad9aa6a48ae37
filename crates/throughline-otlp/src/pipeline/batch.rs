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
pub(super) struct Batch {
    pub(super) items: Items,
    len: usize,
    bytes: usize,
}

/// All of one kind.
#[derive(Debug)]
pub(super) enum Items {
    Spans(Vec<SpanData>),
    Encoded(EncodedBatch),
    Records(Vec<Record>),
}

impl Batch {
    pub(super) fn new(items: Items) -> Self {
        Self {
            items,
            len: 0,
            bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what is of the same kind, as everything of a pipeline is.
    pub(super) fn push(&mut self, item: Item<'_>) {
        self.len += 1;
        self.bytes += item.bytes();
        match (&mut self.items, item) {
            (Items::Spans(spans), Item::Span(span)) => spans.push(span),
            (Items::Encoded(batch), Item::Encoded { scope, bytes }) => batch.push(scope, bytes),
            (Items::Records(records), Item::Record { record, .. }) => records.push(record),
            (Items::Spans(_) | Items::Encoded(_) | Items::Records(_), _) => {}
        }
    }
}
