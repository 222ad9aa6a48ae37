//! What becomes of answers of every kind.

use throughline_otlp::otlp::Protocol;

use crate::reply::Reply;
use crate::sender::{Sender, export};
use crate::server::{PROTOCOLS, Seen, Server};
use crate::warnings::{listen, warnings};

/// An answer with `partial_success`.
const REJECTED: &[u8] = b"\x0a\x06\x08\x03\x12\x02no";

/// What is said about an answer that is a success.
#[track_caller]
fn remark(protocol: Protocol, reply: Reply) -> Option<String> {
    listen();
    let server = Server::start(protocol, move |_| reply.clone());
    let config = server.config();
    export(&config).unwrap();
    let mut said = warnings(&format!("endpoint=\"{}\"", config.endpoint));
    assert!(said.len() <= 1, "{said:?}");
    let said = said.pop()?;
    let (_, values) = said.split_once(" rejected=").unwrap();
    Some(format!("rejected={values}"))
}

const UNREADABLE: &str = "rejected=0 reason=\"the server accepted the request, but its answer is not OTLP, so that \
                          nobody knows what it kept\"";

#[test]
fn what_a_success_rejects_is_said() {
    for &protocol in PROTOCOLS {
        let check = |message: &[u8], expected: Option<&str>| {
            let said = remark(protocol, Reply::accepted(protocol, message));
            assert_eq!(said.as_deref(), expected, "{protocol:?} {message:x?}");
        };
        check(b"", None);
        check(b"\x0a\x00", None);
        check(REJECTED, Some("rejected=3 reason=\"no\""));
        check(b"\x0a\x06\x12\x04soon", Some("rejected=0 reason=\"soon\""));
        check(b"<html>", Some(UNREADABLE));
        check(b"\x0a\x7f", Some(UNREADABLE));
    }
}

#[cfg(feature = "grpc")]
#[test]
fn a_grpc_success_without_a_readable_message_is_a_success() {
    let check = |reply| {
        let said = remark(Protocol::Grpc, reply);
        assert_eq!(said.as_deref(), Some(UNREADABLE));
    };
    check(Reply::grpc_headers_only(0));
    check(Reply::grpc(0));
    check(Reply::grpc(0).body("\x00\x00"));
    // A flag for a compression that was not asked for, and a message that is shorter than it says.
    check(Reply::grpc(0).body("\x01\x00\x00\x00\x02\x0a\x00"));
    check(Reply::grpc(0).body("\x00\x00\x00\x00\x03\x0a\x00"));
}

#[test]
fn a_rejection_is_said_once_a_minute() {
    listen();
    let reply = |_| Reply::accepted(Protocol::HttpProtobuf, REJECTED);
    let server = Server::start(Protocol::HttpProtobuf, reply);
    let sender = Sender::new(&server.config());
    for _ in 0..3 {
        sender.export().unwrap();
    }
    let endpoint = server.config().endpoint;
    assert_eq!(
        warnings(&format!("endpoint=\"{endpoint}\"")),
        [format!(
            "WARN message=the collector did not take everything, or has something to say signal=traces \
             endpoint=\"{endpoint}\" answers=1 rejected=3 reason=\"no\""
        )]
    );
}

/// The error after one request.
#[track_caller]
fn check(protocol: Protocol, reply: &Reply, expected: &str) {
    let replies = reply.clone();
    let server = Server::start(protocol, move |_| replies.clone());
    let mut config = server.config();
    let secret = ("authorization".to_owned(), "Bearer letmein".to_owned());
    config.headers.push(secret);
    assert_eq!(export(&config), Err(expected.to_owned()), "{reply:?}");
    assert_eq!(server.requests(), 1, "{reply:?}");
}

#[test]
fn a_failure_over_http_says_what_the_server_said_without_what_it_was_sent() {
    let check = |reply: Reply, expected| check(Protocol::HttpProtobuf, &reply, expected);
    let explained = Reply::status(401)
        .header("content-type", "application/x-protobuf")
        .body("\x08\x10\x12\x1dwho is Bearer letmein?\nNobody");
    check(
        explained,
        "the answer was 401 Unauthorized: who is ***? Nobody",
    );
    let html = Reply::status(400).header("content-type", "text/html");
    check(html.body("<html>"), "the answer was 400 Bad Request");
    check(
        Reply::status(400).body("x").cut(),
        "the answer was 400 Bad Request",
    );
}

#[cfg(feature = "grpc")]
#[test]
fn a_failure_over_grpc_says_what_the_server_said_without_what_it_was_sent() {
    let check = |reply: Reply, expected| check(Protocol::Grpc, &reply, expected);
    let message = "who is Bearer letmein?%0A%C3%9C";
    let expected = "the answer was UNAUTHENTICATED: who is ***? Ü";
    check(Reply::grpc(16).trailer("grpc-message", message), expected);
    check(
        Reply::grpc_headers_only(16).header("grpc-message", message),
        expected,
    );
    let no_trailers = Reply::status(200).header("content-type", "application/grpc+proto");
    check(
        no_trailers.body("\x00\x00\x00\x00\x00"),
        "the response could not be read: it ended without a gRPC status",
    );
}

#[test]
fn an_answer_without_measure_is_not_read_to_the_end() {
    const HUGE: usize = 64 << 20;
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, move |_| {
            Reply::accepted(protocol, b"").and_then(HUGE)
        });
        let error = export(&server.config()).unwrap_err();
        assert_eq!(
            error,
            "the response could not be read: length limit exceeded"
        );
        assert_eq!(server.requests(), 1);
        assert!(matches!(server.next(), Seen::Request(_)));
        assert!(matches!(server.next(), Seen::Gone));
        // Some are on their way when the client leaves.
        assert!(
            server.sent() < HUGE / 2,
            "{} bytes were taken",
            server.sent()
        );
    }
}

#[test]
fn a_success_over_http_that_is_cut_off_is_not_sent_again() {
    let reply = Reply::accepted(Protocol::HttpProtobuf, b"\x0a\x06").cut();
    let server = Server::start(Protocol::HttpProtobuf, move |_| reply.clone());
    let error = export(&server.config()).unwrap_err();
    assert!(
        error.starts_with("the response could not be read: "),
        "{error}"
    );
    assert_eq!(server.requests(), 1);
}

#[cfg(feature = "grpc")]
#[test]
fn a_stream_that_is_reset_before_its_status_is_sent_again() {
    let server = Server::start(Protocol::Grpc, |request| {
        let reply = Reply::accepted(Protocol::Grpc, b"\x0a\x00");
        if request == 0 { reply.cut() } else { reply }
    });
    export(&server.config()).unwrap();
    assert_eq!(server.requests(), 2);
}
