//! A sampler that follows its parent, as far as the parent has decided.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{ParentBasedSampler, SamplingResult, ShouldSample};
use throughline_core::propagation::SamplingState;

/// The SDK's [`ParentBasedSampler`], which sees the flag of a parent and nothing else, for parents whose flag does not say
/// what was decided: `root` is asked where nobody has decided, and the samplers of remote parents where a decision came
/// without a span.
#[derive(Clone, Debug)]
pub(super) struct Deferring {
    pub(super) by_flag: ParentBasedSampler,
    pub(super) root: Box<dyn ShouldSample>,
    pub(super) accepted: Box<dyn ShouldSample>,
    pub(super) denied: Box<dyn ShouldSample>,
}

impl ShouldSample for Deferring {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let ask = |sampler: &dyn ShouldSample| {
            sampler.should_sample(parent, trace_id, name, kind, attributes, links)
        };
        let Some((context, state)) = parent.and_then(|cx| Some((cx, SamplingState::of(cx)?)))
        else {
            return ask(&self.by_flag);
        };
        match state {
            SamplingState::Defer => ask(&*self.root),
            // It came with the trace, and children follow their own parent's flag.
            _ if context.span().span_context().is_valid() => ask(&self.by_flag),
            SamplingState::Deny => ask(&*self.denied),
            _ => ask(&*self.accepted),
        }
    }
}
