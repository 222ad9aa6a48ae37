//! A span with its events and links (OTLP, `trace/v1/trace.proto`).

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceState};
use opentelemetry_sdk::trace::SpanData;

use super::Limits;
use super::attributes::attributes;
use super::wire::{
    self, delimited, delimited_tag, fixed32_tag, fixed64, fixed64_tag, string, uint32, varint_tag,
};

/// The field `spans` of a `ScopeSpans`.
const SPANS: u8 = delimited_tag(2);

// `SpanFlags`
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Appends a span as one field of a `ScopeSpans`: after the fields of its [`scope`](super::scope), together with any
/// number of other spans.
pub(crate) fn span(buffer: &mut Vec<u8>, span: &SpanData, limits: &Limits) {
    let limit = limits.attribute_value_length.unwrap_or(usize::MAX);
    delimited(buffer, SPANS, |buffer| fields(buffer, span, limit));
}

fn fields(buffer: &mut Vec<u8>, span: &SpanData, limit: usize) {
    ids(buffer, &span.span_context);
    trace_state(buffer, span.span_context.trace_state());
    if span.parent_span_id != SpanId::INVALID {
        let [a, b, c, d, e, f, g, h] = span.parent_span_id.to_bytes();
        buffer.extend_from_slice(&[delimited_tag(4), 8, a, b, c, d, e, f, g, h]);
    }
    string(buffer, delimited_tag(5), &span.name);
    buffer.extend_from_slice(&[varint_tag(6), kind(&span.span_kind)]);
    fixed64(buffer, fixed64_tag(7), nanos(span.start_time));
    fixed64(buffer, fixed64_tag(8), nanos(span.end_time));
    attributes(buffer, delimited_tag(9), &span.attributes, limit);
    uint32(buffer, varint_tag(10), span.dropped_attributes_count);
    for it in &span.events.events {
        delimited(buffer, delimited_tag(11), |buffer| event(buffer, it, limit));
    }
    uint32(buffer, varint_tag(12), span.events.dropped_count);
    for it in &span.links.links {
        delimited(buffer, delimited_tag(13), |buffer| link(buffer, it, limit));
    }
    uint32(buffer, varint_tag(14), span.links.dropped_count);
    status(buffer, &span.status);
    // The tag of field 16 is two bytes long.
    let [a, b, c, d] = flags(&span.span_context, span.parent_span_is_remote);
    buffer.extend_from_slice(&[fixed32_tag(16 & 0xf) | 0x80, 16 >> 4, a, b, c, d]);
}

fn event(buffer: &mut Vec<u8>, event: &Event, limit: usize) {
    fixed64(buffer, fixed64_tag(1), nanos(event.timestamp));
    string(buffer, delimited_tag(2), &event.name);
    attributes(buffer, delimited_tag(3), &event.attributes, limit);
    uint32(buffer, varint_tag(4), event.dropped_attributes_count);
}

fn link(buffer: &mut Vec<u8>, link: &Link, limit: usize) {
    ids(buffer, &link.span_context);
    trace_state(buffer, link.span_context.trace_state());
    attributes(buffer, delimited_tag(4), &link.attributes, limit);
    uint32(buffer, varint_tag(5), link.dropped_attributes_count);
    let [a, b, c, d] = flags(&link.span_context, link.span_context.is_remote());
    buffer.extend_from_slice(&[fixed32_tag(6), a, b, c, d]);
}

/// The trace's id and the span's, which are the fields 1 and 2 of spans and links alike.
fn ids(buffer: &mut Vec<u8>, context: &SpanContext) {
    let mut fields = [0; 28];
    fields[..2].copy_from_slice(&[delimited_tag(1), 16]);
    fields[2..18].copy_from_slice(&context.trace_id().to_bytes());
    fields[18..20].copy_from_slice(&[delimited_tag(2), 8]);
    fields[20..].copy_from_slice(&context.span_id().to_bytes());
    buffer.extend_from_slice(&fields);
}

/// The header as one string, which is field 3 of spans and links alike.
#[inline]
fn trace_state(buffer: &mut Vec<u8>, state: &TraceState) {
    if state.into_iter().len() > 0 {
        delimited(buffer, delimited_tag(3), |buffer| header(buffer, state));
    }
}

#[cold]
fn header(buffer: &mut Vec<u8>, state: &TraceState) {
    for (position, (key, value)) in state.into_iter().enumerate() {
        if position > 0 {
            buffer.push(b',');
        }
        buffer.extend_from_slice(key.as_bytes());
        buffer.push(b'=');
        buffer.extend_from_slice(value.as_bytes());
    }
}

fn status(buffer: &mut Vec<u8>, status: &Status) {
    const STATUS: u8 = delimited_tag(15);
    const CODE: u8 = varint_tag(3);
    match status {
        Status::Unset => {}
        Status::Ok => buffer.extend_from_slice(&[STATUS, 2, CODE, 1]),
        Status::Error { description } => {
            wire::head(buffer, STATUS, wire::string_len(description) + 2);
            string(buffer, delimited_tag(2), description);
            buffer.extend_from_slice(&[CODE, 2]);
        }
    }
}

/// Whether "remote" is said of a span's parent or of a link's span, it is known.
fn flags(context: &SpanContext, is_remote: bool) -> [u8; 4] {
    let remote = if is_remote { IS_REMOTE } else { 0 };
    let flags = u32::from(context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote;
    flags.to_le_bytes()
}

fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// Nanoseconds since the epoch, or the nearest that can be said.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let Ok(since) = time.duration_since(UNIX_EPOCH) else {
        return 0;
    };
    let seconds = since.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(since.subsec_nanos().into())
}
