//! What sends OTLP in these tests: HTTP by hand, gRPC by the generated client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use throughline_testing::Collector;

pub(crate) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// Posts a body and returns the status and the body of the answer. Fails after 20 seconds without
/// one.
pub(crate) fn post(
    collector: &Collector,
    path: &str,
    headers: Headers<'_>,
    body: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let endpoint = collector.http_endpoint();
    let host = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        head += &[name, ": ", value, "\r\n"].concat();
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let status = answer.get(9..12)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    Some((status, answer[body..].to_vec()))
}

/// Sends spans of one service over HTTP.
pub(crate) fn send(collector: &Collector, service: &str, spans: Vec<Span>) {
    let body = request(service, spans).encode_to_vec();
    let (status, _) = post(collector, "/v1/traces", &[PROTOBUF], &body).unwrap();
    assert_eq!(status, 200);
}

pub(crate) fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = ScopeSpans {
        scope: Some(scope()),
        spans,
        ..Default::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(resource(service)),
        scope_spans: vec![scope_spans],
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource_spans],
    }
}

pub(crate) fn resource(service: &str) -> Resource {
    Resource {
        attributes: vec![string("service.name", service)],
        ..Default::default()
    }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "scope".to_owned(),
        ..Default::default()
    }
}

/// A span of the trace `0101…` with an id that consists of one byte.
pub(crate) fn span(id: u8, parent: u8, name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { vec![] } else { vec![parent; 8] },
        name: name.to_owned(),
        kind: 1,
        flags: 1,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 2_500_000_000,
        ..Default::default()
    }
}

pub(crate) fn string(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

pub(crate) fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}
