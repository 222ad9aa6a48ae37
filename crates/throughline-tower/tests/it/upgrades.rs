//! Spans of requests that switch the protocol, where they are to live as long as the connection.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use throughline_testing::InMemory;
use throughline_tower::ConnectionSpan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tower::{Layer, service_fn};

use crate::exchange::{AnyService, Protocol, Traced, any, serve_one};
use crate::support::{
    AnyBody, active, assert_recorded_once, full, get, layer, only_span, serve, status_code,
};

/// Switches to a protocol that echoes, and holds the span meanwhile.
async fn switch(mut request: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    let span = request.extensions_mut().remove::<ConnectionSpan>();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
        tokio::io::copy(&mut from, &mut to).await.ok();
        drop(span);
    });
    let mut response = Response::new(full(""));
    if request.method() == Method::GET {
        *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        ask_for_echo(response.headers_mut());
    }
    Ok(response)
}

fn ask_for_echo(headers: &mut http::HeaderMap) {
    headers.insert("connection", HeaderValue::from_static("upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("echo"));
}

fn app(traced: &Traced) -> AnyService {
    any(traced.layer(service_fn(switch)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_span_of_a_connection_ends_with_it() {
    for (protocol, method, status) in [
        (Protocol::Http1, Method::GET, 101),
        (Protocol::Http1, Method::CONNECT, 200),
        (Protocol::Http2, Method::CONNECT, 200),
    ] {
        println!("{method} over {protocol:?}");
        let memory = InMemory::new();
        let layer = layer(&memory).upgraded_connections();
        let (mut client, _) = serve_one(&InMemory::new(), layer, app, protocol).await;
        let mut request = client.request(method.clone(), "/");
        if method == Method::CONNECT {
            *request.uri_mut() = "localhost:80".parse().unwrap();
        } else {
            ask_for_echo(request.headers_mut());
        }
        let mut response = client.send(request).await.unwrap();
        assert_eq!(response.status(), status);
        let upgraded = hyper::upgrade::on(&mut response).await.unwrap();
        let mut connection = TokioIo::new(upgraded);
        for _ in 0..3 {
            connection.write_all(b"ping").await.unwrap();
            let mut heard = [0; 4];
            connection.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"ping");
            assert_eq!((memory.spans().len(), active(&memory)), (0, 1.0));
        }
        drop(connection);
        let ended = async {
            while memory.spans().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), ended).await.unwrap();
        assert_recorded_once(&memory, &format!("SERVER {method}"));
        assert_eq!(status_code(&memory), Some(status.into()));
    }
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_span_where_that_is_asked_for() {
    for (asked, held, lives) in [
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        let memory = InMemory::new();
        let plain = layer(&memory);
        let layer = if asked {
            plain.upgraded_connections()
        } else {
            plain
        };
        let connection = Mutex::new(None);
        let handler = async |mut request: Request<()>| {
            let span = request.extensions_mut().remove::<ConnectionSpan>();
            assert_eq!(span.is_some(), asked);
            *connection.lock().unwrap() = span.filter(|_| held);
            let response = Response::builder().status(101).header("x-a", "1");
            response.body(full("")).unwrap()
        };
        let layer = layer.capture_response_headers([HeaderName::from_static("x-a")]);
        serve(&layer, get("/"), handler).await;
        assert_eq!(memory.spans().len(), usize::from(!lives));
        assert_eq!(active(&memory), f64::from(u8::from(lives)));
        *connection.lock().unwrap() = None;
        assert_recorded_once(&memory, "SERVER GET");
        assert_eq!(status_code(&memory), Some(101));
        let header = only_span(&memory)
            .attribute("http.response.header.x-a")
            .cloned();
        assert_eq!(
            header.map(|value| value.to_string()).as_deref(),
            Some(r#"["1"]"#)
        );
    }
}

#[tokio::test]
async fn a_request_that_switches_nothing_does_not_wait_for_its_connection() {
    let memory = InMemory::new();
    let layer = layer(&memory).upgraded_connections();
    let held = Mutex::new(None);
    serve(&layer, get("/"), async |mut request: Request<()>| {
        *held.lock().unwrap() = request.extensions_mut().remove::<ConnectionSpan>();
        Response::new(full("body"))
    })
    .await;
    assert_recorded_once(&memory, "SERVER GET");
    drop(held);
    assert_eq!(memory.spans().len(), 1);
}
