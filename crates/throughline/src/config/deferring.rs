//! A sampler that follows its parent, as far as the parent has decided.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    ParentBasedSampler, SamplingDecision, SamplingResult, ShouldSample,
};
use throughline_core::propagation::SamplingState;

/// The SDK's [`ParentBasedSampler`], which sees the flag of a parent and nothing else, for parents whose flag does not say
/// what was decided: `root` is asked where nobody has decided, and a decision that came without a span is followed.
#[derive(Clone, Debug)]
pub(super) struct Deferring {
    pub(super) by_flag: ParentBasedSampler,
    pub(super) root: Box<dyn ShouldSample>,
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
        let decision = match state {
            SamplingState::Defer => return ask(&*self.root),
            // It came with the trace, and children follow their own parent's flag.
            _ if context.span().span_context().is_valid() => return ask(&self.by_flag),
            SamplingState::Deny => SamplingDecision::Drop,
            _ => SamplingDecision::RecordAndSample,
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: context.span().span_context().trace_state().clone(),
        }
    }
}
