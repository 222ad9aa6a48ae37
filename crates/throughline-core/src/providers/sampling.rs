//! What is known of a sampler before it is asked.

use opentelemetry::trace::SpanContext;

use crate::propagation::SamplingState;

/// What a sampler will decide, as far as it is known before it is asked. Default:
/// [`UsesAttributes`](Self::UsesAttributes), which is right for every sampler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prediction {
    /// It may look at the attributes: they are built before it is asked.
    #[default]
    UsesAttributes,
    /// It ignores the attributes, and its decision is not known.
    Unknown,
    /// It drops the span. It is taken at its word: the sampler is not asked, and the span's id is made here. A root gets
    /// the [random flag](https://www.w3.org/TR/trace-context-2/#random-trace-id-flag).
    Drop,
    /// It records the span. Should it drop it nevertheless, only the work of building the attributes is lost.
    Record,
}

/// What is known of a sampler, so that nothing is built for a span that will not record. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SamplerHint {
    /// For a span without a parent, or with one whose caller has [not decided](SamplingState::Defer).
    pub root: Prediction,
    /// For a span with a sampled parent.
    pub sampled_parent: Prediction,
    /// For a span with an unsampled parent.
    pub unsampled_parent: Prediction,
}

impl SamplerHint {
    /// A sampler that decides alike for every span.
    #[must_use]
    pub const fn always(prediction: Prediction) -> Self {
        Self {
            root: prediction,
            sampled_parent: prediction,
            unsampled_parent: prediction,
        }
    }

    /// A parent-based sampler: the parent's decision, and `root` without a parent.
    #[must_use]
    pub const fn parent_based(root: Prediction) -> Self {
        Self {
            root,
            sampled_parent: Prediction::Record,
            unsampled_parent: Prediction::Drop,
        }
    }

    /// `state` is what the flag of `parent` does not say.
    #[inline]
    pub(super) fn predict(self, parent: &SpanContext, state: Option<SamplingState>) -> Prediction {
        match state {
            None if !parent.is_valid() => self.root,
            None if parent.is_sampled() => self.sampled_parent,
            None | Some(SamplingState::Deny) => self.unsampled_parent,
            Some(SamplingState::Defer) => self.root,
            Some(SamplingState::Accept | SamplingState::Debug) => self.sampled_parent,
        }
    }
}
