//! The spans of one export.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;

use crate::encode::EncodedBatch;

/// A span on its way into the queue, for a moment on the stack.
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
}

impl Item<'_> {
    /// What it takes in the queue. That of a span which is not encoded is not known.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Span(_) => 0,
            Self::Encoded { bytes, .. } => bytes.len(),
        }
    }
}

/// The spans of one export.
#[derive(Debug)]
pub(super) enum Batch {
    Spans(Vec<SpanData>),
    Encoded(EncodedBatch),
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Spans(spans) => spans.len(),
            Self::Encoded(batch) => batch.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Spans(_) => 0,
            Self::Encoded(batch) => batch.bytes(),
        }
    }

    /// Adds a span; every one of a pipeline is of the same kind.
    pub(super) fn push(&mut self, item: Item<'_>) {
        match (self, item) {
            (Self::Spans(spans), Item::Span(span)) => spans.push(span),
            (Self::Encoded(batch), Item::Encoded { scope, bytes }) => batch.push(scope, bytes),
            (Self::Spans(_), Item::Encoded { .. }) | (Self::Encoded(_), Item::Span(_)) => {}
        }
    }
}
