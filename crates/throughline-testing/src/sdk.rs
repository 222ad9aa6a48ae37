//! From the SDK's types to the records.

use std::collections::BTreeMap;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Link, SpanContext, SpanId};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::trace::SpanData;

use crate::metric::{MetricKind, MetricRecord, PointRecord};
use crate::span::{EventRecord, LinkRecord, SpanRecord, by_key};

/// A span of an [`InMemory`](crate::InMemory), whose resource is empty.
pub(crate) fn span(data: SpanData) -> SpanRecord {
    let scope = data.instrumentation_scope;
    let parent = data.parent_span_id;
    let (attributes, repeated_attributes) = by_key(data.attributes);
    SpanRecord {
        service: None,
        resource: BTreeMap::new(),
        scope: scope.name().to_owned(),
        scope_version: scope.version().map(str::to_owned),
        schema_url: scope.schema_url().map(str::to_owned),
        trace_id: data.span_context.trace_id(),
        span_id: data.span_context.span_id(),
        parent_span_id: (parent != SpanId::INVALID).then_some(parent),
        parent_is_remote: data.parent_span_is_remote,
        trace_flags: data.span_context.trace_flags(),
        trace_state: trace_state(&data.span_context),
        kind: data.span_kind,
        name: data.name.into_owned(),
        start: data.start_time,
        end: data.end_time,
        attributes,
        repeated_attributes,
        dropped_attributes_count: data.dropped_attributes_count,
        dropped_events_count: data.events.dropped_count,
        events: data.events.into_iter().map(event).collect(),
        dropped_links_count: data.links.dropped_count,
        links: data.links.into_iter().map(link).collect(),
        status: data.status,
    }
}

fn event(event: Event) -> EventRecord {
    EventRecord {
        time: event.timestamp,
        attributes: by_key(event.attributes).0,
        dropped_attributes_count: event.dropped_attributes_count,
        name: event.name.into_owned(),
    }
}

fn link(link: Link) -> LinkRecord {
    LinkRecord {
        trace_id: link.span_context.trace_id(),
        span_id: link.span_context.span_id(),
        trace_flags: link.span_context.trace_flags(),
        trace_state: trace_state(&link.span_context),
        attributes: by_key(link.attributes).0,
        dropped_attributes_count: link.dropped_attributes_count,
    }
}

fn trace_state(context: &SpanContext) -> String {
    context.trace_state().header()
}

pub(crate) fn metrics(collected: &ResourceMetrics) -> Vec<MetricRecord> {
    let in_scope = |scope: &ScopeMetrics| -> Vec<MetricRecord> {
        let name = scope.scope().name();
        scope.metrics().map(|each| metric(name, each)).collect()
    };
    collected.scope_metrics().flat_map(in_scope).collect()
}

fn metric(scope: &str, metric: &Metric) -> MetricRecord {
    // A cast, since there is no conversion that covers all three; a test does not count beyond 2^53.
    let Series(kind, temporality, points) = match metric.data() {
        AggregatedMetrics::F64(data) => series(data, |value| value),
        AggregatedMetrics::U64(data) => series(data, |value| value as f64),
        AggregatedMetrics::I64(data) => series(data, |value| value as f64),
    };
    MetricRecord {
        service: None,
        scope: scope.to_owned(),
        name: metric.name().to_owned(),
        unit: metric.unit().to_owned(),
        description: metric.description().to_owned(),
        kind,
        temporality,
        points,
    }
}

struct Series(MetricKind, Option<Temporality>, Vec<PointRecord>);

fn series<T: Copy>(data: &MetricData<T>, float: fn(T) -> f64) -> Series {
    match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            let points = points.map(|point| number(point.attributes(), float(point.value())));
            Series(MetricKind::Gauge, None, points.collect())
        }
        MetricData::Sum(sum) => {
            let kind = MetricKind::of_sum(sum.is_monotonic());
            let points = sum.data_points();
            let points = points.map(|point| number(point.attributes(), float(point.value())));
            Series(kind, Some(sum.temporality()), points.collect())
        }
        MetricData::Histogram(data) => {
            let points = data.data_points().map(|point| PointRecord {
                count: Some(point.count()),
                bounds: point.bounds().collect(),
                bucket_counts: point.bucket_counts().collect(),
                ..number(point.attributes(), float(point.sum()))
            });
            let points = points.collect();
            Series(MetricKind::Histogram, Some(data.temporality()), points)
        }
        MetricData::ExponentialHistogram(data) => {
            let points = data.data_points().map(|point| PointRecord {
                count: Some(point.count() as u64),
                ..number(point.attributes(), float(point.sum()))
            });
            let points = points.collect();
            Series(MetricKind::Histogram, Some(data.temporality()), points)
        }
    }
}

fn number<'a>(attributes: impl Iterator<Item = &'a KeyValue>, value: f64) -> PointRecord {
    PointRecord {
        attributes: by_key(attributes.cloned()).0,
        value,
        count: None,
        bounds: Vec::new(),
        bucket_counts: Vec::new(),
    }
}
