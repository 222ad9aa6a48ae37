//! What a span records.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::{Method, Request, Url};
use reqwest_middleware::ClientBuilder;
use throughline_reqwest::UrlTemplate;
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::{Expected, InMemory};

use crate::support::{client, duration, nobody, only_span, serve_headers, tracing};

/// Sends `method` to `url` and expects the attributes of a plain GET, with `changes`: an attribute in another value,
/// added or, where it is `None`, absent.
async fn check(method: &str, url: &str, name: &str, changes: &[(&str, Option<Expected>)]) {
    println!("{method} {url}");
    let memory = InMemory::new();
    let url: Url = url.parse().unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request::new(method, url.clone());
    if let Ok(response) = client(&memory).execute(request).await {
        response.bytes().await.unwrap();
    }

    let mut expected = BTreeMap::from([
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.peer.address", "127.0.0.1".into()),
        (
            "network.peer.port",
            url.port_or_known_default().unwrap().into(),
        ),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", url.port_or_known_default().unwrap().into()),
        ("url.full", url.as_str().into()),
    ]);
    for (key, value) in changes {
        match value {
            Some(value) => expected.insert(*key, value.clone()),
            None => expected.remove(key),
        };
    }
    let span = only_span(&memory);
    span.assert_attributes(&Vec::from_iter(expected));
    assert_eq!(span.name, name);
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!((span.events, span.links), (vec![], vec![]));
}

#[tokio::test]
async fn a_call_has_the_attributes_of_the_conventions_and_no_other() {
    let server = serve_headers().await;
    check("GET", &format!("http://{server}/"), "GET", &[]).await;
    check("GET", &format!("http://{server}/a/7?q=1#top"), "GET", &[]).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY"] {
        let changes = [("http.request.method", Some(method.into()))];
        check(method, &format!("http://{server}/"), method, &changes).await;
    }
    for method in ["PURGE", "get"] {
        let changes = [
            ("http.request.method", Some("_OTHER".into())),
            ("http.request.method_original", Some(method.into())),
        ];
        check(method, &format!("http://{server}/"), "HTTP", &changes).await;
    }
}

#[tokio::test]
async fn a_template_is_part_of_the_name_and_of_the_metric() {
    let server = serve_headers().await;
    let memory = InMemory::new();
    let url = format!("http://{server}/users/7");
    let sent = client(&memory)
        .post(&url)
        .with_extension(UrlTemplate::new("/users/{id}"));
    sent.send().await.unwrap().bytes().await.unwrap();
    let span = only_span(&memory);
    assert_eq!(span.name, "POST /users/{id}");
    span.assert_attributes(&[
        ("http.request.method", "POST".into()),
        ("http.response.status_code", 200.into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", server.port().into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", server.port().into()),
        ("url.full", url.into()),
        ("url.template", "/users/{id}".into()),
    ]);
    let recorded = &duration(&memory).points[0].attributes["url.template"];
    assert_eq!(*recorded, "/users/{id}".into());
}

#[tokio::test]
async fn secrets_stay_out_of_the_url() {
    let server = serve_headers().await;
    for (sent, recorded) in [
        ("//HOST/a?q=1&sig=secret", "//HOST/a?q=1&sig=REDACTED"),
        (
            "//HOST/?X-Amz-Signature=secret&AWSAccessKeyId=secret#top",
            "//HOST/?X-Amz-Signature=REDACTED&AWSAccessKeyId=REDACTED#top",
        ),
        ("//user:secret@HOST/", "//REDACTED:REDACTED@HOST/"),
        ("//secret@HOST/a", "//REDACTED:REDACTED@HOST/a"),
    ] {
        let url = |path: &str| format!("http:{}", path.replace("HOST", &server.to_string()));
        let changes = [("url.full", Some(url(recorded).into()))];
        check("GET", &url(sent), "GET", &changes).await;
    }
}

#[tokio::test]
async fn a_call_without_response_has_neither_status_nor_version() {
    let nobody = nobody().await;
    let without_response = |address: &str| {
        [
            ("http.response.status_code", None),
            ("network.protocol.version", None),
            ("network.peer.address", None),
            ("network.peer.port", None),
            ("error.type", Some("connect".into())),
            ("server.address", Some(address.into())),
        ]
    };
    let changes = without_response("127.0.0.1");
    check("GET", &format!("http://{nobody}/"), "GET", &changes).await;
    // An IPv6 address is recorded without its brackets.
    let url = format!("http://[::1]:{}/", nobody.port());
    check("GET", &url, "GET", &without_response("::1")).await;
}

#[tokio::test]
async fn a_port_that_the_url_leaves_out_is_that_of_its_scheme() {
    let server: SocketAddr = serve_headers().await;
    let memory = InMemory::new();
    let resolving = reqwest::Client::builder()
        .no_proxy()
        .resolve("shop.example", server);
    let client = ClientBuilder::new(resolving.build().unwrap()).with(tracing(&memory));
    let sent = client.build().get("http://shop.example/a").send();
    sent.await.unwrap().bytes().await.unwrap();
    only_span(&memory).assert_attributes(&[
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", server.port().into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "shop.example".into()),
        ("server.port", 80.into()),
        ("url.full", "http://shop.example/a".into()),
    ]);
}

#[tokio::test]
async fn a_host_header_of_the_callers_own_is_the_server() {
    let server = serve_headers().await;
    for (host, address, port) in [
        ("shop.example:8080", "shop.example", 8080),
        ("shop.example", "shop.example", 80),
        ("[::1]", "::1", 80),
        ("user@shop.example", "127.0.0.1", server.port()),
    ] {
        let memory = InMemory::new();
        let call = client(&memory).get(format!("http://{server}/"));
        let sent = call.header("host", host).send().await.unwrap();
        sent.bytes().await.unwrap();
        let span = only_span(&memory);
        assert_eq!(span.attribute("server.address"), Some(&address.into()));
        let port = i64::from(port).into();
        assert_eq!(span.attribute("server.port"), Some(&port));
        let url = format!("http://{server}/");
        assert_eq!(span.attribute("url.full"), Some(&url.into()));
    }
}

#[tokio::test]
async fn the_scope_is_the_crate_and_the_schema_the_conventions() {
    let server = serve_headers().await;
    let memory = InMemory::new();
    let sent = client(&memory).get(format!("http://{server}/")).send();
    sent.await.unwrap().bytes().await.unwrap();
    let span = only_span(&memory);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.scope, "throughline-reqwest");
    let version = Some(env!("CARGO_PKG_VERSION"));
    assert_eq!(span.scope_version.as_deref(), version);
    let schema = Some("https://opentelemetry.io/schemas/1.44.0");
    assert_eq!(span.schema_url.as_deref(), schema);
    assert_eq!(duration(&memory).scope, "throughline-reqwest");
}
