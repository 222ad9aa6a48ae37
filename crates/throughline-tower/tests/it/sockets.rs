//! What only a real connection shows: when hyper drops, and what it never polls.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use throughline_testing::InMemory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use crate::support::{ACTIVE, Fed, active, assert_recorded_once, layer, metric, status_code};

/// Serves `app` on loopback, with the peer's address.
async fn serve(memory: &InMemory, app: Router) -> SocketAddr {
    let app = app.layer(layer(memory));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// Reads until the connection ends.
async fn read(connection: &mut TcpStream) -> String {
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.unwrap();
    String::from_utf8(response).unwrap()
}

/// Waits for a condition; fails after a time that no healthy run needs.
async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), met).await.unwrap();
}

fn request(method: &str, path: &str, connection: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_before_the_response_cancels() {
    let memory = InMemory::new();
    let (started, mut has_started) = unbounded_channel();
    let handler = get(move || {
        started.send(()).unwrap();
        std::future::pending::<StatusCode>()
    });
    let address = serve(&memory, Router::new().route("/wait", handler)).await;
    let connection = send(address, &request("GET", "/wait", "close")).await;
    has_started.recv().await.unwrap();
    assert_eq!(memory.spans(), []);
    assert_eq!(active(&memory), 1.0);
    drop(connection);
    until(|| !memory.spans().is_empty()).await;
    assert_recorded_once(&memory, "SERVER GET /wait [error cancelled]");
    assert_eq!(status_code(&memory), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_during_ten_megabytes_cancels() {
    let endless = || async {
        let (send, receive) = unbounded_channel();
        for _ in 0..160 {
            send.send(Bytes::from_static(&[b'x'; 64 * 1024])).unwrap();
        }
        // Never at its end: that the client reads it all, the kernel's buffers included, must not matter.
        tokio::spawn(async move { send.closed().await });
        Body::new(Fed(receive))
    };
    let memory = InMemory::new();
    let address = serve(&memory, Router::new().route("/large", get(endless))).await;
    let mut connection = send(address, &request("GET", "/large", "close")).await;
    let mut some = [0; 4096];
    connection.read_exact(&mut some).await.unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200 OK"));
    assert_eq!(memory.spans(), []);
    drop(connection);
    until(|| !memory.spans().is_empty()).await;
    assert_recorded_once(&memory, "SERVER GET /large [error cancelled]");
    assert_eq!(status_code(&memory), Some(200));
}

/// A response of every shape, read by a well-behaved client: hyper polls some of these bodies to their end, some up to
/// the announced length, and some not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_was_sent_whole_has_finished() {
    let chunked = || async {
        let (send, receive) = unbounded_channel();
        for chunk in ["12345", "67890"] {
            send.send(chunk.into()).unwrap();
        }
        Body::new(Fed(receive))
    };
    let announced = || async {
        let (send, receive) = unbounded_channel();
        send.send("1234567890".into()).unwrap();
        // The channel stays open: only the announced length tells that the body is over.
        tokio::spawn(async move { send.closed().await });
        ([("content-length", "10")], Body::new(Fed(receive)))
    };
    let trailers = || async {
        let trailer = ("checksum".parse().unwrap(), HeaderValue::from_static("1"));
        let trailers = HeaderMap::from_iter([trailer]);
        Body::new(Full::new(Bytes::from("text")).with_trailers(async { Some(Ok(trailers)) }))
    };
    let app = Router::new()
        .route("/text", get(async || "text"))
        .route("/empty", get(async || ""))
        .route("/chunked", get(chunked))
        .route("/announced", get(announced))
        .route("/trailers", get(trailers))
        .route("/none", get(async || StatusCode::NO_CONTENT))
        .route("/same", get(async || StatusCode::NOT_MODIFIED))
        .route("/bad", get(async || (StatusCode::BAD_REQUEST, "text")));
    for (method, path, head) in [
        ("GET", "/text", "200"),
        ("HEAD", "/text", "200"),
        ("GET", "/empty", "200"),
        ("GET", "/chunked", "200"),
        ("HEAD", "/chunked", "200"),
        ("GET", "/announced", "200"),
        ("HEAD", "/announced", "200"),
        ("GET", "/trailers", "200"),
        ("GET", "/none", "204"),
        ("GET", "/same", "304"),
        ("GET", "/bad", "400"),
    ] {
        println!("{method} {path}");
        let memory = InMemory::new();
        let address = serve(&memory, app.clone()).await;
        let mut connection = send(address, &request(method, path, "close")).await;
        let response = read(&mut connection).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {head}")),
            "{response}"
        );
        until(|| !memory.spans().is_empty()).await;
        assert_recorded_once(&memory, &format!("SERVER {method} {path}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_of_a_connection_has_a_span_and_a_trace() {
    let memory = InMemory::new();
    let app = Router::new().route("/{id}", get(async || "text"));
    let address = serve(&memory, app).await;
    let requests = [
        request("GET", "/1", "keep-alive"),
        request("GET", "/2", "keep-alive"),
        request("GET", "/3", "close"),
    ];
    let mut connection = send(address, &requests.concat()).await;
    assert_eq!(read(&mut connection).await.matches("200 OK").count(), 3);
    until(|| memory.spans().len() == 3).await;
    assert_eq!(memory.traces().len(), 3);
    assert_eq!(metric(&memory, ACTIVE).points[0].value, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_attributes_over_a_connection_are_these_and_no_other() {
    let memory = InMemory::new();
    let app = Router::new().route("/users/{id}", get(async || "text"));
    let address = serve(&memory, app).await;
    let request = format!(
        "GET /users/7?q=1 HTTP/1.1\r\nhost: {address}\r\nuser-agent: test/1\r\nconnection: close\r\n\r\n"
    );
    let mut connection = send(address, &request).await;
    read(&mut connection).await;
    let peer = connection.local_addr();
    until(|| !memory.spans().is_empty()).await;
    memory.trace().find("GET /users/{id}").assert_attributes(&[
        ("client.address", "127.0.0.1".into()),
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("http.route", "/users/{id}".into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", peer.unwrap().port().into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", address.port().into()),
        ("url.path", "/users/7".into()),
        ("url.query", "q=1".into()),
        ("url.scheme", "http".into()),
        ("user_agent.original", "test/1".into()),
    ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_handler_is_recorded_though_the_connection_dies() {
    async fn handler() -> StatusCode {
        panic!("on purpose")
    }
    let memory = InMemory::new();
    let address = serve(&memory, Router::new().route("/", get(handler))).await;
    let mut connection = send(address, &request("GET", "/", "close")).await;
    assert_eq!(read(&mut connection).await, "");
    until(|| !memory.spans().is_empty()).await;
    assert_recorded_once(&memory, "SERVER GET / [error panic]");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_ends_with_its_head_while_the_connection_lives_on() {
    let switch = async || {
        let headers = [("connection", "upgrade"), ("upgrade", "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    };
    let memory = InMemory::new();
    let app = Router::new().route("/upgrade", get(switch));
    let address = serve(&memory, app).await;
    let head = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    let connection = send(address, head).await;
    until(|| !memory.spans().is_empty()).await;
    assert_recorded_once(&memory, "SERVER GET /upgrade");
    assert_eq!(status_code(&memory), Some(101));
    drop(connection);
}
