//! From the OTLP protobuf types of spans to the records.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind as ProtoKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, SpanFlags, Status as ProtoStatus};

use super::attributes::{attributes, key_value, resource_attributes, service};
use crate::span::{EventRecord, LinkRecord, SpanRecord, by_key};

/// All spans of a request, in their order.
pub(crate) fn spans(request: &ExportTraceServiceRequest) -> Vec<SpanRecord> {
    let mut records = Vec::new();
    for of_resource in &request.resource_spans {
        let resource = resource_attributes(of_resource.resource.as_ref());
        for of_scope in &of_resource.scope_spans {
            let spans = of_scope.spans.iter();
            records.extend(spans.map(|each| span(&resource, of_scope, each)));
        }
    }
    records
}

fn span(resource: &BTreeMap<String, Value>, of_scope: &ScopeSpans, span: &Span) -> SpanRecord {
    let scope = of_scope.scope.clone().unwrap_or_default();
    let parent = span_id(&span.parent_span_id);
    let (attributes, repeated_attributes) = by_key(span.attributes.iter().map(key_value));
    SpanRecord {
        service: service(resource),
        resource: resource.clone(),
        scope: scope.name,
        scope_version: non_empty(scope.version),
        schema_url: non_empty(of_scope.schema_url.clone()),
        trace_id: trace_id(&span.trace_id),
        span_id: span_id(&span.span_id),
        parent_span_id: (parent != SpanId::INVALID).then_some(parent),
        parent_is_remote: span.flags & SpanFlags::ContextIsRemoteMask as u32 != 0,
        trace_flags: trace_flags(span.flags),
        trace_state: span.trace_state.clone(),
        kind: kind(span.kind()),
        name: span.name.clone(),
        start: time(span.start_time_unix_nano),
        end: time(span.end_time_unix_nano),
        attributes,
        repeated_attributes,
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links_count,
        status: status(span.status.as_ref()),
    }
}

fn event(event: &Event) -> EventRecord {
    EventRecord {
        name: event.name.clone(),
        time: time(event.time_unix_nano),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

fn link(link: &Link) -> LinkRecord {
    LinkRecord {
        trace_id: trace_id(&link.trace_id),
        span_id: span_id(&link.span_id),
        trace_flags: trace_flags(link.flags),
        trace_state: link.trace_state.clone(),
        attributes: attributes(&link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
    }
}

/// An id of a wrong length becomes the invalid one.
pub(super) fn trace_id(bytes: &[u8]) -> TraceId {
    bytes
        .try_into()
        .map_or(TraceId::INVALID, TraceId::from_bytes)
}

pub(super) fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}

pub(super) fn trace_flags(flags: u32) -> TraceFlags {
    let [flags, ..] = flags.to_le_bytes();
    TraceFlags::new(flags)
}

fn kind(kind: ProtoKind) -> SpanKind {
    match kind {
        ProtoKind::Unspecified | ProtoKind::Internal => SpanKind::Internal,
        ProtoKind::Server => SpanKind::Server,
        ProtoKind::Client => SpanKind::Client,
        ProtoKind::Producer => SpanKind::Producer,
        ProtoKind::Consumer => SpanKind::Consumer,
    }
}

fn status(status: Option<&ProtoStatus>) -> Status {
    match status.map(|status| (status.code(), &status.message)) {
        None | Some((StatusCode::Unset, _)) => Status::Unset,
        Some((StatusCode::Ok, _)) => Status::Ok,
        Some((StatusCode::Error, message)) => Status::error(message.clone()),
    }
}

pub(super) fn time(unix_nano: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nano)
}

pub(super) fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
