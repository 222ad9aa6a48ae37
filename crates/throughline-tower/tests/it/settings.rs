//! What is recorded where it was asked for, and what is not where it was not.

use http::{HeaderName, HeaderValue, Method, Request, Response};
use throughline_testing::opentelemetry::{Array, StringValue, Value};
use throughline_testing::{Expected, InMemory, SpanRecord};
use throughline_tower::{PeerAddress, ServerLayer};

use crate::support::{DURATION, full, get, layer, metric, ok, only_span, serve};

/// The attributes of the only span that a plain request to `/` does not have.
#[track_caller]
pub(crate) fn assert_more(span: &SpanRecord, expected: &[(&str, Expected)]) {
    let mut all = vec![
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.protocol.version", "1.1".into()),
        ("url.path", "/".into()),
        ("url.scheme", "http".into()),
    ];
    all.extend_from_slice(expected);
    span.assert_attributes(&all);
}

pub(crate) fn strings(values: &[&str]) -> Expected {
    let values = values
        .iter()
        .map(|&value| StringValue::from(value.to_owned()));
    Value::Array(Array::String(values.collect())).into()
}

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[tokio::test]
async fn known_methods_are_those_of_the_list() {
    for (sent, known, name) in [
        ("GET", "GET", "GET"),
        ("PURGE", "PURGE", "PURGE"),
        ("purge", "_OTHER", "HTTP"),
        ("POST", "_OTHER", "HTTP"),
        ("REPORT", "_OTHER", "HTTP"),
    ] {
        let memory = InMemory::new();
        let layer = layer(&memory).known_methods([Method::GET, method("PURGE")]);
        let request = Request::builder().method(sent).body(()).unwrap();
        serve(&layer, request, ok).await;
        let span = only_span(&memory);
        assert_eq!(span.name, name);
        let recorded = |key| span.attribute(key).map(ToString::to_string);
        assert_eq!(recorded("http.request.method").as_deref(), Some(known));
        let original = (known == "_OTHER").then(|| sent.to_owned());
        assert_eq!(recorded("http.request.method_original"), original);
        for metric in memory.metrics() {
            let method = &metric.points[0].attributes["http.request.method"];
            assert_eq!(*method, Value::from(known), "{}", metric.name);
        }
    }
}

#[tokio::test]
async fn known_methods_have_points_of_their_own() {
    let memory = InMemory::new();
    let layer = layer(&memory)
        .known_methods([method("COPY"), method("MOVE")])
        .route(|_| Some("/known".into()));
    for sent in ["COPY", "MOVE", "MOVE", "LOCK", "UNLOCK"] {
        let request = Request::builder().method(sent).body(()).unwrap();
        serve(&layer, request, ok).await;
    }
    let mut counts: Vec<_> = (metric(&memory, DURATION).points.iter())
        .map(|point| {
            (
                point.attributes["http.request.method"].to_string(),
                point.count,
            )
        })
        .collect();
    counts.sort();
    let expected = [("COPY", 1), ("MOVE", 2), ("_OTHER", 2)];
    let expected = expected.map(|(method, count)| (method.to_owned(), Some(count)));
    assert_eq!(counts, expected);
    let names: Vec<_> = memory.spans().into_iter().map(|span| span.name).collect();
    let expected = [
        "COPY /known",
        "MOVE /known",
        "MOVE /known",
        "HTTP /known",
        "HTTP /known",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_head_that_is_not_known_still_ends_with_its_head() {
    use tower::{Layer, ServiceExt, service_fn};
    let memory = InMemory::new();
    let layer = layer(&memory).known_methods([Method::GET]);
    let service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(full("body")))
    }));
    let request = Request::head("/").body(()).unwrap();
    // Its body is dropped unread, as servers do.
    drop(service.oneshot(request).await.unwrap());
    assert_eq!(only_span(&memory).error_type(), None);
}

fn captured(memory: &InMemory) -> ServerLayer {
    let names = ["x-tenant", "accept", "authorization", "cookie", "x-api-key"];
    let names = || names.map(HeaderName::from_static);
    let more = ["set-cookie", "proxy-authorization", "x-absent"].map(HeaderName::from_static);
    layer(memory)
        .capture_request_headers(names().into_iter().chain(more.clone()))
        .capture_response_headers(names().into_iter().chain(more))
}

#[tokio::test]
async fn listed_headers_are_arrays_of_their_values() {
    let memory = InMemory::new();
    let request = Request::get("/")
        .header("x-tenant", "a")
        .header("X-Tenant", "b, c")
        .header("x-other", "secret")
        .header("accept", "")
        .body(())
        .unwrap();
    serve(&captured(&memory), request, async |_| {
        let response = Response::builder()
            .header("accept", "e")
            .header("x-other", "secret");
        response.body(full("body")).unwrap()
    })
    .await;
    let expected = [
        ("http.request.header.accept", strings(&[""])),
        ("http.request.header.x-tenant", strings(&["a", "b, c"])),
        ("http.response.header.accept", strings(&["e"])),
    ];
    assert_more(&only_span(&memory), &expected);
    for metric in memory.metrics() {
        let attributes = &metric.points[0].attributes;
        assert!(
            !attributes.keys().any(|key| key.contains("header")),
            "{attributes:?}"
        );
    }
}

#[tokio::test]
async fn credentials_are_redacted_even_when_listed() {
    let names = [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
    ];
    for name in names {
        let memory = InMemory::new();
        let request = Request::get("/").header(name, "secret").body(()).unwrap();
        serve(&captured(&memory), request, async |_| {
            let response = Response::builder()
                .header(name, "secret")
                .header(name, "secret");
            response.body(full("")).unwrap()
        })
        .await;
        let (of_request, of_response) = (
            format!("http.request.header.{name}"),
            format!("http.response.header.{name}"),
        );
        let expected = [
            (&*of_request, strings(&["REDACTED"])),
            (&*of_response, strings(&["REDACTED", "REDACTED"])),
        ];
        assert_more(&only_span(&memory), &expected);
    }
}

#[tokio::test]
async fn what_is_sensitive_in_a_listed_header_is_redacted() {
    let names = ["x-session", "referer", "location"].map(HeaderName::from_static);
    let memory = InMemory::new();
    let layer = layer(&memory)
        .capture_request_headers(names.clone())
        .capture_response_headers(names)
        .sensitive_query_keys(["token"]);
    let mut marked = HeaderValue::from_static("secret");
    marked.set_sensitive(true);
    let request = Request::get("/")
        .header("x-session", marked)
        .header("referer", "https://u:secret@host/a?sig=secret&b=1");
    serve(&layer, request.body(()).unwrap(), async |_| {
        let response = Response::builder().header("location", "/next?token=secret");
        response.body(full("")).unwrap()
    })
    .await;
    let expected = [
        ("http.request.header.x-session", strings(&["REDACTED"])),
        (
            "http.request.header.referer",
            strings(&["https://REDACTED:REDACTED@host/a?sig=REDACTED&b=1"]),
        ),
        (
            "http.response.header.location",
            strings(&["/next?token=REDACTED"]),
        ),
    ];
    assert_more(&only_span(&memory), &expected);
}

#[tokio::test]
async fn captured_headers_are_bounded() {
    let memory = InMemory::new();
    let mut request = get("/");
    let tenant = HeaderName::from_static("x-tenant");
    for _ in 0..40 {
        // A character of two bytes stands across the bound.
        let value =
            HeaderValue::from_maybe_shared(format!("{}é{}", "a".repeat(1023), "b")).unwrap();
        request.headers_mut().append(tenant.clone(), value);
    }
    let not_text = HeaderValue::from_bytes(b"\xffa").unwrap();
    request.headers_mut().insert("accept", not_text);
    serve(&captured(&memory), request, ok).await;
    let expected = [
        ("http.request.header.accept", strings(&["\u{fffd}a"])),
        (
            "http.request.header.x-tenant",
            strings(&vec![&*"a".repeat(1023); 32]),
        ),
    ];
    assert_more(&only_span(&memory), &expected);
}

#[tokio::test]
async fn more_query_keys_are_redacted() {
    let memory = InMemory::new();
    let layer = layer(&memory).sensitive_query_keys(["token"]);
    serve(&layer, get("/?token=1&sig=2&Token=3&q=4"), ok).await;
    let query = "token=REDACTED&sig=REDACTED&Token=3&q=4";
    assert_more(&only_span(&memory), &[("url.query", query.into())]);
}

#[tokio::test]
async fn a_trusted_proxy_says_who_asked_for_what() {
    let serve_from = async |peer: &str| {
        let memory = InMemory::new();
        let layer = layer(&memory).trusted_proxies(["10.0.0.0/8".parse().unwrap()]);
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        let request = Request::get("/")
            .extension(PeerAddress(peer))
            .header("host", "inside:8080")
            .header("x-forwarded-for", "9.9.9.9, 1.2.3.4:42, 10.0.0.2")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "example.com");
        serve(&layer, request.body(()).unwrap(), ok).await;
        memory
    };
    let memory = serve_from("10.0.0.1:4711").await;
    only_span(&memory).assert_attributes(&[
        ("client.address", "1.2.3.4".into()),
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.peer.address", "10.0.0.1".into()),
        ("network.peer.port", 4711.into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "example.com".into()),
        ("url.path", "/".into()),
        ("url.scheme", "https".into()),
    ]);
    for metric in memory.metrics() {
        assert_eq!(
            metric.points[0].attributes["url.scheme"],
            Value::from("https")
        );
    }
    let memory = serve_from("192.0.2.1:4711").await;
    let stranger = [
        ("client.address", "192.0.2.1".into()),
        ("network.peer.address", "192.0.2.1".into()),
        ("network.peer.port", 4711.into()),
        ("server.address", "inside".into()),
        ("server.port", 8080.into()),
    ];
    assert_more(&only_span(&memory), &stranger);
}

#[tokio::test]
async fn a_port_that_a_proxy_forwarded_is_that_of_the_host() {
    for (host, port) in [("example.com", 8443), ("example.com:1", 1)] {
        let memory = InMemory::new();
        let layer = layer(&memory).trusted_proxies(["10.0.0.0/8".parse().unwrap()]);
        let request = Request::get("/")
            .extension(PeerAddress("10.0.0.1:4711".parse().unwrap()))
            .header("host", host)
            .header("x-forwarded-port", "8443");
        serve(&layer, request.body(()).unwrap(), ok).await;
        let recorded = only_span(&memory).attribute("server.port").cloned();
        assert_eq!(recorded, Some(port.into()), "{host}");
    }
}
