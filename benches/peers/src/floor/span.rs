//! A span as OTLP bytes: what is known at its start is encoded there, the rest when it is dropped.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode, Version, header};

use super::context::SpanContext;

/// The spans after which the bytes are given up, as those of a batch that has been sent.
const BATCH: usize = 512;
/// At which text is cut, so that the length of every attribute is one byte.
const CUT: usize = 64;

// Tags of `opentelemetry.proto.trace.v1.Span`: the number of the field and the type on the wire.
const TRACE_ID: u8 = 1 << 3 | 2;
const SPAN_ID: u8 = 2 << 3 | 2;
const PARENT_SPAN_ID: u8 = 4 << 3 | 2;
const NAME: u8 = 5 << 3 | 2;
const KIND: u8 = 6 << 3;
const START_TIME: u8 = 7 << 3 | 1;
const END_TIME: u8 = 8 << 3 | 1;
const ATTRIBUTE: u8 = 9 << 3 | 2;
const STATUS: u8 = 15 << 3 | 2;

thread_local! {
    static BATCHED: RefCell<Batch> = const { RefCell::new(Batch { bytes: Vec::new(), spans: 0 }) };
}

/// The field `spans` of a `ScopeSpans`, so many times.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    spans: usize,
}

/// A span that ends when it is dropped.
pub(super) struct Span {
    bytes: [u8; 512],
    length: usize,
}

impl Span {
    pub(super) fn start<B>(
        context: SpanContext,
        parent: Option<SpanContext>,
        request: &Request<B>,
    ) -> Self {
        let (bytes, length) = ([0; 512], 0);
        let mut span = Self { bytes, length };
        span.put(&[&[TRACE_ID, 16], &context.trace_id.to_be_bytes()]);
        span.put(&[&[SPAN_ID, 8], &context.span_id.to_be_bytes()]);
        if let Some(parent) = parent {
            span.put(&[&[PARENT_SPAN_ID, 8], &parent.span_id.to_be_bytes()]);
        }
        span.put(&[&[START_TIME], &now().to_le_bytes(), &[KIND, 2]]);
        span.attributes(request);
        span
    }

    fn attributes<B>(&mut self, request: &Request<B>) {
        let (method, headers) = (cut(request.method().as_str()), request.headers());
        self.text("http.request.method", method);
        self.text("url.scheme", request.uri().scheme_str().unwrap_or("http"));
        self.text("url.path", request.uri().path());
        let route = request.extensions().get::<MatchedPath>();
        if let Some(route) = route.map(|route| cut(route.as_str())) {
            self.text("http.route", route);
            let length = (method.len() + 1 + route.len()) as u8;
            let (method, route) = (method.as_bytes(), route.as_bytes());
            self.put(&[&[NAME, length], method, b" ", route]);
        } else {
            self.put(&[&[NAME, method.len() as u8], method.as_bytes()]);
        }
        if let Some(host) = value(headers, &header::HOST) {
            let (host, port) = endpoint(host);
            self.text("server.address", host);
            if let Some(port) = port {
                self.number("server.port", port);
            }
        }
        if let Some(user_agent) = value(headers, &header::USER_AGENT) {
            self.text("user_agent.original", user_agent);
        }
        let version = match request.version() {
            Version::HTTP_2 => "2",
            _ => "1.1",
        };
        self.text("network.protocol.version", version);
    }

    pub(super) fn respond(&mut self, status: StatusCode) {
        self.number("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.text("error.type", status.as_str());
            self.put(&[&[STATUS, 2, 3 << 3, 2]]);
        }
    }

    /// A `KeyValue` whose `AnyValue` is a string.
    fn text(&mut self, key: &str, text: &str) {
        let text = cut(text);
        let value = [1 << 3 | 2, text.len() as u8];
        self.attribute(key, &value, text.as_bytes());
    }

    /// A `KeyValue` whose `AnyValue` is an integer below 2²¹, which is three groups of seven bits.
    fn number(&mut self, key: &str, number: u16) {
        let [low, middle, high] = [number, number >> 7, number >> 14].map(|bits| bits as u8);
        self.attribute(key, &[3 << 3, low | 0x80, middle | 0x80, high], &[]);
    }

    fn attribute(&mut self, key: &str, value: &[u8], text: &[u8]) {
        let value_length = (value.len() + text.len()) as u8;
        let key_length = key.len() as u8;
        self.put(&[
            &[ATTRIBUTE, key_length + value_length + 4],
            &[1 << 3 | 2, key_length],
            key.as_bytes(),
            &[2 << 3 | 2, value_length],
            value,
            text,
        ]);
    }

    /// Appends a field, unless there is no room for all of it.
    fn put(&mut self, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let end = self.length + length;
        let Some(mut room) = self.bytes.get_mut(self.length..end) else {
            return;
        };
        for part in parts {
            let (written, rest) = room.split_at_mut(part.len());
            written.copy_from_slice(part);
            room = rest;
        }
        self.length = end;
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.put(&[&[END_TIME], &now().to_le_bytes()]);
        let [low, high] = [self.length, self.length >> 7].map(|bits| bits as u8);
        // No batch is there any more on a thread that ends.
        let _ = BATCHED.try_with(|batched| {
            let Batch { bytes, spans } = &mut *batched.borrow_mut();
            if *spans == BATCH {
                black_box(&*bytes);
                bytes.clear();
                *spans = 0;
            }
            bytes.extend_from_slice(&[2 << 3 | 2, low | 0x80, high]);
            bytes.extend_from_slice(&self.bytes[..self.length]);
            *spans += 1;
        });
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64)
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn endpoint(host: &str) -> (&str, Option<u16>) {
    let split = host.rsplit_once(':');
    let parsed = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parsed.map_or((host, None), |(host, port)| (host, Some(port)))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(CUT)]
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use axum::Router;
    use axum::body::{self, Body};
    use axum::routing::get;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
    use prost::Message;
    use throughline_bench::Input;
    use tower::ServiceExt;

    use super::*;
    use crate::floor::context::CURRENT;
    use crate::floor::layer;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    /// What the handler saw, and the spans that there are when the body has been read.
    fn spans(input: Input) -> (String, Vec<Span>) {
        let current = || async { format!("{:?}", CURRENT.get()) };
        let route = Router::new().route("/users/{id}", get(current));
        let mut request = Request::get("/users/42")
            .header("host", "shop.example:8080")
            .header("user-agent", "bench/1.0");
        if let Some(parent) = input.traceparent() {
            request = request.header("traceparent", parent);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = async {
            let Ok(response) = route.layer(layer(input)).oneshot(request).await;
            body::to_bytes(response.into_body(), 1000).await
        };
        let Poll::Ready(body) = pin!(answer).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing is waited for");
        };
        let bytes = BATCHED.with(|batched| batched.take().bytes);
        let ScopeSpans { spans, .. } = ScopeSpans::decode(&*bytes).expect("spans");
        let body = String::from_utf8(body.expect("a body").into());
        (body.expect("text"), spans)
    }

    fn attribute(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    #[test]
    fn a_span_is_what_prost_reads() {
        let before = now();
        let (current, spans) = spans(Input::Sampled);
        let [span] = &*spans else {
            panic!("{spans:?}");
        };
        let text = |key, value: &str| attribute(key, Value::StringValue(value.to_owned()));
        let number = |key, value| attribute(key, Value::IntValue(value));
        let expected = Span {
            trace_id: hex(TRACE),
            span_id: span.span_id.clone(),
            parent_span_id: hex("b7ad6b7169203331"),
            name: "GET /users/{id}".to_owned(),
            kind: SpanKind::Server.into(),
            start_time_unix_nano: span.start_time_unix_nano,
            end_time_unix_nano: span.end_time_unix_nano,
            attributes: vec![
                text("http.request.method", "GET"),
                text("url.scheme", "http"),
                text("url.path", "/users/42"),
                text("http.route", "/users/{id}"),
                text("server.address", "shop.example"),
                number("server.port", 8080),
                text("user_agent.original", "bench/1.0"),
                text("network.protocol.version", "1.1"),
                number("http.response.status_code", 200),
            ],
            ..Span::default()
        };
        assert_eq!(span, &expected);
        let times = [span.start_time_unix_nano, span.end_time_unix_nano, now()];
        assert!(before <= times[0] && times.is_sorted());
        let span_id = span.span_id.as_slice().try_into().expect("eight bytes");
        let context = SpanContext {
            trace_id: u128::from_str_radix(TRACE, 16).expect("digits"),
            span_id: u64::from_be_bytes(span_id),
            sampled: true,
        };
        assert_eq!(current, format!("{:?}", Some(context)));
        assert_eq!(CURRENT.get(), None);
    }

    #[test]
    fn the_parent_decides_or_else_the_input() {
        assert_eq!(spans(Input::Unsampled).1, []);
        assert_eq!(spans(Input::AlwaysOff).1, []);
        let (_, roots) = spans(Input::AlwaysOn);
        assert_eq!(roots.len(), 1);
        assert!(roots[0].parent_span_id.is_empty());
    }

    fn hex(digits: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
        (0..digits.len()).step_by(2).map(byte).collect()
    }
}
