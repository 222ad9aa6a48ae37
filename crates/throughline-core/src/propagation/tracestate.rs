//! `tracestate`: <https://www.w3.org/TR/trace-context-2/#tracestate-header>.

use std::str;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::Remote;
use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::traceparent::trim_ows;

const MAX_MEMBERS: usize = 32;
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 256;
/// 32 members of the longest kind and their separators: what is longer cannot be valid and is not looked at.
const MAX_LENGTH: usize = MAX_MEMBERS * (MAX_KEY + 1 + MAX_VALUE + 1);

/// A valid `tracestate` with keys that [`TraceState`] cannot hold.
///
/// Level 2 of the specification allows `@` anywhere after a key's first character, the OpenTelemetry API only as level
/// 1 did. It travels beside the span as a value of the context.
struct FullState {
    /// The trace that it belongs to: another one may be started in the same context.
    trace_id: TraceId,
    header: String,
    /// The members that the API can hold, as they came: where the span has others now, somebody changed them.
    held: TraceState,
}

/// The state of the trace in the headers, combined in their order. One invalid member discards all of it.
pub(super) fn extract(
    carrier: &impl ReadCarrier,
    remote: &mut Remote,
    trace_id: TraceId,
) -> TraceState {
    let Some(members) = carrier.values(Field::TraceState).and_then(parse) else {
        return TraceState::NONE;
    };
    if let Ok(state) = TraceState::from_key_value(members.iter().copied()) {
        return state;
    }
    let can_hold = |member: &&(&str, &str)| TraceState::from_key_value([**member]).is_ok();
    let held = TraceState::from_key_value(members.iter().filter(can_hold).copied());
    let held = held.unwrap_or_default();
    remote.context = remote.context.with_value(FullState {
        trace_id,
        header: join(members.into_iter()),
        held: held.clone(),
    });
    held
}

/// Writes the state of `span`, the current one of `cx`; none is written where it is empty.
pub(super) fn inject(cx: &Context, span: &SpanContext, carrier: &mut impl WriteCarrier) {
    let state = span.trace_state();
    let full = cx.get::<FullState>();
    if let Some(full) = full.filter(|full| full.trace_id == span.trace_id() && full.held == *state)
    {
        return carrier.set(Field::TraceState, &full.header);
    }
    let header = join(state.into_iter());
    if header.is_empty() {
        // A value that the caller set would belong to another trace.
        carrier.remove(Field::TraceState);
    } else {
        carrier.set(Field::TraceState, &header);
    }
}

fn join<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut header = String::new();
    for (key, value) in members {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(key);
        header.push('=');
        header.push_str(value);
    }
    header
}

fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Vec<(&'a str, &'a str)>> {
    let mut members = Vec::new();
    let mut budget = MAX_LENGTH;
    for value in values {
        budget = budget.checked_sub(value.len())?;
        let present = (value.split(|&byte| byte == b',').map(trim_ows)).filter(|m| !m.is_empty());
        for member in present {
            if members.len() == MAX_MEMBERS {
                return None;
            }
            members.push(parse_member(member)?);
        }
    }
    Some(members)
}

fn parse_member(member: &[u8]) -> Option<(&str, &str)> {
    let equals = member.iter().position(|&byte| byte == b'=')?;
    let (key, value) = (&member[..equals], &member[equals + 1..]);
    if !is_key(key) || !is_value(value) {
        return None;
    }
    Some((str::from_utf8(key).ok()?, str::from_utf8(value).ok()?))
}

fn is_key(key: &[u8]) -> bool {
    let is_lead = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_rest = |byte: &u8| is_lead(byte) || b"_-*/@".contains(byte);
    key.len() <= MAX_KEY && key.first().is_some_and(is_lead) && key.iter().all(is_rest)
}

/// Not empty; the trailing spaces are off already.
fn is_value(value: &[u8]) -> bool {
    let is_char = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=MAX_VALUE).contains(&value.len()) && value.iter().all(is_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&str], expected: Option<&str>) {
        let parsed = parse(headers.iter().map(|header| header.as_bytes()));
        let joined = parsed.map(|members| join(members.into_iter()));
        assert_eq!(joined.as_deref(), expected, "{headers:?}");
    }

    #[test]
    fn parses_by_the_letter() {
        check(&["foo=1,bar=2"], Some("foo=1,bar=2"));
        check(
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            Some("foo=1,bar=2,rojo=1,congo=2,baz=3"),
        );
        check(
            &["foo=1 \t , \t bar=2, \t baz=3"],
            Some("foo=1,bar=2,baz=3"),
        );
        check(&["foo=1", ""], Some("foo=1"));
        check(&["", ",,foo=1,"], Some("foo=1"));
        check(&["foo=1,foo=2"], Some("foo=1,foo=2"));
        check(&["foo=  1"], Some("foo=  1"));
        check(&["0a_-*/@b=!~"], Some("0a_-*/@b=!~"));
        check(
            &["foo@=1,foo@@bar=1,foo@bar@baz=2"],
            Some("foo@=1,foo@@bar=1,foo@bar@baz=2"),
        );
        check(&[""], Some(""));
        for invalid in [
            "foo =1",
            "FOO=1",
            "foo.bar=1",
            "@foo=1",
            "foo",
            "foo=",
            "=1",
            "foo=bar=baz",
            "foo=a\u{7f}",
        ] {
            check(&[invalid], None);
            check(&["ok=1", invalid], None);
        }
    }

    #[test]
    fn limits_are_exact() {
        let members = |count: usize| {
            let members: Vec<_> = (0..count).map(|i| format!("k{i}=v")).collect();
            members.join(",")
        };
        check(&[&members(32)], Some(&members(32)));
        check(&[&members(33)], None);
        let key = format!("{}=1", "z".repeat(256));
        check(&[&key], Some(&key));
        check(&[&format!("z{key}")], None);
        let value = format!("z={}", "1".repeat(256));
        check(&[&value], Some(&value));
        check(&[&format!("{value}1")], None);
        check(&[&" ".repeat(MAX_LENGTH + 1)], None);
    }
}
