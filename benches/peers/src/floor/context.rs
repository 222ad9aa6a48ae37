//! The ids of a span, and which one is current.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

use axum::http::HeaderMap;

/// What is told to other services of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SpanContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) sampled: bool,
}

thread_local! {
    pub(super) static CURRENT: Cell<Option<SpanContext>> = const { Cell::new(None) };
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish());
}

impl SpanContext {
    /// A context with new ids.
    pub(super) fn root(sampled: bool) -> Self {
        Self {
            trace_id: u128::from(random()) << 64 | u128::from(random()),
            span_id: random(),
            sampled,
        }
    }

    pub(super) fn child(self) -> Self {
        Self {
            span_id: random(),
            ..self
        }
    }

    /// The context in the one `traceparent` of a request.
    pub(super) fn extract(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let value = values.next()?;
        values.next().is_none().then_some(())?;
        Self::parse(value.as_bytes())
    }

    /// <https://www.w3.org/TR/trace-context/#traceparent-header>
    fn parse(value: &[u8]) -> Option<Self> {
        let (value, rest) = value.split_first_chunk::<55>()?;
        let version = hex(&value[..2])?;
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        let [b'-', b'-', b'-'] = [value[2], value[35], value[52]] else {
            return None;
        };
        let context = Self {
            trace_id: hex(&value[3..35])?,
            // 16 digits are 64 bits.
            span_id: hex(&value[36..52])? as u64,
            sampled: hex(&value[53..])? & 1 == 1,
        };
        (is_known && context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// Does something while this context is current.
    pub(super) fn scope<T>(self, work: impl FnOnce() -> T) -> T {
        let outer = CURRENT.replace(Some(self));
        let done = work();
        CURRENT.set(outer);
        done
    }
}

/// Hexadecimal digits, of which capital letters are none.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// `SplitMix64`. An id must not be 0.
fn random() -> u64 {
    let state = RANDOM.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(state);
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<(u128, u64, bool)>) {
        let parsed = SpanContext::parse(value.as_bytes());
        let parsed = parsed.map(|context| (context.trace_id, context.span_id, context.sampled));
        assert_eq!(parsed, expected);
    }

    #[test]
    fn traceparent_is_parsed_strictly() {
        const TRACE: &str = "0000000000000000000000000000000a";
        const SPAN: &str = "00000000000000ff";
        check(&format!("00-{TRACE}-{SPAN}-01"), Some((10, 255, true)));
        check(&format!("00-{TRACE}-{SPAN}-02"), Some((10, 255, false)));
        check(&format!("01-{TRACE}-{SPAN}-01-more"), Some((10, 255, true)));
        check(&format!("00-{TRACE}-{SPAN}-01-more"), None);
        check(&format!("ff-{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{TRACE}-00000000000000FF-01"), None);
        check(&format!("00-{TRACE}-0000000000000000-01"), None);
        check(&format!("00_{TRACE}-{SPAN}-01"), None);
        check("00", None);
    }
}
