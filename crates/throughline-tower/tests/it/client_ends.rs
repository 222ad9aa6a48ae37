//! Every way in which a call of [`ClientLayer`](throughline_tower::ClientLayer) ends.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry::trace::Status;
use throughline_tower::Resends;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::retry::Policy;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt};

use crate::client::{
    assert_recorded_once, client, get, hyper, layer, nobody, read, serve, serve_statuses,
};
use crate::support::only_span;

/// Answers one request with `response`; then closes the connection, or leaves it open until the test is over.
async fn serve_bytes(response: &'static str, close: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        connection.write_all(response.as_bytes()).await.unwrap();
        if !close {
            let _ = connection.read_u8().await;
        }
    });
    address
}

/// How a call ends, and the line that is recorded of it.
async fn check(expected: &str, run: impl Future<Output = ()>, memory: &InMemory) {
    println!("{expected}");
    run.await;
    assert_recorded_once(memory, expected);
}

#[tokio::test]
async fn every_end_has_one_span_and_one_measurement() {
    let statuses = serve_statuses().await;
    for (path, mark) in [("", ""), ("404", " [error 404]"), ("500", " [error 500]")] {
        let memory = InMemory::new();
        let run = read(client(&memory), get(format!("http://{statuses}/{path}")));
        check(&format!("CLIENT GET{mark}"), run, &memory).await;
    }

    let memory = InMemory::new();
    let refused = read(client(&memory), get(format!("http://{}/", nobody().await)));
    check("CLIENT GET [error connect]", refused, &memory).await;

    let memory = InMemory::new();
    let unknown = read(client(&memory), get("http://unknown.invalid/"));
    check("CLIENT GET [error connect]", unknown, &memory).await;

    const CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";
    let memory = InMemory::new();
    let server = serve_bytes(CHUNK, true).await;
    let broken = read(client(&memory), get(format!("http://{server}/")));
    check("CLIENT GET [error hyper::error::Error]", broken, &memory).await;

    let memory = InMemory::new();
    let server = serve_bytes(CHUNK, false).await;
    let dropped = async {
        let sent = client(&memory).oneshot(get(format!("http://{server}/")));
        drop(sent.await.unwrap());
    };
    check("CLIENT GET", dropped, &memory).await;
    assert_eq!(only_span(&memory).status, Status::Unset);

    let memory = InMemory::new();
    let server = serve_bytes("", false).await;
    let timeout = ServiceBuilder::new()
        .layer(layer(&memory).error_type(|_: &tower::timeout::error::Elapsed| Some("timeout")))
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .service(hyper());
    let late = read(timeout, get(format!("http://{server}/")));
    check("CLIENT GET [error timeout]", late, &memory).await;

    let memory = InMemory::new();
    let server = serve_bytes("", false).await;
    let cancelled = async {
        let sent = client(&memory).oneshot(get(format!("http://{server}/")));
        let waited = tokio::time::timeout(Duration::from_millis(20), sent).await;
        waited.unwrap_err();
    };
    check("CLIENT GET", cancelled, &memory).await;
    assert_eq!(only_span(&memory).status, Status::Unset);
}

#[tokio::test]
async fn without_rules_errors_have_their_type() {
    let memory = InMemory::new();
    let url = format!("http://{}/", nobody().await);
    read(layer(&memory).layer(hyper()), get(&url)).await;
    assert_recorded_once(
        &memory,
        "CLIENT GET [error hyper_util::client::legacy::client::Error]",
    );
    // A boxed error can be looked into.
    let memory = InMemory::new();
    let boxed = hyper().map_err(BoxError::from);
    read(layer(&memory).layer(boxed), get(&url)).await;
    assert_recorded_once(&memory, "CLIENT GET [error connect]");
}

/// Sends a request again while the response is an error.
#[derive(Clone)]
struct Again;

impl<B, E> Policy<Request<Empty<Bytes>>, Response<B>, E> for Again {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Empty<Bytes>>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Self::Future> {
        let failed = !matches!(result, Ok(response) if response.status().is_success());
        failed.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Empty<Bytes>>) -> Option<Request<Empty<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn each_try_has_a_span_that_says_how_often_it_was_sent_before() {
    let tries = Arc::new(AtomicU32::new(0));
    let answer = any(async move || match tries.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    });
    let server = serve(Router::new().fallback(answer)).await;
    let memory = InMemory::new();
    let retrying = ServiceBuilder::new().retry(Again).service(client(&memory));
    let mut request = get(format!("http://{server}/"));
    request.extensions_mut().insert(Resends::default());
    read(retrying, request).await;
    let recorded: Vec<_> = (memory.spans().iter())
        .map(|span| {
            let count = span.attribute("http.request.resend_count").cloned();
            (count, span.error_type().map(str::to_owned))
        })
        .collect();
    let unavailable = || Some("503".to_owned());
    let expected = [
        (None, unavailable()),
        (Some(Value::I64(1)), unavailable()),
        (Some(Value::I64(2)), None),
    ];
    assert_eq!(recorded, expected);
}
