//! Which response statuses make a span an error.

use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body_util::Empty;
use opentelemetry::trace::Status;
use throughline_testing::{InMemory, SpanRecord};

use crate::support::{call, cases, client, get, serve, server};

fn response(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}

fn served(status: StatusCode) -> SpanRecord {
    let memory = InMemory::new();
    drop(serve(&server(&memory), &get(&[])).respond(response(status)));
    memory.trace().find("GET").clone()
}

fn called(status: StatusCode) -> SpanRecord {
    let memory = InMemory::new();
    drop(call(&client(&memory)).respond(response(status)));
    memory.trace().find("GET").clone()
}

#[track_caller]
fn check(run: fn(StatusCode) -> SpanRecord, code: u16, is_error: bool) {
    let span = run(StatusCode::from_u16(code).unwrap());
    let status = span.attribute("http.response.status_code");
    assert_eq!(status, Some(&i64::from(code).into()));
    if is_error {
        assert_eq!(span.error_type(), Some(code.to_string().as_str()), "{code}");
        assert_eq!(span.status, Status::error(""), "{code}");
    } else {
        assert_eq!(span.attribute("error.type"), None, "{code}");
        assert_eq!(span.status, Status::Unset, "{code}");
    }
}

#[test]
fn every_public_case_has_its_status() {
    for case in cases("http_status_to_span_status_java.json") {
        let code = u16::try_from(case["status_code"].as_u64().unwrap()).unwrap();
        if code < 100 {
            // No response of the `http` crate can have it.
            assert!(StatusCode::from_u16(code).is_err());
            continue;
        }
        let run = match case["side"].as_str().unwrap() {
            "server" => served,
            "client" => called,
            other => panic!("{other}"),
        };
        check(run, code, case["expect_error"].as_bool().unwrap());
    }
}

#[test]
fn a_server_fails_from_500_and_a_client_from_400() {
    for (run, first) in [(served as fn(StatusCode) -> _, 500), (called, 400)] {
        for code in [
            100, 101, 199, 200, 204, 299, 304, 399, 400, 404, 499, 500, 599, 600, 999,
        ] {
            check(run, code, code >= first);
        }
    }
}
