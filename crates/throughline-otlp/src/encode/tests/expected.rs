//! What is expected: the conversion of `opentelemetry-proto`, and after it, step by step, what we do otherwise.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::Status;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope as Scope, KeyValue};
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::Limits;

pub(super) fn resource_spans(resource: &Resource) -> proto::ResourceSpans {
    let converted = ResourceAttributesWithSchema::from(resource);
    proto::ResourceSpans {
        resource: Some(resource::Resource {
            attributes: converted.attributes.0,
            ..Default::default()
        }),
        scope_spans: Vec::new(),
        schema_url: converted.schema_url.unwrap_or_default(),
    }
}

pub(super) fn scope_spans(
    scope: &InstrumentationScope,
    spans: &[SpanData],
    limits: &Limits,
) -> proto::ScopeSpans {
    let mut converted = Scope::from((scope, None));
    last_of_each(&mut converted.attributes);
    proto::ScopeSpans {
        scope: Some(converted),
        spans: spans.iter().map(|it| span(it, limits)).collect(),
        schema_url: scope.schema_url().unwrap_or_default().to_owned(),
    }
}

pub(super) fn span(data: &SpanData, limits: &Limits) -> proto::Span {
    let mut span = proto::Span::from(data.clone());
    span.start_time_unix_nano = nanos(data.start_time);
    span.end_time_unix_nano = nanos(data.end_time);
    for (event, data) in span.events.iter_mut().zip(&data.events.events) {
        event.time_unix_nano = nanos(data.timestamp);
    }
    if data.status == Status::Unset {
        span.status = None;
    }
    let events = span.events.iter_mut().map(|event| &mut event.attributes);
    let links = span.links.iter_mut().map(|link| &mut link.attributes);
    for attributes in events.chain(links).chain([&mut span.attributes]) {
        last_of_each(attributes);
        for value in attributes
            .iter_mut()
            .filter_map(|it| it.value.as_mut()?.value.as_mut())
        {
            cut(value, limits);
        }
    }
    span
}

fn nanos(time: SystemTime) -> u64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos().try_into().unwrap_or(u64::MAX),
        Err(_) => 0,
    }
}

fn last_of_each(attributes: &mut Vec<KeyValue>) {
    let mut seen = HashSet::new();
    attributes.reverse();
    attributes.retain(|attribute| seen.insert(attribute.key.clone()));
    attributes.reverse();
}

fn cut(value: &mut AnyValue, limits: &Limits) {
    match value {
        AnyValue::StringValue(text) => {
            let limit = limits.attribute_value_length.unwrap_or(usize::MAX);
            *text = text.chars().take(limit).collect();
        }
        AnyValue::ArrayValue(array) => {
            for value in array.values.iter_mut().filter_map(|it| it.value.as_mut()) {
                cut(value, limits);
            }
        }
        _ => {}
    }
}
