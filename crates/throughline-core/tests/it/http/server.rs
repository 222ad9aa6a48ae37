//! Spans of servers.

use ::http::{Method, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::trace::Status;
use throughline_core::http_semconv::{Route, ServerCall, ServerRequest, Treatment};
use throughline_core::{Operation, Outcome};
use throughline_testing::Expected;

use super::{check_server, full_request, peer, respond, span_status};
use crate::support::{get, headers};

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
