//! `uber-trace-id` and `uberctx-…`: <https://www.jaegertracing.io/sdk-migration/#propagation-format>.

use std::borrow::Cow;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use percent_encoding::{percent_decode, utf8_percent_encode};

use super::baggage::ENCODED;
use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::remote::{Remote, SamplingState};
use super::traceparent::trim_ows;
use super::{hex, member_headers};

/// What the names of the headers of baggage begin with.
pub(super) const PREFIX: &str = "uberctx-";

/// The longest value with its colons encoded has some 80 bytes; the parent's id, which is not looked at, may be anything.
const MAX_LENGTH: usize = 256;

const SAMPLED: u8 = 0x01;
const DEBUG: u8 = 0x02;

/// Reads the caller's span, and the baggage, whether or not there is a span.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    if let Some((trace_id, span_id, state)) = carrier.only(Field::Jaeger).and_then(parse) {
        remote.set_span(trace_id, span_id, state);
    }
    member_headers::extract(carrier, PREFIX, decode, remote);
}

/// Writes the current span of `cx`, if it is valid, and the baggage.
pub(super) fn inject(cx: &Context, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    if span.is_valid() {
        let flags = match SamplingState::of(cx) {
            Some(SamplingState::Debug) => SAMPLED | DEBUG,
            _ => u8::from(span.is_sampled()),
        };
        // "0 value is valid and means 'root span' (when not ignored)": the parent's id is deprecated.
        let value = format!("{}:{}:0:{flags}", span.trace_id(), span.span_id());
        carrier.set(Field::Jaeger, &value);
    }
    member_headers::inject(cx, PREFIX, encode, carrier);
}

/// Some clients encode the whole value as a URL does.
fn parse(value: &[u8]) -> Option<(TraceId, SpanId, SamplingState)> {
    let value = trim_ows(value);
    if value.len() > MAX_LENGTH {
        return None;
    }
    let value: Cow<'_, [u8]> = percent_decode(value).into();
    let mut parts = value.split(|&byte| byte == b':');
    let [trace_id, span_id, _parent, flags] = std::array::from_fn(|_| parts.next());
    let trace_id = number(trace_id?)?;
    let span_id = number(span_id.filter(|digits| digits.len() <= 16)?)?;
    let flags = u8::try_from(number(flags?)?).ok()?;
    if parts.next().is_some() || trace_id == 0 || span_id == 0 {
        return None;
    }
    let state = match (flags & SAMPLED != 0, flags & DEBUG != 0) {
        (false, _) => SamplingState::Deny,
        (true, false) => SamplingState::Accept,
        (true, true) => SamplingState::Debug,
    };
    Some((TraceId::from(trace_id), SpanId::from(span_id as u64), state))
}

/// Of at most 32 digits, in either case: the format says no more than "base16".
fn number(digits: &[u8]) -> Option<u128> {
    hex::number(&digits.to_ascii_lowercase())
}

fn encode(value: &str) -> Option<Cow<'_, str>> {
    Some(utf8_percent_encode(value, ENCODED).into())
}

fn decode(value: &[u8]) -> Option<String> {
    Some(percent_decode(value).decode_utf8().ok()?.into_owned())
}
