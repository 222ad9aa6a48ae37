//! Exactly what server and client operations record.

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Method, Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use throughline_core::http_semconv::{
    ClientCall, ClientRequest, Route, ServerCall, ServerRequest, Treatment, error_type_of,
};
use throughline_core::{Operation, Outcome, SCHEMA_URL};
use throughline_testing::{Expected, InMemory, MetricKind, MetricRecord, PointRecord, SpanRecord};

use crate::support::{call, client, get, headers, serve, server};

type Attributes<'a> = &'a [(&'a str, Expected)];

fn peer() -> Option<SocketAddr> {
    "[2001:db8::7]:50000".parse().ok()
}

/// A request with everything.
fn full_request() -> Request<()> {
    Request::builder()
        .method("POST")
        .uri("/orders/42?q=1&sig=secret")
        .version(Version::HTTP_2)
        .header("host", "shop.example:8443")
        .header("user-agent", "curl/8.5.0")
        .header("authorization", "secret")
        .body(())
        .unwrap()
}

/// Error with this description, or unset.
fn span_status(error: Option<&'static str>) -> Status {
    error.map_or(Status::Unset, Status::error)
}

#[track_caller]
fn check_server(
    request: &Request<()>,
    route: Option<&str>,
    peer: fn() -> Option<SocketAddr>,
    finish: impl FnOnce(Operation<ServerCall>),
    name: &str,
    attributes: Attributes<'_>,
) -> SpanRecord {
    let memory = InMemory::new();
    let operation = ServerRequest {
        method: request.method(),
        uri: request.uri(),
        version: request.version(),
        headers: request.headers(),
        route: &|| Route::intern(route?),
        peer: &peer,
        local: &|| None,
        is_encrypted: &|| false,
        treatment: Treatment::default(),
    }
    .start(&server(&memory).resolve());
    finish(operation);
    let trace = memory.trace();
    let span = trace.find(name);
    span.assert_attributes(attributes);
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.scope, "test-server");
    assert_eq!(span.scope_version.as_deref(), Some("1.2.3"));
    assert_eq!(span.schema_url.as_deref(), Some(SCHEMA_URL));
    span.clone()
}

fn respond(status: u16) -> impl FnOnce(Operation<ServerCall>) {
    move |operation| {
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        drop(operation.respond(response));
    }
}

#[test]
fn a_server_span_has_all_that_is_known() {
    let span = check_server(
        &full_request(),
        Some("/orders/{id}"),
        peer,
        respond(201),
        "POST /orders/{id}",
        &[
            ("http.request.method", "POST".into()),
            ("url.scheme", "http".into()),
            ("url.path", "/orders/42".into()),
            ("url.query", "q=1&sig=REDACTED".into()),
            ("network.protocol.version", "2".into()),
            ("http.route", "/orders/{id}".into()),
            ("server.address", "shop.example".into()),
            ("server.port", 8443.into()),
            ("client.address", "2001:db8::7".into()),
            ("network.peer.address", "2001:db8::7".into()),
            ("network.peer.port", 50000.into()),
            ("user_agent.original", "curl/8.5.0".into()),
            ("http.response.status_code", 201.into()),
        ],
    );
    assert_eq!(span.status, Status::Unset);
}

#[test]
fn what_a_request_says_of_itself_has_a_bound() {
    const BOUND: usize = 8000;
    let (long, agent) = ("x".repeat(20_000), "a".repeat(BOUND + 1));
    let mut request = get(&[("user-agent", &agent)]);
    *request.method_mut() = Method::from_bytes(long.as_bytes()).unwrap();
    *request.uri_mut() = format!("/{long}?sig=s&{long}&sig=s").parse().unwrap();
    check_server(
        &request,
        None,
        || None,
        respond(200),
        "HTTP",
        &[
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", long[..BOUND].into()),
            ("url.scheme", "http".into()),
            ("url.path", format!("/{}", &long[1..BOUND]).into()),
            (
                "url.query",
                format!("sig=REDACTED&{}", &long[..BOUND - "sig=s&".len()]).into(),
            ),
            ("network.protocol.version", "1.1".into()),
            ("user_agent.original", agent[..BOUND].into()),
            ("http.response.status_code", 200.into()),
        ],
    );

    // The end of the user information is past the bound.
    let url = format!("https://user:{long}@host/\u{e9}{}", "\u{e9}".repeat(BOUND));
    let prefix = "https://REDACTED:REDACTED@host/";
    let kept = (BOUND - prefix.len()) / 2;
    let recorded = format!("{prefix}{}", "\u{e9}".repeat(kept));
    check_client(
        ClientRequest {
            method: &Method::GET,
            url: &|| url.as_str().into(),
            host: "host",
            port: None,
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 0,
            settings: &Arc::default(),
        },
        answer(204, ""),
        "GET",
        None,
        &[
            ("http.request.method", "GET".into()),
            ("server.address", "host".into()),
            ("url.full", recorded.into()),
            ("network.protocol.version", "2".into()),
            ("http.response.status_code", 204.into()),
        ],
    );
}

#[test]
fn a_server_span_has_nothing_that_is_unknown() {
    check_server(
        &get(&[]),
        None,
        || None,
        respond(200),
        "GET",
        &[
            ("http.request.method", "GET".into()),
            ("url.scheme", "http".into()),
            ("url.path", "/".into()),
            ("network.protocol.version", "1.1".into()),
            ("http.response.status_code", 200.into()),
        ],
    );
    let mut request = get(&[("host", "not a host"), ("user-agent", "\u{e9}")]);
    *request.method_mut() = Method::from_bytes(b"BREW").unwrap();
    *request.uri_mut() = "*".parse().unwrap();
    check_server(
        &request,
        None,
        || None,
        respond(200),
        "HTTP",
        &[
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", "BREW".into()),
            ("url.scheme", "http".into()),
            ("url.path", "*".into()),
            ("network.protocol.version", "1.1".into()),
            ("http.response.status_code", 200.into()),
        ],
    );
}

#[test]
fn an_absolute_target_names_scheme_and_server() {
    let mut request = get(&[("host", "other.example")]);
    *request.uri_mut() = "https://[::1]:8443/a".parse().unwrap();
    check_server(
        &request,
        None,
        || None,
        respond(200),
        "GET",
        &[
            ("http.request.method", "GET".into()),
            ("url.scheme", "https".into()),
            ("url.path", "/a".into()),
            ("network.protocol.version", "1.1".into()),
            ("server.address", "::1".into()),
            ("server.port", 8443.into()),
            ("http.response.status_code", 200.into()),
        ],
    );
}

#[test]
fn a_server_span_says_how_it_failed() {
    #[track_caller]
    fn check(
        finish: impl FnOnce(Operation<ServerCall>),
        status: Option<i64>,
        error_type: Option<&str>,
        expected: Option<&'static str>,
    ) {
        let mut attributes = vec![
            ("http.request.method", Expected::from("GET")),
            ("url.scheme", "http".into()),
            ("url.path", "/".into()),
            ("network.protocol.version", "1.1".into()),
        ];
        attributes.extend(status.map(|code| ("http.response.status_code", code.into())));
        attributes.extend(error_type.map(|error| ("error.type", error.into())));
        let span = check_server(&get(&[]), None, || None, finish, "GET", &attributes);
        assert_eq!(span.status, span_status(expected));
    }
    let finish = |outcome| move |mut operation: Operation<ServerCall>| operation.finish(outcome);
    check(respond(404), Some(404), None, None);
    check(respond(503), Some(503), Some("503"), Some(""));
    check(respond(101), Some(101), None, None);
    check(finish(Outcome::Finished), None, None, None);
    check(finish(Outcome::Error("io")), None, Some("io"), Some(""));
    check(
        finish(Outcome::Panicked),
        None,
        Some("panic"),
        Some("panicked"),
    );
    check(
        drop,
        None,
        Some("cancelled"),
        Some("dropped before the response"),
    );
    let unread = |status: u16| {
        move |operation: Operation<ServerCall>| {
            let mut response = Response::new(Full::new(Bytes::from("ab")));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            drop(operation.respond(response));
        }
    };
    check(
        unread(200),
        Some(200),
        Some("cancelled"),
        Some("dropped before the end of the response body"),
    );
    // A status that is an error by itself names the reason best.
    check(unread(500), Some(500), Some("500"), Some(""));
}

#[test]
fn a_route_that_comes_late_is_as_good() {
    let matched = |template: &'static str| {
        move |mut operation: Operation<ServerCall>| {
            let call = operation.details_mut().unwrap();
            call.matched(Route::intern(template).unwrap());
            respond(200)(operation);
        }
    };
    let attributes = |route: &'static str| {
        [
            ("http.request.method", "GET".into()),
            ("url.scheme", "http".into()),
            ("url.path", "/".into()),
            ("network.protocol.version", "1.1".into()),
            ("http.route", route.into()),
            ("http.response.status_code", 200.into()),
        ]
    };
    let (none, late) = (|| None, attributes("/late/{id}"));
    check_server(
        &get(&[]),
        None,
        none,
        matched("/late/{id}"),
        "GET /late/{id}",
        &late,
    );
    // The first one counts.
    let first = attributes("/first");
    check_server(
        &get(&[]),
        Some("/first"),
        none,
        matched("/late/{id}"),
        "GET /first",
        &first,
    );
}

#[track_caller]
fn check_client(
    request: ClientRequest<'_>,
    finish: impl FnOnce(Operation<ClientCall>),
    name: &str,
    expected: Option<&'static str>,
    attributes: Attributes<'_>,
) {
    let memory = InMemory::new();
    finish(request.start(&client(&memory).resolve()));
    let trace = memory.trace();
    let span = trace.find(name);
    span.assert_attributes(attributes);
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.status, span_status(expected));
    assert_eq!(span.scope, "test-client");
    assert_eq!(span.schema_url.as_deref(), Some(SCHEMA_URL));
}

fn answer(status: u16, body: &'static str) -> impl FnOnce(Operation<ClientCall>) {
    move |operation| {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.version_mut() = Version::HTTP_2;
        drop(operation.respond(response));
    }
}

#[test]
fn a_client_span_has_all_that_is_known() {
    let brew = Method::from_bytes(b"BREW").unwrap();
    check_client(
        ClientRequest {
            method: &brew,
            url: &|| "https://user:secret@[::1]:8443/a?sig=secret&b=1".into(),
            host: "[::1]",
            port: Some(8443),
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 2,
            settings: &Arc::default(),
        },
        answer(404, "not here"),
        "HTTP",
        Some(""),
        &[
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", "BREW".into()),
            ("server.address", "::1".into()),
            ("server.port", 8443.into()),
            (
                "url.full",
                "https://REDACTED:REDACTED@[::1]:8443/a?sig=REDACTED&b=1".into(),
            ),
            ("http.request.resend_count", 2.into()),
            ("http.response.status_code", 404.into()),
            ("network.protocol.version", "2".into()),
            ("error.type", "404".into()),
        ],
    );
}

#[test]
fn a_client_span_says_how_it_failed() {
    #[track_caller]
    fn check(
        finish: impl FnOnce(Operation<ClientCall>),
        end: Attributes<'_>,
        expected: Option<&'static str>,
    ) {
        let mut attributes = vec![
            ("http.request.method", Expected::from("GET")),
            ("server.address", "example.com".into()),
            ("url.full", "http://example.com/".into()),
        ];
        attributes.extend_from_slice(end);
        let request = ClientRequest {
            method: &Method::GET,
            url: &|| "http://example.com/".into(),
            host: "example.com",
            port: None,
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 0,
            settings: &Arc::default(),
        };
        check_client(request, finish, "GET", expected, &attributes);
    }
    let finish = |outcome| move |mut operation: Operation<ClientCall>| operation.finish(outcome);
    let ok = [
        ("http.response.status_code", 200.into()),
        ("network.protocol.version", "2".into()),
    ];
    check(answer(200, ""), &ok, None);
    // A response dropped unread has finished, and a call that its caller gave up is no error.
    check(answer(200, "unread"), &ok, None);
    check(drop, &[], None);
    check(
        finish(Outcome::Error("timeout")),
        &[("error.type", "timeout".into())],
        Some(""),
    );
    check(
        finish(Outcome::Panicked),
        &[("error.type", "panic".into())],
        Some("panicked"),
    );
}

#[test]
fn no_body_is_waited_for_that_cannot_follow() {
    #[track_caller]
    fn check(method: &str, status: u16, ends_with_head: bool) {
        let respond = || {
            let body = Full::new(Bytes::from("never read"));
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        let memory = InMemory::new();
        let mut request = get(&[]);
        *request.method_mut() = method.parse().unwrap();
        let response = serve(&server(&memory), &request).respond(respond());
        assert_eq!(memory.spans().len(), usize::from(ends_with_head));
        drop(response);
        assert_eq!(memory.take_spans().len(), 1);

        let call = ClientRequest {
            method: request.method(),
            url: &|| "http://example.com/".into(),
            host: "example.com",
            port: None,
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 0,
            settings: &Arc::default(),
        };
        let response = call.start(&client(&memory).resolve()).respond(respond());
        assert_eq!(memory.spans().len(), usize::from(ends_with_head));
        drop(response);
        assert_eq!(memory.spans().len(), 1);
    }
    for status in [200, 404, 500] {
        check("HEAD", status, true);
        check("GET", status, false);
        check("POST", status, false);
    }
    for status in [101, 103, 204, 304] {
        check("GET", status, true);
    }
    check("CONNECT", 200, true);
    check("CONNECT", 407, false);
}

#[test]
fn error_types_are_type_paths() {
    assert_eq!(error_type_of::<std::fmt::Error>(), "core::fmt::Error");
    assert_eq!(error_type_of::<Box<dyn std::error::Error>>(), "_OTHER");
    assert_eq!(error_type_of::<dyn std::error::Error + Send>(), "_OTHER");
}

fn point(metric: &MetricRecord, status: i64) -> &PointRecord {
    let has_status = |point: &&PointRecord| {
        point.attributes.get("http.response.status_code") == Some(&Value::from(status))
    };
    metric.points.iter().find(has_status).unwrap()
}

#[track_caller]
fn check_point(point: &PointRecord, expected: &[(&str, Value)]) {
    let expected = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    assert_eq!(point.attributes, expected.collect());
}

/// The boundaries that the conventions advise.
const BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

#[test]
fn server_metrics_have_the_attributes_of_low_cardinality() {
    let memory = InMemory::new();
    let server = server(&memory);
    for status in [200, 200, 503] {
        let request = full_request();
        let mut operation = serve(&server, &request);
        let call = operation.details_mut().unwrap();
        call.matched(Route::intern("/orders/{id}").unwrap());
        respond(status)(operation);
    }
    let running = serve(&server, &get(&[]));
    let metrics = memory.metrics();
    let [active, duration] = &metrics[..] else {
        panic!("{metrics:#?}");
    };
    assert_eq!(duration.name, "http.server.request.duration");
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.kind, MetricKind::Histogram);
    assert_eq!(duration.points.len(), 2);
    let ok = point(duration, 200);
    assert_eq!(ok.count, Some(2));
    assert_eq!(ok.bounds, BOUNDARIES);
    check_point(
        ok,
        &[
            ("http.request.method", "POST".into()),
            ("url.scheme", "http".into()),
            ("network.protocol.version", "2".into()),
            ("http.route", "/orders/{id}".into()),
            ("http.response.status_code", 200.into()),
        ],
    );
    check_point(
        point(duration, 503),
        &[
            ("http.request.method", "POST".into()),
            ("url.scheme", "http".into()),
            ("network.protocol.version", "2".into()),
            ("http.route", "/orders/{id}".into()),
            ("http.response.status_code", 503.into()),
            ("error.type", "503".into()),
        ],
    );
    assert_eq!(active.name, "http.server.active_requests");
    assert_eq!(active.unit, "{request}");
    assert_eq!(active.kind, MetricKind::UpDownCounter);
    let of = |method: &str| {
        let is_it = |p: &&PointRecord| {
            p.attributes["http.request.method"] == Value::from(method.to_owned())
        };
        active.points.iter().find(is_it).unwrap()
    };
    assert_eq!(of("POST").value, 0.0);
    assert_eq!(of("GET").value, 1.0);
    check_point(
        of("GET"),
        &[
            ("http.request.method", "GET".into()),
            ("url.scheme", "http".into()),
        ],
    );
    drop(running);
    let metrics = memory.metrics();
    assert!(metrics[0].points.iter().all(|point| point.value == 0.0));
}

#[test]
fn client_metrics_have_the_attributes_of_low_cardinality() {
    let memory = InMemory::new();
    let client = client(&memory);
    answer(200, "")(call(&client));
    answer(200, "unread")(call(&client));
    answer(500, "")(call(&client));
    let metrics = memory.metrics();
    let [duration] = &metrics[..] else {
        panic!("{metrics:#?}");
    };
    assert_eq!(duration.name, "http.client.request.duration");
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.points.len(), 2);
    let ok = point(duration, 200);
    assert_eq!(ok.count, Some(2));
    assert_eq!(ok.bounds, BOUNDARIES);
    let common = [
        ("http.request.method", Value::from("GET")),
        ("server.address", "example.com".into()),
        ("server.port", 80.into()),
        ("network.protocol.version", "2".into()),
    ];
    let with = |more: &[(&'static str, Value)]| [&common[..], more].concat();
    check_point(ok, &with(&[("http.response.status_code", 200.into())]));
    check_point(
        point(duration, 500),
        &with(&[
            ("http.response.status_code", 500.into()),
            ("error.type", "500".into()),
        ]),
    );
}

#[test]
fn duration_is_the_same_on_span_and_metric() {
    let memory = InMemory::new();
    respond(200)(serve(&server(&memory), &get(&[])));
    let span = memory.spans().remove(0).duration();
    let metric = memory.metrics().remove(1).points[0].value;
    assert!((span.as_secs_f64() - metric).abs() < 1e-9);
}

#[test]
fn debug_output_holds_no_secret() {
    let request = full_request();
    let printed = format!(
        "{:?}",
        ServerRequest {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: &headers(&[("cookie", "secret")]),
            route: &|| None,
            peer: &|| None,
            local: &|| None,
            is_encrypted: &|| false,
            treatment: Treatment::default(),
        }
    );
    assert!(printed.contains("/orders/42"), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
}
