//! What is sent again, and when.

use std::time::{Duration, Instant, SystemTime};

use throughline_otlp::otlp::Protocol;

use crate::reply::Reply;
use crate::sender::export;
use crate::server::{Server, both};

/// Gets `first`, then a success. How often was it sent, how long did it take at least, and how did it end?
#[track_caller]
fn check(protocol: Protocol, first: Reply, wait: Duration, expected: Result<(), &str>) {
    let shown = format!("{first:?}");
    let server = Server::start(protocol, move |request| match request {
        0 => first.clone(),
        _ => Reply::accepted(protocol, b""),
    });
    let start = Instant::now();
    let result = export(&server.config());
    assert_eq!(result, expected.map_err(str::to_owned), "{shown}");
    let took = start.elapsed();
    assert!(took >= wait, "{shown}: again after {took:?}");
    let attempts = if expected.is_ok() { 2 } else { 1 };
    assert_eq!(server.requests(), attempts, "{shown}");
}

const NOW: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn over_http_the_status_decides_and_retry_after_is_kept() {
    let check = |first, wait, expected| check(Protocol::HttpProtobuf, first, wait, expected);
    for status in [429, 503] {
        check(Reply::status(status), NOW, Ok(()));
    }
    check(
        Reply::status(400),
        NOW,
        Err("the answer was 400 Bad Request"),
    );
    check(
        Reply::status(500),
        NOW,
        Err("the answer was 500 Internal Server Error"),
    );
    let moved = Reply::status(307).header("location", "/elsewhere");
    check(moved, NOW, Err("the answer was 307 Temporary Redirect"));
    let after = |value: &str| Reply::status(503).header("retry-after", value);
    check(after("1"), SECOND, Ok(()));
    // A date has no fractions of a second.
    let date = httpdate::fmt_http_date(SystemTime::now() + 2 * SECOND);
    check(after(&date), SECOND / 2, Ok(()));
    check(after("Fri, 31 Dec 1999 23:59:59 GMT"), NOW, Ok(()));
    check(after("soon"), NOW, Ok(()));
    let too_late = "the answer was 503 Service Unavailable";
    check(after("3600"), NOW, Err(too_late));
    check(after("Fri, 31 Dec 9999 23:59:59 GMT"), NOW, Err(too_late));
    // What is not retryable stays so.
    let final_all_the_same = Reply::status(400).header("retry-after", "0");
    check(
        final_all_the_same,
        NOW,
        Err("the answer was 400 Bad Request"),
    );
}

/// The base64 of a `google.rpc.Status` whose only detail is a `RetryInfo` with a delay of one second, or of an hour.
#[cfg(feature = "grpc")]
pub(crate) const RETRY_INFO: [&str; 2] = [
    "CAgaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAQ==",
    "CAgaMQoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIFCgMIkBw",
];

#[cfg(feature = "grpc")]
#[test]
fn over_grpc_the_code_decides_and_retry_info_is_kept() {
    let check = |first, wait, expected| check(Protocol::Grpc, first, wait, expected);
    // As trailers, and as headers without more.
    for reply in [Reply::grpc, Reply::grpc_headers_only] {
        for code in [4, 14] {
            check(reply(code), NOW, Ok(()));
        }
        check(reply(3), NOW, Err("the answer was INVALID_ARGUMENT"));
        check(reply(8), NOW, Err("the answer was RESOURCE_EXHAUSTED"));
        check(reply(13), NOW, Err("the answer was INTERNAL"));
        check(reply(200), NOW, Err("the answer was UNKNOWN"));
    }
    let [second, hour] = RETRY_INFO;
    let after = |code, info| Reply::grpc(code).trailer("grpc-status-details-bin", info);
    check(after(8, second), SECOND, Ok(()));
    check(after(14, second), SECOND, Ok(()));
    check(
        after(8, hour),
        NOW,
        Err("the answer was RESOURCE_EXHAUSTED"),
    );
    check(
        after(3, second),
        NOW,
        Err("the answer was INVALID_ARGUMENT"),
    );
    let in_headers = Reply::grpc_headers_only(8).header("grpc-status-details-bin", second);
    check(in_headers, SECOND, Ok(()));
    // What stands between client and server may not speak gRPC.
    let html = |status| Reply::status(status).header("content-type", "text/html");
    for status in [502, 503] {
        check(html(status), NOW, Ok(()));
    }
    check(
        html(404),
        NOW,
        Err("the answer was UNIMPLEMENTED: HTTP 404 Not Found with text/html instead of gRPC"),
    );
    check(
        Reply::status(200),
        NOW,
        Err("the answer was UNKNOWN: HTTP 200 OK with no content-type instead of gRPC"),
    );
}

#[test]
fn a_connection_that_ends_without_an_answer_is_tried_again() {
    both(|protocol| check(protocol, Reply::close(), NOW, Ok(())));
}

#[test]
fn attempts_come_to_an_end() {
    both(|protocol| {
        let server = Server::start(protocol, |_| Reply::status(503));
        let error = export(&server.config()).unwrap_err();
        assert!(error.contains("503 Service Unavailable"), "{error}");
        assert_eq!(server.requests(), 5);
    });
}
