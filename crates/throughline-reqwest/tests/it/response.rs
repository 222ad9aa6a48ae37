//! The response is the one that there would be without us.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use reqwest::{Method, Response, Url, Version};
use throughline_testing::InMemory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;

use crate::support::{assert_recorded_once, client, plain, serve, serve_raw};

async fn server() -> SocketAddr {
    let chunked = async || {
        let chunks = ["12345", "67890"].map(Ok::<_, std::convert::Infallible>);
        Body::from_stream(tokio_stream::iter(chunks))
    };
    let app = Router::new()
        .route("/text", any(async || "text"))
        .route("/json", any(async || r#"{"a":1}"#))
        .route("/chunked", any(chunked))
        .route("/none", any(async || StatusCode::NO_CONTENT))
        .route("/missing", any(async || (StatusCode::NOT_FOUND, "missing")))
        .route(
            "/moved",
            any(async || (StatusCode::FOUND, [("location", "/text")])),
        )
        .route(
            "/cookie",
            any(async || ([("set-cookie", "a=b"), ("x-b", "c")], "text")),
        );
    serve(app).await
}

/// What a caller sees of a response before reading it.
#[derive(Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    version: Version,
    url: Url,
    headers: BTreeMap<String, String>,
    content_length: Option<u64>,
    remote: Option<SocketAddr>,
}

impl Seen {
    fn of(response: &Response) -> Self {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let value = value.to_str().unwrap();
            // Seconds may pass between two responses.
            (name != "date").then(|| (name.to_string(), value.to_owned()))
        };
        Self {
            status: response.status(),
            version: response.version(),
            url: response.url().clone(),
            headers: response.headers().iter().filter_map(header).collect(),
            content_length: response.content_length(),
            remote: response.remote_addr(),
        }
    }
}

#[tokio::test]
async fn everything_of_a_response_stays() {
    let server = server().await;
    for (method, path) in [
        (Method::GET, "/text"),
        (Method::GET, "/chunked"),
        (Method::GET, "/none"),
        (Method::GET, "/missing"),
        (Method::GET, "/moved"),
        (Method::GET, "/cookie"),
        (Method::HEAD, "/text"),
        (Method::HEAD, "/chunked"),
        (Method::POST, "/text"),
        (Method::GET, "/nowhere?q=1#top"),
    ] {
        println!("{method} {path}");
        let url = format!("http://{server}{path}");
        let expected = plain().request(method.clone(), &url).send().await.unwrap();
        let memory = InMemory::new();
        let response = client(&memory).request(method, &url).send().await.unwrap();
        assert_eq!(Seen::of(&response), Seen::of(&expected));
        assert!(response.remote_addr().is_some());
        let expected_hint = http::Response::<reqwest::Body>::from(expected);
        let (hint, expected_hint) = {
            let response = http::Response::<reqwest::Body>::from(response);
            let hint = response.body().size_hint();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let expected = expected_hint.body().size_hint();
            let expected_body = expected_hint.into_body().collect().await.unwrap();
            assert_eq!(body, expected_body.to_bytes());
            (hint, expected)
        };
        assert_eq!(hint.exact(), expected_hint.exact());
        assert_eq!(
            (hint.lower(), hint.upper()),
            (expected_hint.lower(), expected_hint.upper())
        );
        assert_eq!(memory.spans().len(), 1);
    }
}

#[tokio::test]
async fn every_way_to_read_works() {
    let server = server().await;
    let memory = InMemory::new();
    let client = client(&memory);
    let get = async |path: &str| {
        let url = format!("http://{server}{path}");
        client.get(url).send().await.unwrap()
    };
    assert_eq!(get("/text").await.text().await.unwrap(), "text");
    let json: serde_json::Value = get("/json").await.json().await.unwrap();
    assert_eq!(json["a"], 1);
    assert_eq!(get("/chunked").await.bytes().await.unwrap(), "1234567890");
    let mut stream = get("/chunked").await.bytes_stream();
    let mut read = Vec::new();
    while let Some(chunk) = stream.next().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(read, b"1234567890");
    let mut response = get("/chunked").await;
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert_eq!(read, b"1234567890");
    assert_eq!(memory.spans().len(), 5);
    assert!(
        memory
            .spans()
            .iter()
            .all(|span| span.error_type().is_none())
    );
}

#[tokio::test]
async fn error_for_status_knows_status_and_url() {
    let server = server().await;
    let memory = InMemory::new();
    let url = format!("http://{server}/missing");
    let response = client(&memory).get(&url).send().await.unwrap();
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    assert_eq!(error.url().map(Url::as_str), Some(url.as_str()));
    assert_recorded_once(&memory, "CLIENT GET [error 404]");
}

#[tokio::test]
async fn a_json_that_is_none_is_the_callers_error() {
    let server = server().await;
    let memory = InMemory::new();
    let sent = client(&memory).get(format!("http://{server}/text")).send();
    let error = sent.await.unwrap().json::<serde_json::Value>().await;
    assert!(error.unwrap_err().is_decode());
    assert_recorded_once(&memory, "CLIENT GET");
}

#[tokio::test]
async fn an_upgrade_ends_the_span_and_the_connection_lives_on() {
    let server = serve_raw(async |mut connection: TcpStream| {
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut heard = [0; 4];
        connection.read_exact(&mut heard).await.unwrap();
        connection.write_all(&heard).await.unwrap();
    })
    .await;
    let memory = InMemory::new();
    let sent = client(&memory)
        .get(format!("http://{server}/"))
        .header("connection", "upgrade")
        .header("upgrade", "echo");
    let response = sent.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_recorded_once(&memory, "CLIENT GET");
    let mut upgraded = response.upgrade().await.unwrap();
    upgraded.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    upgraded.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, *b"ping");
    assert_eq!(memory.spans().len(), 1);
}

#[tokio::test]
async fn the_body_of_a_request_is_sent() {
    let echo = any(async |body: String| body);
    let server = serve(Router::new().route("/", echo)).await;
    let memory = InMemory::new();
    let sent = client(&memory)
        .post(format!("http://{server}/"))
        .body("text");
    let response = sent.send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "text");
    assert_recorded_once(&memory, "CLIENT POST");
}
