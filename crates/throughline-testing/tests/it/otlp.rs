//! What the collector shows of the requests that it received.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    number_data_point,
};
use prost::Message;
use serde_json::{Value, json};
use throughline_testing::opentelemetry::trace::TraceId;
use throughline_testing::{Collector, MetricKind};
use tonic::Request;

use crate::client::{PROTOBUF, int, post, request, scope, send, span};

#[tokio::test]
async fn headers_are_kept() {
    let collector = Collector::start().await.unwrap();
    let headers = [
        PROTOBUF,
        ("Authorization", "Bearer 1"),
        ("x-a", "1"),
        ("x-a", "2"),
    ];
    post(&collector, "/v1/traces", &headers, b"").unwrap();
    let endpoint = collector.grpc_endpoint();
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    let mut request = Request::new(request("service", vec![span(1, 0, "one")]));
    request
        .metadata_mut()
        .insert("x-api-key", "secret".parse().unwrap());
    client.export(request).await.unwrap();

    let headers = collector.headers();
    assert_eq!(headers[0]["authorization"], "Bearer 1");
    assert_eq!(headers[0]["x-a"], "1, 2");
    assert_eq!(headers[1]["content-type"], "application/grpc");
    assert_eq!(headers[1]["x-api-key"], "secret");
}

#[test]
fn traces_are_told_apart_and_found_by_id() {
    let collector = Collector::start_blocking().unwrap();
    let mut other = span(2, 0, "other");
    other.trace_id = vec![2; 16];
    other.start_time_unix_nano -= 1;
    send(&collector, "service", vec![span(1, 0, "one"), other]);
    let names: Vec<_> = collector
        .traces()
        .iter()
        .map(|trace| trace.spans()[0].name.clone())
        .collect();
    assert_eq!(names, ["other", "one"]);
    let found = collector.trace(TraceId::from_bytes([1; 16])).unwrap();
    found.assert_tree("service: INTERNAL one");
    assert_eq!(collector.trace(TraceId::from_bytes([3; 16])), None);
}

fn metrics(value: i64) -> ExportMetricsServiceRequest {
    let sum = Sum {
        data_points: vec![NumberDataPoint {
            attributes: vec![int("a", 1)],
            value: Some(number_data_point::Value::AsInt(value)),
            ..Default::default()
        }],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let histogram = Histogram {
        data_points: vec![HistogramDataPoint {
            count: 3,
            sum: Some(1.5),
            explicit_bounds: vec![1.0],
            bucket_counts: vec![2, 1],
            ..Default::default()
        }],
        aggregation_temporality: 2,
    };
    let metric = |name: &str, data| Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Default::default()
    };
    let scope_metrics = ScopeMetrics {
        scope: Some(scope()),
        metrics: vec![
            metric("sum", Data::Sum(sum)),
            metric("histogram", Data::Histogram(histogram)),
        ],
        ..Default::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![scope_metrics],
            ..Default::default()
        }],
    }
}

#[test]
fn metrics_show_their_last_value() {
    let collector = Collector::start_blocking().unwrap();
    for value in [1, 5] {
        let body = metrics(value).encode_to_vec();
        post(&collector, "/v1/metrics", &[PROTOBUF], &body).unwrap();
    }
    let metrics = collector.metrics();
    let [histogram, sum] = &metrics[..] else {
        panic!("{metrics:#?}")
    };
    let point = &histogram.points[0];
    assert_eq!(
        (histogram.name.as_str(), histogram.kind),
        ("histogram", MetricKind::Histogram)
    );
    assert_eq!((point.value, point.count), (1.5, Some(3)));
    assert_eq!(
        (&point.bounds[..], &point.bucket_counts[..]),
        (&[1.0][..], &[2, 1][..])
    );
    assert_eq!((sum.name.as_str(), sum.kind), ("sum", MetricKind::Counter));
    assert_eq!((sum.points.len(), sum.points[0].value), (1, 5.0));
}

#[test]
fn everything_is_written_as_otlp_json() {
    let collector = Collector::start_blocking().unwrap();
    let mut traced = span(1, 2, "one");
    traced.attributes = vec![int("a", 1)];
    send(&collector, "service", vec![traced]);
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![LogRecord {
                    time_unix_nano: 7,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    post(&collector, "/v1/logs", &[PROTOBUF], &logs.encode_to_vec()).unwrap();
    let body = metrics(5).encode_to_vec();
    post(&collector, "/v1/metrics", &[PROTOBUF], &body).unwrap();

    let json = collector.otlp_json();
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [traces, logs, metrics] = &lines[..] else {
        panic!("{json}")
    };
    assert!(!json.contains("null"), "{json}");
    let resource = &traces["resourceSpans"][0]["resource"]["attributes"];
    let name = json!([{"key": "service.name", "value": {"stringValue": "service"}}]);
    assert_eq!(resource, &name);
    let span = &traces["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "01010101010101010101010101010101");
    assert_eq!(span["spanId"], "0101010101010101");
    assert_eq!(span["parentSpanId"], "0202020202020202");
    assert_eq!(span["kind"], 1);
    assert_eq!(span["startTimeUnixNano"], "1000000000");
    let attributes = json!([{"key": "a", "value": {"intValue": "1"}}]);
    assert_eq!(span["attributes"], attributes);

    let record = &logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "7");

    let metrics = &metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let sum = &metrics[0]["sum"];
    assert_eq!(sum["dataPoints"][0]["asInt"], "5");
    assert_eq!(sum["aggregationTemporality"], 2);
    assert_eq!(sum["isMonotonic"], true);
    let point = &metrics[1]["histogram"]["dataPoints"][0];
    assert_eq!(point["count"], "3");
    assert_eq!(point["bucketCounts"], json!(["2", "1"]));
    assert_eq!(point["explicitBounds"], json!([1.0]));
}
