//! `baggage`: <https://www.w3.org/TR/baggage/>.

use std::str;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt, BaggageMetadata};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::Remote;
use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::traceparent::trim_ows;

/// The limits that every platform must keep to (section "Limits"); members past them are dropped whole.
pub(super) const MAX_MEMBERS: usize = 64;
pub(super) const MAX_LENGTH: usize = 8192;

/// What stays as it is in a value: RFC 3986's unreserved characters.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Reads the baggage of the headers, combined in their order. A malformed member is left out, alone.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    let Some(values) = carrier.values(Field::Baggage) else {
        return;
    };
    let mut baggage = Baggage::new();
    let mut budget = MAX_LENGTH;
    let members = values
        .flat_map(|value| bounded(value).split(|&byte| byte == b','))
        .take(MAX_MEMBERS);
    for member in members {
        let Some(rest) = budget.checked_sub(member.len()) else {
            break;
        };
        budget = rest;
        if let Some((key, value, metadata)) = parse_member(member) {
            baggage.insert_with_metadata(key.to_owned(), value, metadata);
        }
    }
    if !baggage.is_empty() {
        remote.context = remote.context.with_baggage(baggage);
    }
}

/// The part of a header that may count: whole members within [`MAX_LENGTH`].
fn bounded(value: &[u8]) -> &[u8] {
    if value.len() <= MAX_LENGTH {
        return value;
    }
    let end = value[..MAX_LENGTH].iter().rposition(|&byte| byte == b',');
    &value[..end.unwrap_or(0)]
}

/// Writes the baggage of `cx`, if there is any.
pub(super) fn inject(cx: &Context, carrier: &mut impl WriteCarrier) {
    let baggage = cx.baggage();
    if baggage.is_empty() {
        return;
    }
    let mut header = String::new();
    for (key, (value, metadata)) in baggage {
        let before = header.len();
        if before > 0 {
            header.push(',');
        }
        header.push_str(key.as_str());
        header.push('=');
        header.extend(utf8_percent_encode(value.as_str(), ENCODED));
        let metadata = metadata.as_str();
        if !metadata.is_empty()
            && metadata
                .bytes()
                .all(|byte| is_octet(byte) || b"; \t".contains(&byte))
        {
            header.push(';');
            header.push_str(metadata);
        }
        if header.len() > MAX_LENGTH {
            header.truncate(before);
        }
    }
    if !header.is_empty() {
        carrier.set(Field::Baggage, &header);
    }
}

fn parse_member(member: &[u8]) -> Option<(&str, String, BaggageMetadata)> {
    let mut parts = member.split(|&byte| byte == b';');
    let (key, value) = key_and_value(parts.next()?)?;
    let value = percent_decode(value?).decode_utf8_lossy().into_owned();
    let mut metadata = String::new();
    for property in parts {
        let (key, value) = key_and_value(property)?;
        if !metadata.is_empty() {
            metadata.push(';');
        }
        metadata.push_str(key);
        if let Some(value) = value {
            metadata.push('=');
            metadata.push_str(str::from_utf8(value).ok()?);
        }
    }
    Some((key, value, BaggageMetadata::from(metadata.as_str())))
}

/// `key` or `key=value`, checked, without the white space around them.
fn key_and_value(pair: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let mut sides = pair.splitn(2, |&byte| byte == b'=');
    let key = trim_ows(sides.next()?);
    let value = sides.next().map(trim_ows);
    let valid = !key.is_empty()
        && key.iter().all(|&byte| is_token(byte))
        && value.is_none_or(|value| value.iter().all(|&byte| is_octet(byte)));
    if !valid {
        return None;
    }
    Some((str::from_utf8(key).ok()?, value))
}

/// `token` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `baggage-octet`: printable ASCII without space, `"`, `,`, `;` and `\`.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}
