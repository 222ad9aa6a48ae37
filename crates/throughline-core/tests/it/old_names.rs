//! The names of clients before the conventions were stable.

use ::http::{HeaderMap, HeaderName, Method, Response, Version};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::{Array, StringValue, Value};
use throughline_core::http_semconv::{CapturedHeaders, ClientRequest};
use throughline_testing::{Expected, InMemory};

use crate::support::{client, headers};

type Attributes = Vec<(&'static str, Expected)>;

fn array(value: &'static str) -> Expected {
    let values: Vec<StringValue> = vec![value.into()];
    Value::Array(Array::String(values)).into()
}

/// Sends `method` to `scheme://example.com:port/` with old names on, reads the response, and expects `stable` and `old`
/// attributes; on the metric of the old name those of `old` that are `measured`.
#[track_caller]
fn check(
    (method, scheme, port, version): (&str, &str, u16, Version),
    request_headers: &HeaderMap,
    (stable, old): (Attributes, Attributes),
    measured: &[&str],
) {
    let memory = InMemory::new();
    let mut instrumentation = client(&memory);
    instrumentation.change_http(|http| {
        http.old_names = true;
        let tenant = || [HeaderName::from_static("x-tenant-id")];
        http.client_request_headers = CapturedHeaders::of_requests(tenant());
        http.client_response_headers = CapturedHeaders::of_responses(tenant());
    });
    let call = ClientRequest {
        method: &method.parse::<Method>().unwrap(),
        url: &|| format!("{scheme}://u:p@example.com:{port}/").into(),
        host: "example.com",
        port: Some(port),
        scheme: Some(scheme),
        headers: request_headers,
        body_size: &|| Some(3),
        template: None,
        resend_count: 1,
        settings: &Default::default(),
    }
    .start(&instrumentation.resolve());
    let mut response = Response::new(Full::new(Bytes::from("body")));
    *response.version_mut() = version;
    *response.headers_mut() = headers(&[("x-tenant-id", "b")]);
    let mut body = call.respond(response).into_body();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    while let std::task::Poll::Ready(Some(_)) =
        http_body::Body::poll_frame(std::pin::Pin::new(&mut body), &mut cx)
    {}

    let of_metric: Vec<_> = (old.iter())
        .filter(|(key, _)| measured.contains(key))
        .map(|(key, _)| *key)
        .collect();
    let expected = [stable, old].concat();
    memory.spans()[0].assert_attributes(&expected);
    let metrics = memory.metrics();
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
    let metric = named("http.client.duration");
    assert_eq!(metric.unit, "ms");
    let point = &metric.points[0];
    let seconds = named("http.client.request.duration").points[0].value;
    assert_eq!(point.value, seconds * 1000.0);
    let mut keys = of_metric;
    keys.sort_unstable();
    assert_eq!(point.attributes.keys().collect::<Vec<_>>(), keys);
    assert_eq!(metrics.len(), 2);
}

#[test]
fn old_names_come_with_the_stable_ones() {
    let sent = headers(&[("user-agent", "shop/1.0"), ("x-tenant-id", "a")]);
    let stable = |method: &'static str, scheme: &str, port: u16, version: &'static str| {
        vec![
            ("http.request.method", method.into()),
            ("server.address", "example.com".into()),
            ("server.port", port.into()),
            (
                "url.full",
                format!("{scheme}://REDACTED:REDACTED@example.com:{port}/").into(),
            ),
            ("http.request.resend_count", 1.into()),
            ("http.response.status_code", 200.into()),
            ("network.protocol.version", version.into()),
            ("user_agent.original", "shop/1.0".into()),
            ("http.request.header.x-tenant-id", array("a")),
            ("http.response.header.x-tenant-id", array("b")),
        ]
    };
    let old = |method: &'static str, scheme: &str, port: u16, version: &'static str| {
        vec![
            ("http.method", Expected::from(method)),
            ("net.peer.name", "example.com".into()),
            (
                "http.url",
                format!("{scheme}://REDACTED:REDACTED@example.com:{port}/").into(),
            ),
            ("http.resend_count", 1.into()),
            ("http.status_code", 200.into()),
            ("net.protocol.name", "http".into()),
            ("net.protocol.version", version.into()),
            ("http.request_content_length", 3.into()),
            ("http.response_content_length", 4.into()),
            ("http.request.header.x_tenant_id", array("a")),
            ("http.response.header.x_tenant_id", array("b")),
        ]
    };
    let measured = [
        "http.method",
        "http.status_code",
        "net.peer.name",
        "net.peer.port",
        "net.protocol.name",
        "net.protocol.version",
    ];

    let mut with_port = old("POST", "http", 8080, "1.1");
    with_port.push(("net.peer.port", 8080.into()));
    let names = (stable("POST", "http", 8080, "1.1"), with_port);
    check(
        ("POST", "http", 8080, Version::HTTP_11),
        &sent,
        names,
        &measured,
    );

    // The port of the scheme was left out, and the version was written otherwise.
    let names = (
        stable("GET", "https", 443, "2"),
        old("GET", "https", 443, "2.0"),
    );
    check(
        ("GET", "https", 443, Version::HTTP_2),
        &sent,
        names,
        &measured,
    );

    // The method was recorded as it was sent.
    let mut odd = stable("_OTHER", "http", 80, "1.1");
    odd.push(("http.request.method_original", "BREW".into()));
    let names = (odd, old("BREW", "http", 80, "1.1"));
    check(
        ("BREW", "http", 80, Version::HTTP_11),
        &sent,
        names,
        &measured,
    );
}
