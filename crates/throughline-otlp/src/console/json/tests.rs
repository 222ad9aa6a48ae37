//! The line, read again by `opentelemetry-proto`, says what the protobuf says.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Gauge, NumberDataPoint, exemplar};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::Value;

use super::{schema, transcribe};
use crate::encode::tests::arbitrary;
use crate::encode::{self, EncodedBatch, Limits};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_spans_are_read_as_what_they_were(
        resource in arbitrary::resource(),
        groups in vec((arbitrary::scope(), vec(arbitrary::span(), 0..3)), 0..3),
    ) {
        let mut batch = EncodedBatch::default();
        for (scope, spans) in &groups {
            for span in spans {
                let mut bytes = Vec::new();
                encode::span(&mut bytes, span, &Limits::default());
                batch.push(scope, &bytes);
            }
        }
        let request = batch.request(&encode::resource(&resource));
        let json = transcribe::message(&schema::TRACES, &request).unwrap();
        prop_assert!(!json.contains(char::is_control));
        // A number that is not finite is a string, which `opentelemetry-proto` cannot read.
        prop_assume!(!json.contains(r#""doubleValue":""#));
        let mut json = serde_json::from_str(&json).unwrap();
        say_defaults(&mut json);
        let read: ExportTraceServiceRequest = serde_json::from_value(json).unwrap();
        prop_assert_eq!(read, ExportTraceServiceRequest::decode(&*request).unwrap());
    }
}

/// `opentelemetry-proto` does without most defaults, as all readers must, but not without these.
fn say_defaults(json: &mut Value) {
    if let Some(array) = json.get_mut("arrayValue").and_then(Value::as_object_mut) {
        array
            .entry("values")
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    match json {
        Value::Array(elements) => elements.iter_mut().for_each(say_defaults),
        Value::Object(fields) => {
            for attribute in fields
                .get_mut("attributes")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                attribute["key"] = attribute.get("key").cloned().unwrap_or_else(|| "".into());
            }
            fields.values_mut().for_each(say_defaults);
        }
        _ => {}
    }
}

#[test]
fn an_exemplar_is_read_as_what_it_was() {
    let exemplar = |value| Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: 1,
        span_id: vec![2; 8],
        trace_id: vec![3; 16],
        value: Some(value),
    };
    let point = NumberDataPoint {
        exemplars: vec![
            exemplar(exemplar::Value::AsInt(-4)),
            exemplar(exemplar::Value::AsDouble(0.5)),
        ],
        flags: 1,
        ..NumberDataPoint::default()
    };
    let gauge = Gauge {
        data_points: vec![point],
    };
    let json = transcribe::message(&schema::GAUGE, &gauge.encode_to_vec()).unwrap();
    assert_eq!(
        json,
        r#"{"dataPoints":[{"exemplars":[{"timeUnixNano":"1","asInt":"-4","spanId":"0202020202020202","traceId":"03030303030303030303030303030303"},{"timeUnixNano":"1","asDouble":0.5,"spanId":"0202020202020202","traceId":"03030303030303030303030303030303"}],"flags":1}]}"#
    );
}

#[test]
fn numbers_and_text_are_written_as_json_has_them() {
    #[track_caller]
    fn check(value: impl Into<opentelemetry::Value>, expected: &str) {
        let attribute = opentelemetry::KeyValue::new("k", value);
        let resource = opentelemetry_sdk::Resource::builder_empty().with_attributes([attribute]);
        let request = EncodedBatch::default().request(&encode::resource(&resource.build()));
        let expected = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{expected}}}]}}}}]}}"#
        );
        assert_eq!(
            transcribe::message(&schema::TRACES, &request).unwrap(),
            expected
        );
    }
    check("", r#"{"stringValue":""}"#);
    check(
        "a\"b\\c\nd\r\0\u{1b}\u{7f}\u{85}\u{2028}é🦀",
        r#"{"stringValue":"a\"b\\c\nd\u000d\u0000\u001b\u007f\u0085\u2028é🦀"}"#,
    );
    check(false, r#"{"boolValue":false}"#);
    check(true, r#"{"boolValue":true}"#);
    check(0, r#"{"intValue":"0"}"#);
    check(i64::MIN, r#"{"intValue":"-9223372036854775808"}"#);
    check(1.0, r#"{"doubleValue":1.0}"#);
    check(-0.0, r#"{"doubleValue":-0.0}"#);
    check(0.1, r#"{"doubleValue":0.1}"#);
    check(f64::MAX, r#"{"doubleValue":1.7976931348623157e308}"#);
    check(5e-324, r#"{"doubleValue":5e-324}"#);
    check(f64::NAN, r#"{"doubleValue":"NaN"}"#);
    check(f64::INFINITY, r#"{"doubleValue":"Infinity"}"#);
    check(f64::NEG_INFINITY, r#"{"doubleValue":"-Infinity"}"#);
    let list = opentelemetry::Array::from(vec![1, -2]);
    check(
        opentelemetry::Value::Array(list),
        r#"{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"-2"}]}}"#,
    );
    let empty = opentelemetry::Array::from(Vec::<bool>::new());
    check(opentelemetry::Value::Array(empty), r#"{"arrayValue":{}}"#);
}

#[test]
fn what_the_schema_does_not_name_is_left_out_and_what_contradicts_it_is_refused() {
    #[track_caller]
    fn check(bytes: &[u8], expected: Option<&str>) {
        let json = transcribe::message(&schema::TRACES, bytes).ok();
        assert_eq!(json.as_deref(), expected, "{bytes:x?}");
    }
    check(&[], Some("{}"));
    check(&[0x98, 6, 1], Some("{}"));
    check(&[0x0a, 0, 0x0a, 0], Some(r#"{"resourceSpans":[{},{}]}"#));
    check(&[0x08, 1], None);
    check(&[0x0a, 5], None);
    // A schema URL that is no UTF-8.
    check(&[0x0a, 3, 0x1a, 1, 0xff], None);
}
