//! The tracer of an instrumentation.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{Span, SpanBuilder, SpanContext, TraceContextExt, TraceFlags, Tracer};
use opentelemetry::{Context, KeyValue};

use super::request::{Parent, SpanRequest};
use super::sampling::{Prediction, SamplerHint};
use crate::propagation::SamplingState;

#[derive(Clone)]
pub(super) struct ResolvedTracer {
    pub(super) tracer: Arc<dyn StartSpan>,
    pub(super) hint: SamplerHint,
}

impl fmt::Debug for ResolvedTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedTracer")
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

pub(super) enum Started {
    Recording(Context, SystemTime),
    NotRecording(Context),
    /// There is no tracer behind it (none yet, shut down, suppressed): the parent stays current, so that propagation
    /// never stops.
    Nothing(Context),
}

impl ResolvedTracer {
    /// Starts a span that is not [predicted to be dropped](Prediction::Drop): those are not the tracer's.
    pub(super) fn start(
        &self,
        request: SpanRequest,
        prediction: Prediction,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Started {
        let SpanRequest { kind, name, parent } = request;
        let link = parent.link();
        let parent = parent.into_context();
        let started_at = SystemTime::now();
        // Samplers, span processors and an application's hooks are foreign code. A panic in them costs the span, never
        // the request.
        let span = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = SpanBuilder::from_name(name)
                .with_kind(kind)
                .with_start_time(started_at);
            builder.links = link.map(|link| vec![link]);
            let mut attributes = Some(attributes);
            if matches!(prediction, Prediction::UsesAttributes | Prediction::Record) {
                builder.attributes = attributes.take().map(|build| build());
            }
            self.tracer.start(builder, &parent, &mut || {
                attributes.take().map(|build| build()).unwrap_or_default()
            })
        }));
        match span {
            Err(_) => Started::Nothing(parent),
            Ok(NewSpan::Recording(context)) => Started::Recording(context, started_at),
            Ok(NewSpan::NotRecording(own)) => {
                let remote = parent.span().span_context().clone();
                if !own.is_valid() || own.span_id() == remote.span_id() {
                    return Started::Nothing(parent);
                }
                let own = with_flags_of(&remote, own);
                Started::NotRecording(parent.with_remote_span_context(own))
            }
        }
    }

    #[inline]
    pub(super) fn predict(&self, parent: &Parent) -> Prediction {
        match parent {
            Parent::Remote(remote) => self.hint.predict(&remote.span, remote.sampling),
            // What a suppressed context comes to is the tracer's to say.
            Parent::Local(context) if context.is_telemetry_suppressed() => Prediction::Unknown,
            Parent::Local(context) => {
                let span = context.span();
                let span = span.span_context();
                // A span of this process has decided.
                let may_say_more = !span.is_sampled() && (span.is_remote() || !span.is_valid());
                let state = may_say_more.then(|| SamplingState::of(context)).flatten();
                self.hint.predict(span, state)
            }
            Parent::Nothing(_) => self.hint.predict(&SpanContext::NONE, None),
        }
    }
}

/// `own`, which does not record, with the remote flags that the SDK clears. The random flag in particular must survive
/// (W3C Trace Context level 2, "Random Trace ID Flag").
fn with_flags_of(remote: &SpanContext, own: SpanContext) -> SpanContext {
    if remote.trace_id() != own.trace_id() {
        return own;
    }
    SpanContext::new(
        own.trace_id(),
        own.span_id(),
        remote.trace_flags() & !TraceFlags::SAMPLED,
        false,
        own.trace_state().clone(),
    )
}

/// The seam between the lifecycle and the tracer: object-safe, over a tracer of concrete type.
pub(super) trait StartSpan: Send + Sync {
    /// Starts a span. `late` gives the attributes that the builder does not have; it is called if the span records.
    fn start(
        &self,
        builder: SpanBuilder,
        parent: &Context,
        late: &mut dyn FnMut() -> Vec<KeyValue>,
    ) -> NewSpan;
}

pub(super) enum NewSpan {
    Recording(Context),
    NotRecording(SpanContext),
}

pub(super) struct AnyTracer<T>(pub(super) T);

impl<T> StartSpan for AnyTracer<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(
        &self,
        builder: SpanBuilder,
        parent: &Context,
        late: &mut dyn FnMut() -> Vec<KeyValue>,
    ) -> NewSpan {
        let complete = builder.attributes.is_some();
        let mut span = self.0.build_with_context(builder, parent);
        if !span.is_recording() {
            return NewSpan::NotRecording(span.span_context().clone());
        }
        if !complete {
            span.set_attributes(late());
        }
        NewSpan::Recording(parent.with_span(span))
    }
}
