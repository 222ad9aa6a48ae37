//! From the OTLP protobuf types of metrics to the records.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint,
};
use opentelemetry_sdk::metrics::Temporality;

use super::attributes::{attributes, resource_attributes, service};
use crate::metric::{MetricKind, MetricRecord, PointRecord};

/// All metrics of a request, in their order. Summaries, which no SDK makes, are left out.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Vec<MetricRecord> {
    let mut records = Vec::new();
    for of_resource in &request.resource_metrics {
        let service = service(&resource_attributes(of_resource.resource.as_ref()));
        for of_scope in &of_resource.scope_metrics {
            let scope = of_scope.scope.clone().unwrap_or_default().name;
            let metrics = of_scope.metrics.iter();
            records.extend(metrics.filter_map(|each| metric(service.clone(), &scope, each)));
        }
    }
    records
}

fn metric(service: Option<String>, scope: &str, metric: &Metric) -> Option<MetricRecord> {
    let data = metric.data.as_ref()?;
    let (kind, points) = match data {
        Data::Gauge(data) => (MetricKind::Gauge, points(&data.data_points, number)),
        Data::Sum(data) => {
            let kind = MetricKind::of_sum(data.is_monotonic);
            (kind, points(&data.data_points, number))
        }
        Data::Histogram(data) => (MetricKind::Histogram, points(&data.data_points, histogram)),
        Data::ExponentialHistogram(data) => (
            MetricKind::Histogram,
            points(&data.data_points, exponential),
        ),
        Data::Summary(_) => return None,
    };
    Some(MetricRecord {
        service,
        scope: scope.to_owned(),
        name: metric.name.clone(),
        unit: metric.unit.clone(),
        description: metric.description.clone(),
        kind,
        temporality: temporality(data),
        points,
    })
}

fn temporality(data: &Data) -> Option<Temporality> {
    let temporality = match data {
        Data::Sum(data) => data.aggregation_temporality(),
        Data::Histogram(data) => data.aggregation_temporality(),
        Data::ExponentialHistogram(data) => data.aggregation_temporality(),
        Data::Gauge(_) | Data::Summary(_) => AggregationTemporality::Unspecified,
    };
    match temporality {
        AggregationTemporality::Cumulative => Some(Temporality::Cumulative),
        AggregationTemporality::Delta => Some(Temporality::Delta),
        AggregationTemporality::Unspecified => None,
    }
}

fn points<T>(points: &[T], point: fn(&T) -> Option<PointRecord>) -> Vec<PointRecord> {
    points.iter().filter_map(point).collect()
}

/// A point without a value says that there was none.
fn number(point: &NumberDataPoint) -> Option<PointRecord> {
    let value = match point.value? {
        Value::AsDouble(value) => value,
        Value::AsInt(value) => value as f64,
    };
    Some(PointRecord {
        attributes: attributes(&point.attributes),
        value,
        count: None,
        bounds: Vec::new(),
        bucket_counts: Vec::new(),
    })
}

fn histogram(point: &HistogramDataPoint) -> Option<PointRecord> {
    Some(PointRecord {
        attributes: attributes(&point.attributes),
        value: point.sum.unwrap_or_default(),
        count: Some(point.count),
        bounds: point.explicit_bounds.clone(),
        bucket_counts: point.bucket_counts.clone(),
    })
}

fn exponential(point: &ExponentialHistogramDataPoint) -> Option<PointRecord> {
    Some(PointRecord {
        attributes: attributes(&point.attributes),
        value: point.sum.unwrap_or_default(),
        count: Some(point.count),
        bounds: Vec::new(),
        bucket_counts: Vec::new(),
    })
}
