//! The ids of a span, and those of the current OpenTelemetry context.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};

use crate::escape::hex;
use crate::guard::contained;

/// The ids of a valid span context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_flags: TraceFlags,
}

impl Ids {
    /// The ids of the span in the current context, if there is one.
    pub(crate) fn current() -> Option<Self> {
        if !has_context() {
            return None;
        }
        Context::map_current(|context| Self::of(context.span().span_context()))
    }

    /// The ids of `span`, unless it is invalid: all zeros, which stands for no span.
    pub(crate) fn of(span: &SpanContext) -> Option<Self> {
        span.is_valid().then(|| Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            trace_flags: span.trace_flags(),
        })
    }

    /// In lower-case hexadecimal, two digits a byte, as all of them.
    pub(crate) fn trace_id_in_hex(&self) -> [[u8; 2]; 16] {
        self.trace_id.to_bytes().map(hex)
    }

    pub(crate) fn span_id_in_hex(&self) -> [[u8; 2]; 8] {
        self.span_id.to_bytes().map(hex)
    }

    pub(crate) fn trace_flags_in_hex(&self) -> [u8; 2] {
        hex(self.trace_flags.to_u8())
    }
}

/// Whether this thread still has a current context. It has none while its thread-locals are destroyed.
pub(crate) fn has_context() -> bool {
    CONTEXT.try_with(|context| context.is_readable) == Ok(true)
}

thread_local! {
    /// Tells whether this thread still has a context: asking for it afterwards panics, in the destructor of another
    /// thread-local, which aborts the process.
    ///
    /// Thread-locals are destroyed in reverse order of their first use. As this one looks at the context before it
    /// exists itself, it is gone before the context is.
    static CONTEXT: ContextWatch = ContextWatch {
        is_readable: contained(|| Context::map_current(|_| ())).is_some(),
    };
}

struct ContextWatch {
    is_readable: bool,
}

impl Drop for ContextWatch {
    /// Does nothing: without a destructor a thread-local is never seen as gone.
    fn drop(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::TraceState;

    fn span(trace_id: u128, span_id: u64, flags: u8) -> SpanContext {
        SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(span_id),
            TraceFlags::new(flags),
            true,
            TraceState::NONE,
        )
    }

    #[test]
    fn ids_are_lower_case_and_of_full_length() {
        let ids = Ids::of(&span(0xAB, 0xCD, 3)).unwrap();
        let trace_id = ids.trace_id_in_hex();
        assert_eq!(trace_id.as_flattened(), b"000000000000000000000000000000ab");
        assert_eq!(ids.span_id_in_hex().as_flattened(), b"00000000000000cd");
        assert_eq!(&ids.trace_flags_in_hex(), b"03");
    }

    #[test]
    fn an_invalid_span_has_no_ids() {
        assert_eq!(Ids::of(&SpanContext::NONE), None);
        assert_eq!(Ids::of(&span(0, 1, 1)), None);
        assert_eq!(Ids::of(&span(1, 0, 1)), None);
    }

    #[test]
    fn the_ids_are_those_of_the_current_context() {
        assert_eq!(Ids::current(), None);
        let remote = span(1, 2, 1);
        let guard = Context::new()
            .with_remote_span_context(remote.clone())
            .attach();
        assert_eq!(Ids::current(), Ids::of(&remote));
        drop(guard);
        assert_eq!(Ids::current(), None);
    }
}
