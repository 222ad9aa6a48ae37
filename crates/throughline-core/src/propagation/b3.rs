//! B3: <https://github.com/openzipkin/b3-propagation>, read in both encodings and written in one
//! (<https://opentelemetry.io/docs/specs/otel/context/api-propagators/#b3-requirements>).

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};

use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::hex;
use super::remote::{Remote, SamplingState};
use super::traceparent::trim_ows;

/// The length of a `b3` with all that it may have: two ids, a state and the parent's id.
const MAX_LENGTH: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

/// What was read: a span and its state, or a state alone.
type Read = (Option<(TraceId, SpanId)>, SamplingState);

/// Reads the single header, and the others where it is not there or malformed.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    let single = carrier.only(Field::B3).and_then(parse_single);
    match single.or_else(|| read_several(carrier)) {
        Some((Some((trace_id, span_id)), state)) => remote.set_span(trace_id, span_id, state),
        Some((None, state)) => remote.set_decision(state),
        None => {}
    }
}

/// Writes the single header.
pub(super) fn inject_single(cx: &Context, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    let Some(state) = SamplingState::to_send(cx, span) else {
        return;
    };
    let mut value = String::with_capacity(MAX_LENGTH);
    if span.is_valid() {
        let (trace_id, span_id) = ids(span);
        value.push_str(&trace_id);
        value.push('-');
        value.push_str(&span_id);
    }
    let state = match state {
        SamplingState::Defer => "",
        SamplingState::Deny => "0",
        SamplingState::Accept => "1",
        SamplingState::Debug => "d",
    };
    if !value.is_empty() && !state.is_empty() {
        value.push('-');
    }
    value.push_str(state);
    carrier.set(Field::B3, &value);
}

/// Writes a header for each part. What others left of B3 would be read with them or, being the single header, before them,
/// and is removed. The parent's id is never sent.
pub(super) fn inject_several(cx: &Context, with_single: bool, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    let Some(state) = SamplingState::to_send(cx, span) else {
        return;
    };
    if !with_single {
        carrier.remove(Field::B3);
    }
    carrier.remove(Field::B3ParentSpanId);
    let ids = span.is_valid().then(|| ids(span)).unzip();
    // "Debug implies an accept decision, so don't also send the X-B3-Sampled header."
    let (sampled, flags) = match state {
        SamplingState::Defer => (None, None),
        SamplingState::Deny => (Some("0"), None),
        SamplingState::Accept => (Some("1"), None),
        SamplingState::Debug => (None, Some("1")),
    };
    for (field, value) in [
        (Field::B3TraceId, ids.0.as_deref()),
        (Field::B3SpanId, ids.1.as_deref()),
        (Field::B3Sampled, sampled),
        (Field::B3Flags, flags),
    ] {
        match value {
            Some(value) => carrier.set(field, value),
            None => carrier.remove(field),
        }
    }
}

fn ids(span: &SpanContext) -> (String, String) {
    (span.trace_id().to_string(), span.span_id().to_string())
}

fn parse_single(value: &[u8]) -> Option<Read> {
    let value = trim_ows(value);
    if value.len() > MAX_LENGTH {
        return None;
    }
    let mut parts = value.split(|&byte| byte == b'-');
    let (first, second) = (parts.next()?, parts.next());
    let Some(span_id) = second else {
        return Some((None, single_state(first)?));
    };
    let ids = parse_ids(first, span_id)?;
    let state = match parts.next() {
        Some(state) => single_state(state)?,
        None => SamplingState::Defer,
    };
    if let Some(parent) = parts.next() {
        parse_span_id(parent)?;
    }
    parts.next().is_none().then_some((Some(ids), state))
}

fn single_state(state: &[u8]) -> Option<SamplingState> {
    match state {
        b"0" => Some(SamplingState::Deny),
        b"1" => Some(SamplingState::Accept),
        b"d" => Some(SamplingState::Debug),
        _ => None,
    }
}

/// "When extracting state headers, the first value wins." `X-B3-ParentSpanId` is not looked at: there is no use for it, and
/// proxies are known that put nonsense there.
fn read_several(carrier: &impl ReadCarrier) -> Option<Read> {
    let first = |field| carrier.first(field).map(trim_ows);
    let state = match (first(Field::B3Flags), first(Field::B3Sampled)) {
        (_, Some(sampled)) if !matches!(sampled, b"0" | b"1" | b"true" | b"false") => return None,
        (Some(b"1"), _) => Some(SamplingState::Debug),
        // What was sent before there was a specification.
        (_, Some(b"1" | b"true")) => Some(SamplingState::Accept),
        (_, Some(_)) => Some(SamplingState::Deny),
        (_, None) => None,
    };
    match (first(Field::B3TraceId), first(Field::B3SpanId)) {
        (Some(trace_id), Some(span_id)) => {
            let ids = parse_ids(trace_id, span_id)?;
            Some((Some(ids), state.unwrap_or(SamplingState::Defer)))
        }
        (None, None) => Some((None, state?)),
        _ => None,
    }
}

fn parse_ids(trace_id: &[u8], span_id: &[u8]) -> Option<(TraceId, SpanId)> {
    let trace_id = (matches!(trace_id.len(), 16 | 32).then(|| hex::number(trace_id))?)?;
    let span_id = parse_span_id(span_id)?;
    let is_valid = trace_id != 0 && span_id != SpanId::INVALID;
    is_valid.then_some((TraceId::from(trace_id), span_id))
}

fn parse_span_id(span_id: &[u8]) -> Option<SpanId> {
    let span_id = <&[u8; 16]>::try_from(span_id).ok()?;
    hex::decode(span_id).map(SpanId::from)
}
