//! `ot-tracer-…` and `ot-baggage-…`: what the basic tracers of OpenTracing send.
//!
//! There is no document of it but the tracers, the first of which is
//! <https://github.com/opentracing/basictracer-go/blob/master/propagation_ot.go>.

use std::borrow::Cow;
use std::str;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};

use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::remote::{Remote, SamplingState};
use super::traceparent::trim_ows;
use super::{hex, member_headers};

/// What the names of the headers of baggage begin with.
pub(super) const PREFIX: &str = "ot-baggage-";

/// Reads the caller's span and, with a span only, the baggage.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    if let Some((trace_id, span_id, state)) = read(carrier) {
        remote.set_span(trace_id, span_id, state);
        member_headers::extract(carrier, PREFIX, decode, remote);
    }
}

/// Writes the current span of `cx` and the baggage, if the span is valid: of the trace's id the 64 bits that the format
/// has.
pub(super) fn inject(cx: &Context, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    let trace_id = u128::from_be_bytes(span.trace_id().to_bytes()) as u64;
    if !span.is_valid() || trace_id == 0 {
        return;
    }
    carrier.set(Field::OtTraceId, &format!("{trace_id:016x}"));
    carrier.set(Field::OtSpanId, &span.span_id().to_string());
    match SamplingState::of(cx) {
        Some(SamplingState::Defer) => carrier.remove(Field::OtSampled),
        _ if span.is_sampled() => carrier.set(Field::OtSampled, "true"),
        _ => carrier.set(Field::OtSampled, "false"),
    }
    member_headers::inject(cx, PREFIX, encode, carrier);
}

/// The ids have as many digits as the sender's: without the leading zeros from some, of 128 bits from others.
fn read(carrier: &impl ReadCarrier) -> Option<(TraceId, SpanId, SamplingState)> {
    let state = match carrier.values(Field::OtSampled) {
        None => SamplingState::Defer,
        Some(_) => match carrier.only(Field::OtSampled).map(trim_ows)? {
            b"true" | b"1" => SamplingState::Accept,
            b"false" | b"0" => SamplingState::Deny,
            _ => return None,
        },
    };
    let only = |field| carrier.only(field).map(trim_ows);
    let trace_id = hex::number(only(Field::OtTraceId)?)?;
    let span_id = hex::number(only(Field::OtSpanId).filter(|digits| digits.len() <= 16)?)?;
    let is_valid = trace_id != 0 && span_id != 0;
    is_valid.then_some((TraceId::from(trace_id), SpanId::from(span_id as u64), state))
}

/// Nothing is encoded, so what a header cannot have as it is, is left out.
fn encode(value: &str) -> Option<Cow<'_, str>> {
    is_text(value.as_bytes()).then_some(value.into())
}

fn decode(value: &[u8]) -> Option<String> {
    let value = is_text(value).then_some(value)?;
    Some(str::from_utf8(value).ok()?.to_owned())
}

fn is_text(value: &[u8]) -> bool {
    (value.iter()).all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}
