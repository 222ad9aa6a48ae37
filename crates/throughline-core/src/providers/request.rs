//! The span that is asked for, and what it continues.

use std::borrow::Cow;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceFlags};

use crate::ids;
use crate::propagation::Remote;

/// The span that an operation starts.
#[derive(Debug)]
pub struct SpanRequest {
    /// The kind: <https://opentelemetry.io/docs/specs/otel/trace/api/#spankind>.
    pub kind: SpanKind,
    /// The name: of low cardinality.
    pub name: Cow<'static, str>,
    /// What it continues.
    pub parent: Parent,
}

/// What an operation continues.
#[derive(Debug)]
pub enum Parent {
    /// Another process.
    Remote(Remote),
    /// An operation of this process: usually the current context.
    Local(Context),
    /// Nothing: it is the first of a trace, with a link to the span of a caller who is not trusted, where there is one.
    Nothing(SpanContext),
}

impl Parent {
    pub(super) fn with_span_context<R>(&self, read: impl FnOnce(&SpanContext) -> R) -> R {
        match self {
            Self::Remote(remote) => read(&remote.span),
            Self::Local(context) => read(context.span().span_context()),
            Self::Nothing(_) => read(&SpanContext::NONE),
        }
    }

    pub(crate) fn into_context(self) -> Context {
        match self {
            Self::Remote(remote) => remote.into_context(),
            Self::Local(context) => context,
            Self::Nothing(_) => Context::new(),
        }
    }

    pub(super) fn link(&self) -> Option<Link> {
        match self {
            Self::Nothing(link) if link.is_valid() => Some(Link::with_context(link.clone())),
            _ => None,
        }
    }

    /// The context of a child of this that nobody records.
    pub(super) fn with_unsampled_child(self) -> Context {
        let span = self.with_span_context(unsampled_child);
        let context = match self {
            Self::Remote(remote) => remote.context,
            Self::Local(context) => context,
            Self::Nothing(_) => Context::new(),
        };
        context.with_remote_span_context(span)
    }
}

/// A span under `parent`, or the first of a trace, that nobody records.
fn unsampled_child(parent: &SpanContext) -> SpanContext {
    let (trace_id, flags) = if parent.is_valid() {
        let flags = parent.trace_flags() & !TraceFlags::SAMPLED;
        (parent.trace_id(), flags)
    } else {
        (ids::trace_id(), ids::RANDOM)
    };
    let state = parent.trace_state().clone();
    SpanContext::new(trace_id, ids::span_id(), flags, false, state)
}
