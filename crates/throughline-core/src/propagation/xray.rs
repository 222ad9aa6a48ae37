//! `X-Amzn-Trace-Id`: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};

use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::hex;
use super::remote::{Remote, SamplingState};
use super::traceparent::trim_ows;

/// What services of AWS add (`Self`, `Lineage`) is a few hundred bytes.
const MAX_LENGTH: usize = 1024;

/// Reads the caller's span. A header with a trace alone, as a load balancer sends it, has none.
pub(super) fn extract(carrier: &impl ReadCarrier, remote: &mut Remote) {
    if let Some((trace_id, span_id, state)) = carrier.only(Field::XRay).and_then(parse) {
        remote.set_span(trace_id, span_id, state);
    }
}

/// Writes the current span of `cx`, if it is valid.
pub(super) fn inject(cx: &Context, carrier: &mut impl WriteCarrier) {
    let span = cx.span();
    let span = span.span_context();
    if !span.is_valid() {
        return;
    }
    let trace_id = span.trace_id().to_string();
    let (time, rest) = trace_id.split_at(8);
    let sampled = match SamplingState::of(cx) {
        Some(SamplingState::Defer) => '?',
        _ if span.is_sampled() => '1',
        _ => '0',
    };
    let parent = span.span_id();
    let value = format!("Root=1-{time}-{rest};Parent={parent};Sampled={sampled}");
    carrier.set(Field::XRay, &value);
}

fn parse(value: &[u8]) -> Option<(TraceId, SpanId, SamplingState)> {
    if value.len() > MAX_LENGTH {
        return None;
    }
    let (mut root, mut parent, mut sampled) = (None, None, None);
    let parts = value.split(|&byte| byte == b';').map(trim_ows);
    for part in parts.filter(|part| !part.is_empty()) {
        let equals = part.iter().position(|&byte| byte == b'=')?;
        let place = match &part[..equals] {
            b"Root" => &mut root,
            b"Parent" => &mut parent,
            b"Sampled" => &mut sampled,
            _ => continue,
        };
        if place.replace(&part[equals + 1..]).is_some() {
            return None;
        }
    }
    let state = match sampled {
        Some(b"0") => SamplingState::Deny,
        Some(b"1") => SamplingState::Accept,
        Some(b"?") | None => SamplingState::Defer,
        Some(_) => return None,
    };
    let trace_id = parse_root(root?)?;
    let span_id = hex::decode(<&[u8; 16]>::try_from(parent?).ok()?)?;
    let is_valid = trace_id != 0 && span_id != 0;
    is_valid.then_some((TraceId::from(trace_id), SpanId::from(span_id), state))
}

/// `1-`, eight digits of the time, `-`, 24 of the rest.
fn parse_root(root: &[u8]) -> Option<u128> {
    let (time, rest) = root.strip_prefix(b"1-")?.split_first_chunk::<8>()?;
    let rest = <&[u8; 24]>::try_from(rest.strip_prefix(b"-")?).ok()?;
    Some(hex::number(time)? << 96 | hex::number(rest)?)
}
