//! Baggage as a header for each member, whose name is a prefix and the key: Jaeger's and OT trace's.
//!
//! Header names have no case, so a key with capitals comes out in small letters on the other side.

use std::borrow::Cow;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};

use super::baggage::{MAX_LENGTH, MAX_MEMBERS};
use super::carrier::{ReadCarrier, WriteCarrier};
use super::remote::Remote;

/// Reads the members, within the limits of W3C Baggage. One whose value is malformed is left out, alone.
pub(super) fn extract(
    carrier: &impl ReadCarrier,
    prefix: &str,
    decode: fn(&[u8]) -> Option<String>,
    remote: &mut Remote,
) {
    let mut baggage = Baggage::new();
    let mut budget = MAX_LENGTH;
    for (key, value) in carrier.prefixed(prefix).take(MAX_MEMBERS) {
        let Some(rest) = budget.checked_sub(key.len() + value.len()) else {
            break;
        };
        budget = rest;
        if let Some(value) = decode(value) {
            baggage.insert(key.to_owned(), value);
        }
    }
    if !baggage.is_empty() {
        remote.context = remote.context.with_baggage(baggage);
    }
}

/// Writes the baggage of `cx`, but for the values that `encode` cannot write and the keys that no name can hold.
pub(super) fn inject(
    cx: &Context,
    prefix: &str,
    encode: fn(&str) -> Option<Cow<'_, str>>,
    carrier: &mut impl WriteCarrier,
) {
    for (key, (value, _)) in cx.baggage() {
        if let Some(value) = encode(value.as_str()) {
            carrier.set_prefixed(prefix, key.as_str(), &value);
        }
    }
}
