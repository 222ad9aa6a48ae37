//! What a span records.

use std::collections::BTreeMap;

use http::request::Builder;
use http::{Request, Version};
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::{Expected, InMemory};

use crate::support::{layer, ok, only_span, serve};

/// Serves `request` and expects the attributes of a plain one, with `changes`: an attribute in another value or added.
async fn check(request: Builder, name: &str, changes: &[(&str, Expected)]) {
    let memory = InMemory::new();
    let request: Request<()> = request.body(()).unwrap();
    println!("{request:?}");
    serve(&layer(&memory), request, ok).await;

    let mut expected = BTreeMap::from([
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.protocol.version", "1.1".into()),
        ("url.path", "/".into()),
        ("url.scheme", "http".into()),
    ]);
    expected.extend(changes.iter().cloned());
    let span = only_span(&memory);
    span.assert_attributes(&Vec::from_iter(expected));
    assert_eq!(span.name, name);
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    assert_eq!((span.events, span.links), (vec![], vec![]));
}

#[tokio::test]
async fn a_request_has_the_attributes_of_the_conventions_and_no_other() {
    check(Request::get("/"), "GET", &[]).await;
    check(
        Request::get("/users/7").header("host", "example.com"),
        "GET",
        &[
            ("server.address", "example.com".into()),
            ("url.path", "/users/7".into()),
        ],
    )
    .await;
    check(
        Request::get("/").header("user-agent", "curl/8.0"),
        "GET",
        &[("user_agent.original", "curl/8.0".into())],
    )
    .await;
    check(
        Request::get("/").header("host", "example.com:8080"),
        "GET",
        &[
            ("server.address", "example.com".into()),
            ("server.port", 8080.into()),
        ],
    )
    .await;
    check(
        Request::get("/").header("host", "[2001:db8::1]:8080"),
        "GET",
        &[
            ("server.address", "2001:db8::1".into()),
            ("server.port", 8080.into()),
        ],
    )
    .await;
    for malformed in ["two words", "example.com:http", "::1", "", "a/b", "user@a"] {
        check(Request::get("/").header("host", malformed), "GET", &[]).await;
    }
}

#[tokio::test]
async fn the_version_is_written_as_the_conventions_ask() {
    let versions = [
        (Version::HTTP_09, "0.9"),
        (Version::HTTP_10, "1.0"),
        (Version::HTTP_11, "1.1"),
        (Version::HTTP_2, "2"),
        (Version::HTTP_3, "3"),
    ];
    for (version, written) in versions {
        let request = Request::get("/").version(version);
        let changes = [("network.protocol.version", written.into())];
        check(request, "GET", &changes).await;
    }
}

#[tokio::test]
async fn scheme_and_server_are_those_of_an_absolute_target() {
    check(
        Request::get("https://example.com:8443/a")
            .version(Version::HTTP_2)
            .header("host", "other.example"),
        "GET",
        &[
            ("network.protocol.version", "2".into()),
            ("server.address", "example.com".into()),
            ("server.port", 8443.into()),
            ("url.path", "/a".into()),
            ("url.scheme", "https".into()),
        ],
    )
    .await;
    check(
        Request::get("http://[::1]/"),
        "GET",
        &[("server.address", "::1".into())],
    )
    .await;
}

#[tokio::test]
async fn secrets_stay_out() {
    check(
        Request::get("/?q=1&sig=secret&X-Amz-Signature=secret"),
        "GET",
        &[(
            "url.query",
            "q=1&sig=REDACTED&X-Amz-Signature=REDACTED".into(),
        )],
    )
    .await;
    check(
        Request::get("http://user:secret@example.com/"),
        "GET",
        &[("server.address", "example.com".into())],
    )
    .await;
    check(
        Request::get("/")
            .header("authorization", "secret")
            .header("cookie", "secret"),
        "GET",
        &[],
    )
    .await;
}

#[tokio::test]
async fn methods_are_of_low_cardinality() {
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY",
    ] {
        let changes = [("http.request.method", method.into())];
        check(Request::get("/").method(method), method, &changes).await;
    }
    for method in ["PURGE", "get", "propfind"] {
        let changes = [
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", method.into()),
        ];
        check(Request::get("/").method(method), "HTTP", &changes).await;
    }
}

#[tokio::test]
async fn what_is_empty_is_left_out() {
    check(Request::get("/?").header("user-agent", ""), "GET", &[]).await;
    let memory = InMemory::new();
    let connect = Request::connect("example.com:443").body(()).unwrap();
    serve(&layer(&memory), connect, ok).await;
    assert_eq!(only_span(&memory).attribute("url.path"), None);
}

#[tokio::test]
async fn what_is_not_text_is_left_out() {
    let not_text = http::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let request = Request::get("/").header("user-agent", &not_text);
    check(request.header("host", not_text), "GET", &[]).await;
}

#[tokio::test]
async fn a_method_that_is_called_like_the_rest_has_no_other_name() {
    let request = Request::builder().method("_OTHER").uri("/");
    let changes = [("http.request.method", "_OTHER".into())];
    check(request, "HTTP", &changes).await;
}

#[tokio::test]
async fn the_peer_is_that_of_the_connection() {
    for (address, ip, port) in [
        ("192.0.2.7:4711", "192.0.2.7", 4711),
        ("[2001:db8::7]:4711", "2001:db8::7", 4711),
        ("[::ffff:192.0.2.7]:4711", "192.0.2.7", 4711),
    ] {
        let peer: std::net::SocketAddr = address.parse().unwrap();
        let changes = [
            ("client.address", ip.into()),
            ("network.peer.address", ip.into()),
            ("network.peer.port", port.into()),
        ];
        let told = Request::get("/").extension(throughline_tower::PeerAddress(peer));
        check(told, "GET", &changes).await;
        #[cfg(feature = "axum")]
        {
            let connect_info = Request::get("/").extension(axum::extract::ConnectInfo(peer));
            check(connect_info, "GET", &changes).await;
        }
    }
}

#[tokio::test]
async fn the_scope_is_the_crate_and_the_schema_the_conventions() {
    let memory = InMemory::new();
    serve(&layer(&memory), Request::default(), ok).await;
    let span = only_span(&memory);
    assert_eq!(span.scope, "throughline-tower");
    let version = Some(env!("CARGO_PKG_VERSION"));
    assert_eq!(span.scope_version.as_deref(), version);
    let schema = Some("https://opentelemetry.io/schemas/1.44.0");
    assert_eq!(span.schema_url.as_deref(), schema);
    for metric in memory.metrics() {
        assert_eq!(metric.scope, "throughline-tower");
    }
}
