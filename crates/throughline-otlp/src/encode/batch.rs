//! The spans of one request, while they are collected.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;

use super::Limits;

/// Encoded spans, parted by their scopes.
#[derive(Debug, Default)]
pub(crate) struct EncodedBatch {
    scopes: Vec<Scoped>,
}

#[derive(Debug)]
struct Scoped {
    scope: InstrumentationScope,
    encoded_scope: Vec<u8>,
    spans: Vec<u8>,
}

impl EncodedBatch {
    /// What is encoded of so many spans.
    pub(crate) fn of(spans: &[SpanData]) -> Self {
        let (mut batch, mut buffer) = (Self::default(), Vec::new());
        for span in spans {
            buffer.clear();
            super::span(&mut buffer, span, &Limits::default());
            batch.push(&span.instrumentation_scope, &buffer);
        }
        batch
    }

    /// Adds what [`span`](super::span) wrote for one span.
    pub(crate) fn push(&mut self, scope: &InstrumentationScope, span: &[u8]) {
        if let Some(known) = self
            .scopes
            .iter_mut()
            .find(|known| is_same(&known.scope, scope))
        {
            return known.spans.extend_from_slice(span);
        }
        let mut encoded_scope = Vec::new();
        super::scope(&mut encoded_scope, scope);
        self.scopes.push(Scoped {
            scope: scope.clone(),
            encoded_scope,
            spans: span.to_vec(),
        });
    }

    /// The body of the request that exports them.
    pub(crate) fn request(&self, resource: &[u8]) -> Vec<u8> {
        let filled = self.scopes.iter().filter(|scope| !scope.spans.is_empty());
        let scopes: Vec<_> = filled
            .map(|scope| super::ScopeSpans {
                scope: &scope.encoded_scope,
                spans: &scope.spans,
            })
            .collect();
        let mut body = Vec::new();
        super::request(&mut body, resource, &scopes);
        body
    }

    /// The same memory without the spans, to be filled again; none where it is more than `most` bytes.
    pub(crate) fn recycle(mut self, most: usize) -> Option<Self> {
        // An application that makes scopes by the dozen gets no better by keeping them.
        const MANY: usize = 32;
        let capacity: usize = self.scopes.iter().map(|scope| scope.spans.capacity()).sum();
        if capacity > most || self.scopes.len() > MANY {
            return None;
        }
        for scope in &mut self.scopes {
            scope.spans.clear();
        }
        Some(self)
    }
}

/// Whether two scopes are equal. Those of one tracer mostly share their texts, which need not be read then.
fn is_same(one: &InstrumentationScope, other: &InstrumentationScope) -> bool {
    let texts = |scope: &InstrumentationScope| {
        let texts = [Some(scope.name()), scope.version(), scope.schema_url()];
        texts.map(|text| text.map(std::ptr::from_ref))
    };
    let is_plain = |scope: &InstrumentationScope| scope.attributes().next().is_none();
    (texts(one) == texts(other) && is_plain(one) && is_plain(other)) || one == other
}
