//! What a request looks like, how connections are used, and how calls end early.

use std::time::Duration;

use opentelemetry_sdk::trace::SpanExporter as _;
use throughline_otlp::ExportRuntime;
use throughline_otlp::otlp::{self, OtlpConfig, Protocol};

use crate::reply::Reply;
use crate::sender::{Sender, export};
use crate::server::{Export, PROTOCOLS, Seen, Server, both};
use crate::support::{AMPLE, span_data};

fn headers(export: &Export) -> Vec<(&str, &str)> {
    let mut headers: Vec<_> = export
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .filter(|(name, _)| {
            !matches!(
                *name,
                "host" | "content-length" | "user-agent" | "grpc-timeout"
            )
        })
        .collect();
    headers.sort_unstable();
    headers
}

/// Sends one span and returns what arrives.
fn sent(protocol: Protocol) -> Export {
    let server = Server::start(protocol, move |_| Reply::accepted(protocol, b""));
    let mut config = server.config();
    config.headers = vec![("x-tenant".to_owned(), "shop".to_owned())];
    export(&config).unwrap();
    server.next_export()
}

#[test]
fn a_request_over_http_is_protobuf() {
    let export = sent(Protocol::HttpProtobuf);
    assert_eq!(export.path, "/v1/traces");
    assert_eq!(export.body.first(), Some(&0x0a), "a field of a message");
    assert_eq!(
        headers(&export),
        [
            ("content-type", "application/x-protobuf"),
            ("x-tenant", "shop")
        ]
    );
}

#[cfg(feature = "grpc")]
#[test]
fn a_request_over_grpc_is_a_unary_call() {
    let export = sent(Protocol::Grpc);
    assert_eq!(
        export.path,
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    );
    assert_eq!(
        headers(&export),
        [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("x-tenant", "shop")
        ]
    );
    let timeout = export.headers["grpc-timeout"].to_str().unwrap();
    let millis: u128 = timeout.strip_suffix('m').unwrap().parse().unwrap();
    assert!(millis <= AMPLE.as_millis(), "{timeout}");
    assert_eq!(&export.body[..3], [0, 0, 0]);
    assert_eq!(
        usize::from(export.body[3]) * 256 + usize::from(export.body[4]),
        export.body.len() - 5
    );
}

#[cfg(feature = "grpc")]
#[test]
fn without_a_limit_a_call_has_no_grpc_timeout() {
    let server = Server::start(Protocol::Grpc, |_| Reply::accepted(Protocol::Grpc, b""));
    let mut config = server.config();
    config.timeout = Duration::ZERO;
    export(&config).unwrap();
    assert_eq!(server.next_export().headers.get("grpc-timeout"), None);
}

#[test]
fn connections_are_used_again() {
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, move |_| Reply::accepted(protocol, b"\x0a\x00"));
        let sender = Sender::new(&server.config());
        for _ in 0..20 {
            sender.export().unwrap();
        }
        assert_eq!(server.requests(), 20);
        // Over HTTP/1 there is a second one when the first is free a moment too late.
        assert!(
            server.connections() <= 2,
            "{protocol:?}: {}",
            server.connections()
        );
    }
}

#[test]
fn a_failure_leaves_the_connection_open() {
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, move |request| match (request, protocol) {
            (0..3, Protocol::Grpc) => Reply::grpc(14).trailer("grpc-message", "later"),
            (0..3, _) => Reply::status(503).body("later"),
            _ => Reply::accepted(protocol, b""),
        });
        export(&server.config()).unwrap();
        assert_eq!(
            (server.requests(), server.connections()),
            (4, 1),
            "{protocol:?}"
        );
    }
}

#[test]
fn the_deadline_ends_the_call_and_the_next_one_takes_another_connection() {
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, move |request| match request {
            1 => Reply::hang(),
            _ => Reply::accepted(protocol, b""),
        });
        let mut config = server.config();
        config.timeout = Duration::from_secs(1);
        let sender = Sender::new(&config);
        sender.export().unwrap();
        assert!(matches!(server.next(), Seen::Request(_)));
        assert_eq!(sender.export(), Err("timeout".to_owned()));
        assert!(matches!(server.next(), Seen::Request(_)));
        assert!(
            matches!(server.next(), Seen::Gone),
            "the server sees its end"
        );
        // A connection on which nothing comes back may be dead.
        sender.export().unwrap();
        assert!(server.connections() >= 2, "{protocol:?}");
    }
}

#[tokio::test]
async fn dropping_the_future_ends_the_call() {
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, |_| Reply::hang());
        let runtime = ExportRuntime::start().unwrap();
        let exporter = otlp::span_exporter(&runtime, &server.config()).unwrap();
        {
            let export = exporter.export(vec![span_data()]);
            let mut export = std::pin::pin!(export);
            // The first poll begins the call.
            std::future::poll_fn(|task| {
                assert!(export.as_mut().poll(task).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            assert!(matches!(server.next(), Seen::Request(_)));
        }
        assert!(matches!(server.next(), Seen::Gone), "{protocol:?}");
    }
}

/// The error of a server that cannot be reached.
#[track_caller]
fn unreachable(protocol: Protocol, authority: &str) -> String {
    let mut config = OtlpConfig::new(format!("http://{authority}"));
    config.protocol = protocol;
    config.timeout = AMPLE;
    export(&config).unwrap_err()
}

#[test]
fn a_refused_connection_says_so() {
    // The port was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = &listener.local_addr().unwrap().to_string();
    drop(listener);
    both(|protocol| {
        let error = unreachable(protocol, address);
        assert!(
            error.starts_with("no connection: Connection refused"),
            "{error}"
        );
    });
}

#[test]
fn a_host_that_does_not_exist_says_so() {
    // No label of a name may be longer than 63 characters (RFC 1035), so that no name server is asked.
    let host = &"x".repeat(64);
    both(|protocol| {
        let error = unreachable(protocol, &format!("{host}:4318"));
        assert!(
            error.starts_with("no connection: failed to lookup address"),
            "{error}"
        );
    });
}
