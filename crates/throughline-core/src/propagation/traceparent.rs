//! `traceparent`: <https://www.w3.org/TR/trace-context-2/#traceparent-header>.

use std::str;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId};

use super::carrier::{Field, ReadCarrier, WriteCarrier};
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

// Hexadecimal digits are handled eight at a time, each in a byte of a u64: a digit at a time costs several times the
// instructions, for the three numbers of every request.

fn write_hex(number: u64, fields: &mut [u8; LENGTH], start: usize) {
    fields[start..start + 8].copy_from_slice(&encode_digits((number >> 32) as u32));
    fields[start + 8..start + 16].copy_from_slice(&encode_digits(number as u32));
}

/// The number of sixteen digits.
#[inline]
fn decode(digits: &[u8]) -> Option<u64> {
    let (first, rest) = digits.split_first_chunk()?;
    let (high, wrong_high) = decode_digits(*first);
    let (low, wrong_low) = decode_digits(*rest.first_chunk()?);
    (wrong_high | wrong_low == 0).then_some(u64::from(high) << 32 | u64::from(low))
}

/// `0x01` in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The number of eight lower-case digits, and a number that is 0 if that is what they are.
#[inline]
fn decode_digits(digits: [u8; 8]) -> (u32, u64) {
    let digits = u64::from_be_bytes(digits);
    let is_letter = (digits >> 6) & EACH;
    let nibbles = (digits & (0x0f * EACH)) + 9 * is_letter;
    // What is no digit does not come back as it was.
    let wrong = nibbles & (0xf0 * EACH) | ascii(nibbles) ^ digits;
    let pairs = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    ((quads | quads >> 16) as u32, wrong)
}

fn encode_digits(number: u32) -> [u8; 8] {
    let quads = u64::from(number);
    let quads = (quads | quads << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (quads | quads << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | pairs << 4) & (0x0f * EACH);
    ascii(nibbles).to_be_bytes()
}

/// The digits of eight numbers below 16.
fn ascii(nibbles: u64) -> u64 {
    let is_letter = ((nibbles + 6 * EACH) >> 4) & EACH;
    nibbles + u64::from(b'0') * EACH + u64::from(b'a' - b'0' - 10) * is_letter
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
    fn every_byte_is_a_digit_or_not() {
        for byte in u8::MIN..=u8::MAX {
            let expected = char::from(byte)
                .to_digit(16)
                .filter(|_| !byte.is_ascii_uppercase());
            for place in 0..8 {
                let mut digits = *b"00000000";
                digits[place] = byte;
                let (number, wrong) = decode_digits(digits);
                let number = (wrong == 0).then_some(number);
                assert_eq!(
                    number,
                    expected.map(|n| n << (28 - 4 * place)),
                    "{digits:?}"
                );
            }
        }
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
