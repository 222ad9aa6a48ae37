//! Every way in which a call ends: one span, one measurement, one outcome.

use std::error::Error;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use bytes::Bytes;
use http::StatusCode;
use reqwest_middleware::ClientBuilder;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::Status;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_stream::{Stream, StreamExt};
use tower_layer::layer_fn;
use tower_service::Service;

use crate::support::{
    assert_recorded_once, client, nobody, only_span, plain, serve, serve_bytes, serve_raw,
    status_code, tracing, until,
};

/// The head of a response of unknown length, and its first chunk.
const FIRST_CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";

#[tokio::test]
async fn client_and_server_errors_are_errors() {
    let app = Router::new().route(
        "/{status}",
        any(|path: axum::extract::Path<u16>| async move {
            (StatusCode::from_u16(*path).unwrap(), "text")
        }),
    );
    let server = serve(app).await;
    for status in [200, 201, 204, 299, 304, 400, 404, 429, 499, 500, 503] {
        for read in [true, false] {
            let memory = InMemory::new();
            let url = format!("http://{server}/{status}");
            let response = client(&memory).get(url).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            if read {
                response.bytes().await.unwrap();
            } else {
                drop(response);
            }
            let mark = match status {
                400.. => format!(" [error {status}]"),
                _ => String::new(),
            };
            assert_recorded_once(&memory, &format!("CLIENT GET{mark}"));
            assert_eq!(status_code(&memory), Some(status.into()));
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_an_error_without_the_url_in_it() {
    let memory = InMemory::new();
    let nobody = nobody().await;
    let sent = client(&memory).get(format!("http://{nobody}/?sig=secret&q=hidden-one"));
    let error = sent.send().await.unwrap_err();
    assert!(error.is_connect());
    assert!(error.url().unwrap().as_str().contains("secret"));
    assert_recorded_once(&memory, "CLIENT GET [error connect]");
    let mut span = only_span(&memory);
    assert_eq!(span.status, Status::error(""));
    span.attributes.remove("url.full");
    let rest = format!("{span:?}");
    assert!(
        !rest.contains("secret") && !rest.contains("hidden-one"),
        "{rest}"
    );
}

#[tokio::test]
async fn a_timeout_before_the_response_is_an_error() {
    let memory = InMemory::new();
    let app = Router::new().fallback(any(std::future::pending::<StatusCode>));
    let url = format!("http://{}/", serve(app).await);
    let sent = client(&memory).get(url).timeout(Duration::from_millis(20));
    assert!(sent.send().await.unwrap_err().is_timeout());
    assert_recorded_once(&memory, "CLIENT GET [error timeout]");
    assert_eq!(status_code(&memory), None);
}

#[tokio::test]
async fn no_name_and_no_tls_are_told_apart_from_no_connection() {
    let check = async |client: reqwest::ClientBuilder, url: String, kind: &str| {
        let memory = InMemory::new();
        let client = ClientBuilder::new(client.no_proxy().build().unwrap());
        let client = client.with(tracing(&memory)).build();
        let error = client.get(url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_recorded_once(&memory, &format!("CLIENT GET [error {kind}]"));
    };
    let plain = reqwest::Client::builder;
    check(plain(), "http://unknown.invalid/".to_owned(), "dns").await;
    let nobody = nobody().await;
    check(plain(), format!("http://{nobody}/"), "connect").await;
    for (error, kind) in [
        (io::ErrorKind::UnexpectedEof, "connect"),
        (io::ErrorKind::TimedOut, "timeout"),
    ] {
        let failing = plain().connector_layer(layer_fn(move |inner| NoHandshake(inner, error)));
        check(failing, format!("http://{nobody}/"), kind).await;
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_told_apart_from_no_connection() {
    for (server, expected) in [
        (serve_untrusted().await, "CLIENT GET [error tls]"),
        (serve_plainly().await, "CLIENT GET [error tls]"),
        (nobody().await, "CLIENT GET [error connect]"),
    ] {
        let memory = InMemory::new();
        let client = reqwest::Client::builder().no_proxy();
        let client = client.connector_layer(layer_fn(move |inner| Handshake(inner, server)));
        let client = ClientBuilder::new(client.build().unwrap());
        let client = client.with(tracing(&memory)).build();
        let sent = client.get(format!("http://{server}/")).send();
        assert!(sent.await.unwrap_err().is_connect());
        assert_recorded_once(&memory, expected);
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// A connector that begins TLS with a server which nobody trusts. The error is wrapped as hyper-rustls does.
#[derive(Clone)]
struct Handshake<S>(S, SocketAddr);

impl<R, S: Service<R>> Service<R> for Handshake<S> {
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        let server = self.1;
        Box::pin(async move {
            let stream = TcpStream::connect(server).await?;
            let name = ServerName::from(server.ip());
            let handshake = TlsConnector::from(trusting_nobody()).connect(name, stream);
            Err(io::Error::other(handshake.await.unwrap_err()).into())
        })
    }
}

fn trusting_nobody() -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(RootCertStore::empty());
    Arc::new(builder.with_no_client_auth())
}

/// A server that speaks TLS, with a certificate of its own making.
async fn serve_untrusted() -> SocketAddr {
    let issued = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_no_client_auth();
    let config = builder.with_single_cert(vec![issued.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let _ = acceptor.accept(connection).await;
    });
    address
}

/// A server that speaks HTTP, whatever it hears.
async fn serve_plainly() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        connection.write_all(answer).await.unwrap();
        let _ = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await;
    });
    address
}

/// A connector whose every handshake fails, with an error that is wrapped as hyper-rustls does.
#[derive(Clone)]
struct NoHandshake<S>(S, io::ErrorKind);

impl<R, S: Service<R>> Service<R> for NoHandshake<S> {
    type Response = S::Response;
    type Error = BoxError;
    type Future = Ready<Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        let handshake = io::Error::new(self.1, "an untrusted certificate");
        ready(Err(io::Error::other(handshake).into()))
    }
}

#[tokio::test]
async fn other_failures_have_a_kind_each() {
    let check = async |url: String, kind: &str| {
        let memory = InMemory::new();
        client(&memory).get(url).send().await.unwrap_err();
        assert_recorded_once(&memory, &format!("CLIENT GET [error {kind}]"));
    };
    check("ftp://127.0.0.1/".to_owned(), "builder").await;
    let garbage = serve_bytes("this is not HTTP\r\n\r\n").await;
    check(format!("http://{garbage}/"), "request").await;
    let silent = serve_bytes("").await;
    check(format!("http://{silent}/"), "request").await;
    let again = any(async || (StatusCode::FOUND, [("location", "/again")]));
    let circle = serve(Router::new().fallback(again)).await;
    check(format!("http://{circle}/"), "redirect").await;
}

/// A body of unknown length, whose chunks come from the test.
fn fed(receive: UnboundedReceiver<&'static str>) -> Body {
    struct Fed(UnboundedReceiver<&'static str>);
    impl Stream for Fed {
        type Item = Result<&'static str, std::convert::Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.poll_recv(cx).map(|chunk| chunk.map(Ok))
        }
    }
    Body::from_stream(Fed(receive))
}

/// A server that answers once, with a body whose chunks come from the test.
async fn serve_fed() -> (String, UnboundedSender<&'static str>) {
    let (send, receive) = unbounded_channel();
    let receive = Arc::new(std::sync::Mutex::new(Some(receive)));
    let answer = any(async move || fed(receive.lock().unwrap().take().unwrap()));
    let server = serve(Router::new().fallback(answer)).await;
    (format!("http://{server}/"), send)
}

#[tokio::test]
async fn the_span_ends_with_the_body() {
    let memory = InMemory::new();
    let (url, send) = serve_fed().await;
    let mut response = client(&memory).get(url).send().await.unwrap();
    let responded = Instant::now();
    send.send("first").unwrap();
    assert_eq!(response.chunk().await.unwrap(), Some("first".into()));
    assert_eq!(memory.spans(), []);
    let before_last = responded.elapsed();
    send.send("last").unwrap();
    drop(send);
    assert_eq!(response.bytes().await.unwrap(), "last");
    assert_recorded_once(&memory, "CLIENT GET");
    assert!(only_span(&memory).duration() >= before_last);
}

#[tokio::test]
async fn a_body_that_is_dropped_has_finished() {
    for chunks in 0..2 {
        let memory = InMemory::new();
        let (url, send) = serve_fed().await;
        let mut response = client(&memory).get(url).send().await.unwrap();
        for _ in 0..chunks {
            send.send("chunk").unwrap();
            response.chunk().await.unwrap().unwrap();
        }
        assert_eq!(memory.spans(), []);
        drop(response);
        assert_recorded_once(&memory, "CLIENT GET");
        assert_eq!(only_span(&memory).status, Status::Unset);
        assert_eq!(status_code(&memory), Some(200));
    }
}

#[tokio::test]
async fn a_stream_that_was_read_has_finished_when_its_last_chunk_is_there() {
    // With an announced length nobody asks for more than the last chunk.
    let memory = InMemory::new();
    let server = serve(Router::new().fallback(any(async || "text"))).await;
    let sent = client(&memory).get(format!("http://{server}/")).send();
    let mut stream = sent.await.unwrap().bytes_stream();
    assert_eq!(stream.next().await.unwrap().unwrap(), Bytes::from("text"));
    assert_recorded_once(&memory, "CLIENT GET");
}

#[tokio::test]
async fn a_body_that_fails_halfway_is_an_error() {
    let truncated = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n12345";
    for response in [truncated, FIRST_CHUNK] {
        let memory = InMemory::new();
        let server = serve_bytes(response).await;
        let sent = client(&memory).get(format!("http://{server}/")).send();
        let error = sent.await.unwrap().bytes().await.unwrap_err();

        // The error is the one that there is without us.
        let server = serve_bytes(response).await;
        let sent = plain().get(format!("http://{server}/")).send();
        let expected = sent.await.unwrap().bytes().await.unwrap_err();
        assert_eq!(kinds(&error), kinds(&expected));

        assert_recorded_once(&memory, "CLIENT GET [error body]");
        assert_eq!(status_code(&memory), Some(200));
    }
}

#[tokio::test]
async fn a_timeout_halfway_is_an_error() {
    let (hold, held) = oneshot::channel::<()>();
    let server = serve_raw(async move |mut connection: TcpStream| {
        connection.write_all(FIRST_CHUNK.as_bytes()).await.unwrap();
        // The connection stays open until the test is over.
        let _ = held.await;
    });
    let memory = InMemory::new();
    let sent = client(&memory).get(format!("http://{}/", server.await));
    let response = sent.timeout(Duration::from_millis(500)).send().await;
    let error = response.unwrap().bytes().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    drop(hold);
    assert_recorded_once(&memory, "CLIENT GET [error timeout]");
}

/// What a caller can find out about an error.
fn kinds(error: &reqwest::Error) -> [bool; 7] {
    [
        error.is_body(),
        error.is_connect(),
        error.is_decode(),
        error.is_request(),
        error.is_status(),
        error.is_timeout(),
        error.source().is_some(),
    ]
}

#[tokio::test]
async fn a_call_that_its_caller_drops_is_no_error() {
    let (started, mut has_started) = unbounded_channel();
    let answer = any(async move || {
        started.send(()).unwrap();
        std::future::pending::<StatusCode>().await
    });
    let server = serve(Router::new().fallback(answer)).await;
    let memory = InMemory::new();
    tokio::select! {
        _ = client(&memory).get(format!("http://{server}/")).send() => unreachable!(),
        _ = has_started.recv() => {}
    }
    assert_recorded_once(&memory, "CLIENT GET");
    assert_eq!(only_span(&memory).status, Status::Unset);
    assert_eq!(status_code(&memory), None);
}

#[tokio::test]
async fn a_call_that_is_never_polled_is_no_call() {
    let memory = InMemory::new();
    drop(client(&memory).get("http://127.0.0.1/").send());
    assert_eq!(memory.spans(), []);
    assert_eq!(memory.metrics(), []);
}

#[tokio::test]
async fn head_and_responses_without_body_end_with_their_head() {
    let app = Router::new()
        .route("/text", any(async || "text"))
        .route("/none", any(async || StatusCode::NO_CONTENT))
        .route("/same", any(async || StatusCode::NOT_MODIFIED))
        .route("/empty", any(async || ""));
    let server = serve(app).await;
    for (method, path) in [
        ("HEAD", "/text"),
        ("GET", "/none"),
        ("GET", "/same"),
        ("GET", "/empty"),
    ] {
        let memory = InMemory::new();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let sent = client(&memory).request(method.clone(), format!("http://{server}{path}"));
        let response = sent.send().await.unwrap();
        assert_recorded_once(&memory, &format!("CLIENT {method}"));
        assert_eq!(response.bytes().await.unwrap(), "");
        assert_eq!(memory.spans().len(), 1);
    }
}

#[tokio::test]
async fn a_response_that_outlives_its_client_ends_its_span_when_dropped() {
    let memory = InMemory::new();
    let (url, _send) = serve_fed().await;
    let response = client(&memory).get(url).send().await.unwrap();
    let reader = tokio::spawn(response.bytes());
    assert_eq!(memory.spans(), []);
    reader.abort();
    until(|| !memory.spans().is_empty()).await;
    assert_recorded_once(&memory, "CLIENT GET");
}
