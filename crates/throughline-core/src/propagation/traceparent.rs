//! `traceparent`: <https://www.w3.org/TR/trace-context-2/#traceparent-header>.

use std::str;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};

use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::hex::{decode, write_hex};
use super::{Remote, tracestate};

/// The length of a version 00 value, and the least length of any later version.
const LENGTH: usize = 55;
/// A later version may be longer; past this it is not looked at.
const MAX_LENGTH: usize = 512;
/// The flags that version 00 defines: sampled and random. The others are not passed on.
const KNOWN_FLAGS: u8 = 0x03;

/// Reads the remote span of `carrier`. Two headers are as wrong as a malformed one.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    let parsed = carrier.only(Field::TraceParent).and_then(parse);
    if let Some((trace_id, span_id, flags)) = parsed {
        let state = tracestate::extract(carrier, remote, trace_id);
        remote.span = SpanContext::new(trace_id, span_id, flags, true, state);
        remote.sampling = None;
    }
}

/// Writes the current span of `cx`, if it is valid.
pub(super) fn inject(cx: &Context, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    let value = format(span.trace_id(), span.span_id(), span.trace_flags());
    if let Ok(value) = str::from_utf8(&value) {
        carrier.set(Field::TraceParent, value);
    }
    tracestate::inject(cx, span, carrier);
}

fn parse(value: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let value = trim_ows(value);
    if value.len() > MAX_LENGTH {
        return None;
    }
    let (fields, rest) = value.split_first_chunk::<LENGTH>()?;
    let rest_is_right = match &fields[0..2] {
        b"00" => rest.is_empty(),
        b"ff" => false,
        version => is_hex(version) && (rest.is_empty() || rest[0] == b'-'),
    };
    if !rest_is_right || fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let (high, low) = (decode(&fields[3..19])?, decode(&fields[19..35])?);
    let trace_id = TraceId::from(u128::from(high) << 64 | u128::from(low));
    let span_id = SpanId::from(decode(&fields[36..52])?);
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID || !is_hex(&fields[53..]) {
        return None;
    }
    // The known flags are in the last digit.
    let flags = match fields[54] {
        digit @ b'0'..=b'9' => digit - b'0',
        letter => letter - b'a' + 10,
    };
    Some((trace_id, span_id, TraceFlags::new(flags & KNOWN_FLAGS)))
}

fn is_hex(digits: &[u8]) -> bool {
    (digits.iter()).all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn format(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> [u8; LENGTH] {
    let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let trace_id = u128::from_be_bytes(trace_id.to_bytes());
    write_hex((trace_id >> 64) as u64, &mut value, 3);
    write_hex(trace_id as u64, &mut value, 19);
    write_hex(u64::from_be_bytes(span_id.to_bytes()), &mut value, 36);
    // The known flags fit one digit.
    value[54] = b'0' + (flags.to_u8() & KNOWN_FLAGS);
    value
}

/// Without the spaces and tabs around it (`OWS`, RFC 9110, section 5.6.3).
pub(super) fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<(u128, u64, u8)>) {
        let parsed = parse(value.as_bytes());
        let expected = expected.map(|(trace, span, flags)| {
            (
                TraceId::from(trace),
                SpanId::from(span),
                TraceFlags::new(flags),
            )
        });
        assert_eq!(parsed, expected, "{value:?}");
    }

    const TRACE: u128 = 0x1234_5678_9012_3456_7890_1234_5678_9012;
    const SPAN: u64 = 0x1234_5678_9012_3456;

    #[test]
    fn parses_by_the_letter() {
        let accepted = |flags| Some((TRACE, SPAN, flags));
        check(
            "00-12345678901234567890123456789012-1234567890123456-00",
            accepted(0),
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-01",
            accepted(1),
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-03",
            accepted(3),
        );
        // Unknown flags are not passed on.
        check(
            "00-12345678901234567890123456789012-1234567890123456-ff",
            accepted(3),
        );
        check(
            " \t00-12345678901234567890123456789012-1234567890123456-01\t ",
            accepted(1),
        );
        // Later versions may be longer, after a dash.
        check(
            "cc-12345678901234567890123456789012-1234567890123456-01",
            accepted(1),
        );
        check(
            "cc-12345678901234567890123456789012-1234567890123456-01-what",
            accepted(1),
        );
        check(
            "cc-12345678901234567890123456789012-1234567890123456-01.what",
            None,
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-01.",
            None,
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-01-what",
            None,
        );
        check(
            "ff-12345678901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            ".0-12345678901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            "000-12345678901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            "0-12345678901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            "00-00000000000000000000000000000000-1234567890123456-01",
            None,
        );
        check(
            "00-12345678901234567890123456789012-0000000000000000-01",
            None,
        );
        check(
            "00-1234567890123456789012345678901.-1234567890123456-01",
            None,
        );
        check(
            "00-ABCDEF78901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            "00-12345678901234567890123456789012-123456789012345A-01",
            None,
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-0A",
            None,
        );
        check(
            "00-123456789012345678901234567890123-1234567890123456-01",
            None,
        );
        check(
            "00-12345678901234567890123456789012-1234567890123456-1",
            None,
        );
        check(
            "00-+2345678901234567890123456789012-1234567890123456-01",
            None,
        );
        check(
            "00_12345678901234567890123456789012_1234567890123456_01",
            None,
        );
        check("", None);
        check(
            &format!("cc-{TRACE:032x}-{SPAN:016x}-01-{}", "x".repeat(500)),
            None,
        );
    }

    #[test]
    fn writes_what_it_reads() {
        let value = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-03";
        let (trace_id, span_id, flags) = parse(value.as_bytes()).unwrap();
        assert_eq!(
            format(trace_id, span_id, flags),
            *value.as_bytes().first_chunk().unwrap()
        );
    }
}
