//! What the bytes say, as `prost` reads them and as `opentelemetry-proto` would have written them.

pub(crate) mod arbitrary;
mod expected;
mod property;
mod request;
mod span;

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use prost::Message;

use super::Limits;

const NO_LIMITS: Limits = Limits {
    attribute_value_length: None,
};

fn cut_at(length: usize) -> Limits {
    Limits {
        attribute_value_length: Some(length),
    }
}

/// A root span without anything that can be left out.
fn plain() -> SpanData {
    SpanData {
        span_context: context(TraceFlags::SAMPLED, false),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "".into(),
        start_time: UNIX_EPOCH + Duration::from_nanos(1),
        end_time: UNIX_EPOCH + Duration::from_nanos(2),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn with_attributes(attributes: Vec<KeyValue>) -> SpanData {
    SpanData {
        attributes,
        ..plain()
    }
}

fn context(flags: TraceFlags, is_remote: bool) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from(0x0102 << 64), SpanId::from(0x0304));
    SpanContext::new(trace_id, span_id, flags, is_remote, Default::default())
}

fn encoded(span: &SpanData, limits: &Limits) -> Vec<u8> {
    let mut buffer = Vec::new();
    super::span(&mut buffer, span, limits);
    buffer
}

/// The span as a collector reads it.
fn read(span: &SpanData, limits: &Limits) -> proto::Span {
    let bytes = encoded(span, limits);
    let scope = proto::ScopeSpans::decode(&*bytes).unwrap();
    assert_eq!(scope.scope, None);
    assert_eq!(scope.schema_url, "");
    let [span] = <[proto::Span; 1]>::try_from(scope.spans).unwrap();
    span
}
