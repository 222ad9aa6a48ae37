//! The log records that the collector shows.

use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as ProtoLog, ResourceLogs, ScopeLogs};
use prost::Message;
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use throughline_testing::{Collector, LogRecord};
use tonic::codec::CompressionEncoding;

use crate::client::{PROTOBUF, int, post, resource, scope};

fn request(log_records: Vec<ProtoLog>) -> ExportLogsServiceRequest {
    let scope_logs = ScopeLogs {
        scope: Some(scope()),
        log_records,
        ..Default::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource("service")),
            scope_logs: vec![scope_logs],
            ..Default::default()
        }],
    }
}

/// Sends one record, waits for it, and returns it.
fn sent(record: ProtoLog) -> LogRecord {
    let collector = Collector::start_blocking().unwrap();
    let sender = thread::spawn({
        let collector = collector.clone();
        let body = request(vec![record]).encode_to_vec();
        move || post(&collector, "/v1/logs", &[PROTOBUF], &body).unwrap()
    });
    let arrived = |_: &[_]| !collector.logs().is_empty();
    let spans = collector.wait_for_blocking(Duration::from_secs(20), arrived);
    assert_eq!(spans.unwrap(), []);
    assert_eq!(sender.join().unwrap().0, 200);
    collector.logs().remove(0)
}

fn text(text: &str) -> AnyValue {
    AnyValue::StringValue(text.to_owned())
}

#[test]
fn a_log_record_shows_all_that_was_sent() {
    let log = sent(ProtoLog {
        time_unix_nano: 1_000_000_000,
        observed_time_unix_nano: 2_000_000_000,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(Any {
            value: Some(text("no stock")),
        }),
        attributes: vec![int("a", 1), int("a", 2)],
        dropped_attributes_count: 3,
        // Only the lower eight bits are the trace flags.
        flags: 0x101,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "order.failed".to_owned(),
    });
    assert_eq!(log.service.as_deref(), Some("service"));
    assert_eq!(log.resource["service.name"], "service".into());
    assert_eq!(log.scope, "scope");
    assert_eq!(log.time, Some(UNIX_EPOCH + Duration::from_secs(1)));
    assert_eq!(log.observed_time, Some(UNIX_EPOCH + Duration::from_secs(2)));
    assert_eq!(log.severity_number, 17);
    assert_eq!(log.severity_text.as_deref(), Some("ERROR"));
    assert_eq!(log.event_name.as_deref(), Some("order.failed"));
    assert_eq!(log.body, Some("no stock".into()));
    assert_eq!(log.attribute("a"), Some(&Value::I64(2)));
    assert_eq!(log.attributes.len(), 1);
    assert_eq!(log.dropped_attributes_count, 3);
    assert_eq!(log.trace_id, Some(TraceId::from_bytes([1; 16])));
    assert_eq!(log.span_id, Some(SpanId::from_bytes([2; 8])));
    assert_eq!(log.trace_flags, TraceFlags::SAMPLED);
}

#[test]
fn what_a_log_record_lacks_is_absent() {
    let log = sent(ProtoLog::default());
    assert_eq!((log.time, log.observed_time), (None, None));
    assert_eq!((log.severity_number, log.severity_text), (0, None));
    assert_eq!((log.event_name, log.body), (None, None));
    assert_eq!((log.trace_id, log.span_id), (None, None));
    assert_eq!(log.trace_flags, TraceFlags::NOT_SAMPLED);
    assert!(log.attributes.is_empty());
}

#[test]
fn a_structured_body_shows_as_its_json() {
    let check = |body: AnyValue, expected: Value| {
        let log = sent(ProtoLog {
            body: Some(Any { value: Some(body) }),
            ..Default::default()
        });
        assert_eq!(log.body, Some(expected));
    };
    let values = vec![int("left", 0)];
    check(
        AnyValue::KvlistValue(KeyValueList { values }),
        r#"{"kvlistValue":{"values":[{"key":"left","value":{"intValue":"0"}}]}}"#.into(),
    );
    check(AnyValue::DoubleValue(0.5), 0.5.into());
}

#[tokio::test]
async fn log_records_come_by_grpc_in_their_order() {
    let collector = Collector::start().await.unwrap();
    let endpoint = collector.grpc_endpoint();
    let client = LogsServiceClient::connect(endpoint).await.unwrap();
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let record = |name: &str| ProtoLog {
        event_name: name.to_owned(),
        ..Default::default()
    };
    let first = request(vec![record("a"), record("b")]);
    client.export(first).await.unwrap();
    client.export(request(vec![record("c")])).await.unwrap();
    let logs = collector.logs().into_iter();
    let names: Vec<_> = logs.filter_map(|log| log.event_name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}
