//! Ids of spans that nobody records, made without asking the SDK.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// The flag of trace ids that are random: <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>.
pub(crate) const RANDOM: TraceFlags = TraceFlags::new(0x02);

thread_local! {
    /// Seeded by the operating system: the standard hasher's keys are.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}

/// A number that is not 0, which ids may not be: a step of `SplitMix64`.
fn random() -> u64 {
    let number = STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    number.max(1)
}

pub(crate) fn span_id() -> SpanId {
    SpanId::from(random())
}

pub(crate) fn trace_id() -> TraceId {
    TraceId::from(u128::from(random()) << 64 | u128::from(random()))
}
