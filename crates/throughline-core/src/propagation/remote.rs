//! What comes with a request.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

/// What came with a request: the caller's span, and a context with all the rest (baggage).
///
/// They are apart so that a span that will not record needs no context but its own.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The caller's span; [`SpanContext::NONE`] where there is none.
    pub span: SpanContext,
    /// A context without that span.
    pub context: Context,
    /// What the span's flags cannot say. It is in the context, too, but to look there would cost every request.
    pub(crate) sampling: Option<SamplingState>,
}

impl Remote {
    pub(super) fn new(context: Context) -> Self {
        Self {
            span: SpanContext::NONE,
            context,
            sampling: None,
        }
    }

    /// What a foreign propagator found.
    pub(super) fn of(context: Context) -> Self {
        Self {
            span: context.span().span_context().clone(),
            sampling: SamplingState::of(&context),
            context,
        }
    }

    /// One context with all of it.
    #[must_use]
    pub fn into_context(self) -> Context {
        if self.span.is_valid() {
            self.context.with_remote_span_context(self.span)
        } else {
            self.context
        }
    }

    /// Notes the caller's span, over that of an earlier format. If both are of one trace, what the trace has beside it (the
    /// state, the random flag) stays: only W3C's format can say it.
    pub(super) fn set_span(&mut self, trace_id: TraceId, span_id: SpanId, state: SamplingState) {
        let (flags, trace_state) = if self.span.trace_id() == trace_id {
            (self.span.trace_flags(), self.span.trace_state().clone())
        } else {
            (TraceFlags::NOT_SAMPLED, TraceState::NONE)
        };
        let flags = flags.with_sampled(state.is_sampled());
        self.span = SpanContext::new(trace_id, span_id, flags, true, trace_state);
        self.sampling = match state {
            SamplingState::Defer | SamplingState::Debug => Some(state),
            SamplingState::Deny | SamplingState::Accept => None,
        };
    }

    /// Notes a decision that came without a span. It says nothing of a span that another format found.
    pub(super) fn set_decision(&mut self, state: SamplingState) {
        if !self.span.is_valid() {
            self.sampling = Some(state);
        }
    }

    /// Puts what the flags cannot say into the context.
    #[inline]
    pub(super) fn finish(&mut self) {
        if let Some(state) = self.sampling {
            self.context = self.context.with_value(Mark {
                state,
                trace_id: self.span.trace_id(),
                span_id: self.span.span_id(),
            });
        }
    }
}

/// What a caller decided of sampling, in the terms of
/// [B3](https://github.com/openzipkin/b3-propagation#sampling-state).
///
/// The flag of a span says yes or no. Some formats say more: that nobody has decided yet, that the trace is being debugged,
/// or a decision without a span. A propagator leaves that in the context, from which [`of`](Self::of) reads it.
///
/// `throughline::init()` makes parent-based samplers that obey it. One of an SDK alone sees the flag only, and takes what is
/// not decided for a no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplingState {
    /// Nobody has decided: a sampler decides as for the first span of a trace.
    Defer,
    /// Not sampled.
    Deny,
    /// Sampled.
    Accept,
    /// Sampled, and to be kept whatever happens. It is passed on.
    Debug,
}

impl SamplingState {
    /// What came with the current span of `cx`, where its flag does not say it. Without a valid span, a decision that came
    /// alone.
    #[must_use]
    pub fn of(cx: &Context) -> Option<Self> {
        let mark = cx.get::<Mark>()?;
        let span = cx.span();
        let span = span.span_context();
        let holds = match mark.state {
            // It is of the caller's span; what becomes of its children is decided here.
            Self::Defer => span.trace_id() == mark.trace_id && span.span_id() == mark.span_id,
            Self::Deny | Self::Accept => !span.is_valid(),
            // The trace that begins with a decision alone is that of any span below it.
            Self::Debug => [TraceId::INVALID, span.trace_id()].contains(&mark.trace_id),
        };
        holds.then_some(mark.state)
    }

    /// What is sent with `span`, the current one of `cx`. Nothing without a valid span, unless a decision came alone.
    pub(super) fn to_send(cx: &Context, span: &SpanContext) -> Option<Self> {
        let flag = || match (span.is_valid(), span.is_sampled()) {
            (false, _) => None,
            (true, false) => Some(Self::Deny),
            (true, true) => Some(Self::Accept),
        };
        Self::of(cx).or_else(flag)
    }

    pub(super) fn is_sampled(self) -> bool {
        matches!(self, Self::Accept | Self::Debug)
    }
}

/// A state in a context, and the span that it came with.
struct Mark {
    state: SamplingState,
    trace_id: TraceId,
    span_id: SpanId,
}
