//! Servers, clients and assertions that several modules need.

use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::routing::any;
use axum::{Json, Router};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
use throughline_reqwest::TracingMiddleware;
use throughline_testing::opentelemetry::Value;
use throughline_testing::{InMemory, MetricRecord, SpanRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A middleware that records in `memory` alone.
pub(crate) fn tracing(memory: &InMemory) -> TracingMiddleware {
    TracingMiddleware::new()
        .tracer_provider(memory.tracer_provider())
        .meter_provider(memory.meter_provider())
}

/// A client that asks no proxy, whatever the environment says.
pub(crate) fn plain() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn with(middleware: impl Middleware) -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(middleware).build()
}

/// A client that records in `memory` alone.
pub(crate) fn client(memory: &InMemory) -> ClientWithMiddleware {
    with(tracing(memory))
}

/// Serves `app` on loopback.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

pub(crate) type Headers = BTreeMap<String, Vec<String>>;

/// Answers on every path with the headers of the request, all values of each.
pub(crate) async fn serve_headers() -> SocketAddr {
    serve(Router::new().fallback(any(headers))).await
}

async fn headers(headers: HeaderMap) -> Json<Headers> {
    let mut seen = Headers::new();
    for (name, value) in &headers {
        let values = seen.entry(name.to_string()).or_default();
        values.push(value.to_str().unwrap().to_owned());
    }
    Json(seen)
}

/// Accepts one connection, reads the head of one request and leaves the rest to `answer`.
pub(crate) async fn serve_raw<F>(answer: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        answer(connection).await;
    });
    address
}

/// Answers one request with `response`, then closes the connection.
pub(crate) async fn serve_bytes(response: &'static str) -> SocketAddr {
    serve_raw(async move |mut connection: TcpStream| {
        connection.write_all(response.as_bytes()).await.unwrap();
    })
    .await
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Waits for a condition; fails after a time that no healthy run needs.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), met).await.unwrap();
}

/// The only span.
#[track_caller]
pub(crate) fn only_span(memory: &InMemory) -> SpanRecord {
    let spans = memory.spans();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans.into_iter().next().unwrap()
}

/// The only metric.
#[track_caller]
pub(crate) fn duration(memory: &InMemory) -> MetricRecord {
    let metrics = memory.metrics();
    assert_eq!(metrics.len(), 1, "{metrics:#?}");
    metrics.into_iter().next().unwrap()
}

/// Asserts that one call was recorded, as the line `expected` of a tree, and that the metric says the same.
#[track_caller]
pub(crate) fn assert_recorded_once(memory: &InMemory, expected: &str) {
    memory.trace().assert_tree(expected);
    let span = only_span(memory);
    let points = duration(memory).points;
    let [point] = &points[..] else {
        panic!("one point instead of {points:#?}")
    };
    assert_eq!(point.count, Some(1));
    assert_eq!(point.value, span.duration().as_secs_f64());
    for key in ["error.type", "http.response.status_code", "server.address"] {
        assert_eq!(point.attributes.get(key), span.attribute(key), "{key}");
    }
}

/// The status code of the only span.
#[track_caller]
pub(crate) fn status_code(memory: &InMemory) -> Option<i64> {
    match only_span(memory).attribute("http.response.status_code") {
        Some(Value::I64(status)) => Some(*status),
        Some(other) => panic!("a status that is no integer: {other:?}"),
        None => None,
    }
}

/// What a server received: each request as it came, head and body.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    pub(crate) fn take(&self) -> Vec<String> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

/// Answers each request with what `answer` makes of its path, and keeps what it received.
pub(crate) async fn serve_recording(
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Received::default();
    let (answer, keep) = (Arc::new(answer), received.clone());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let (answer, keep) = (Arc::clone(&answer), keep.clone());
            tokio::spawn(async move {
                let Some(request) = read_request(&mut connection).await else {
                    return;
                };
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                keep.0.lock().unwrap().push(request);
                let response = answer(&path);
                let _ = connection.write_all(response.as_bytes()).await;
            });
        }
    });
    (address, received)
}

async fn read_request(connection: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes.clone()).unwrap();
    if head.contains("transfer-encoding: chunked") {
        while !bytes.ends_with(b"0\r\n\r\n") {
            bytes.push(connection.read_u8().await.ok()?);
        }
    }
    let length = head.split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    bytes.append(&mut body);
    Some(String::from_utf8(bytes).unwrap())
}

/// A response of [`serve_recording`], whose connection is closed after it.
pub(crate) fn raw(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Text\r\nconnection: close\r\ncontent-length: 4\r\n{headers}\r\ntext")
}
