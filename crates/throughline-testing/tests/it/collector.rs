//! The collector over real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use throughline_testing::{Behavior, Collector};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};

use crate::client::{Headers, PROTOBUF, post, request, send, span};

const LONG: Duration = Duration::from_secs(20);

fn one_span() -> ExportTraceServiceRequest {
    request("service", vec![span(1, 0, "one")])
}

/// Exports a span over HTTP; the answer in short.
fn export_http(collector: &Collector) -> String {
    let answer = post(
        collector,
        "/v1/traces",
        &[PROTOBUF],
        &one_span().encode_to_vec(),
    );
    match answer {
        Ok((200, body)) => short(&ExportTraceServiceResponse::decode(&body[..]).unwrap()),
        Ok((status, _)) => format!("status {status}"),
        Err(error) if error.kind() == ErrorKind::WouldBlock => "no answer".to_owned(),
        Err(_) => "no connection".to_owned(),
    }
}

/// Exports a span over gRPC; the answer in short.
async fn export_grpc(collector: &Collector) -> String {
    let Ok(mut client) = TraceServiceClient::connect(collector.grpc_endpoint()).await else {
        return "no connection".to_owned();
    };
    match client.export(one_span()).await {
        Ok(response) => short(response.get_ref()),
        Err(status) if is_transport(&status) => "no connection".to_owned(),
        Err(status) => format!("status {:?}", status.code()),
    }
}

fn is_transport(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

fn short(response: &ExportTraceServiceResponse) -> String {
    match &response.partial_success {
        None => "accepted".to_owned(),
        Some(partial) => format!(
            "rejected {}: {}",
            partial.rejected_spans, partial.error_message
        ),
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn it_behaves_as_told_over_both_protocols() {
    // Behavior, answer over HTTP, answer over gRPC, requests that arrive, spans that are accepted.
    let cases = [
        (Behavior::Accept, "accepted", "accepted", 1, 1),
        (
            Behavior::Delay(Duration::from_millis(30)),
            "accepted",
            "accepted",
            1,
            1,
        ),
        (Behavior::Status(400), "status 400", "status Internal", 1, 0),
        (
            Behavior::Status(401),
            "status 401",
            "status Unauthenticated",
            1,
            0,
        ),
        (
            Behavior::Status(429),
            "status 429",
            "status Unavailable",
            1,
            0,
        ),
        (Behavior::Status(500), "status 500", "status Unknown", 1, 0),
        (
            Behavior::Status(503),
            "status 503",
            "status Unavailable",
            1,
            0,
        ),
        (
            Behavior::PartialSuccess { rejected: 3 },
            "rejected 3: the collector was told to reject some",
            "rejected 3: the collector was told to reject some",
            1,
            1,
        ),
        (Behavior::Refuse, "no connection", "no connection", 0, 0),
    ];
    for (behavior, http, grpc, requests, spans) in cases {
        let check = |protocol: &str, export: &dyn Fn(&Collector) -> String, answer: &str| {
            let collector = Collector::start_blocking().unwrap();
            collector.behave(behavior);
            let started = Instant::now();
            assert_eq!(export(&collector), answer, "{behavior:?} over {protocol}");
            let seen = (collector.requests(), collector.spans().len());
            assert_eq!(seen, (requests, spans), "{behavior:?} over {protocol}");
            if let Behavior::Delay(time) = behavior {
                assert!(started.elapsed() >= time, "{protocol} is too early");
            }
            collector.behave(Behavior::Accept);
            assert_eq!(
                export(&collector),
                "accepted",
                "after {behavior:?} over {protocol}"
            );
        };
        check("HTTP", &export_http, http);
        check(
            "gRPC",
            &|collector| runtime().block_on(export_grpc(collector)),
            grpc,
        );
    }
}

#[tokio::test]
async fn a_hanging_collector_reads_the_request_and_never_answers() {
    let collector = Collector::start().await.unwrap();
    collector.behave(Behavior::Hang);
    let over_grpc = export_grpc(&collector);
    let over_http = tokio::task::spawn_blocking({
        let collector = collector.clone();
        move || export_http(&collector)
    });
    let arrived = collector.wait_for(LONG, |_| collector.requests() == 2);
    tokio::select! {
        arrived = arrived => assert_eq!(arrived.unwrap(), []),
        answer = over_grpc => panic!("answered: {answer}"),
    }
    assert!(!over_http.is_finished());
    // What hangs ends with its connection.
    collector.behave(Behavior::Refuse);
    assert_eq!(over_http.await.unwrap(), "no connection");
}

#[tokio::test]
async fn refusing_closes_open_connections() {
    let collector = Collector::start().await.unwrap();
    let endpoint = collector.grpc_endpoint();
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    client.export(one_span()).await.unwrap();
    collector.behave(Behavior::Refuse);
    let refused = timeout(LONG, client.export(one_span())).await;
    refused.expect("an answer in time").unwrap_err();
    collector.behave(Behavior::Accept);
    // The channel connects again by itself.
    let exported = async { while client.export(one_span()).await.is_err() {} };
    timeout(LONG, exported).await.unwrap();
    assert_eq!(collector.spans().len(), 2);
}

#[tokio::test]
async fn a_delayed_request_is_accepted_only_after_its_time() {
    let collector = Collector::start().await.unwrap();
    collector.behave(Behavior::Delay(Duration::from_secs(3600)));
    tokio::select! {
        answer = export_grpc(&collector) => panic!("answered: {answer}"),
        arrived = collector.wait_for(LONG, |_| collector.requests() == 1) => {
            assert_eq!(arrived.unwrap(), []);
        }
    }
    assert_eq!(collector.spans(), []);
}

#[test]
fn requests_are_taken_if_they_are_otlp_and_otherwise_answered_clearly() {
    let body = one_span().encode_to_vec();
    let gzip = [PROTOBUF, ("content-encoding", "gzip")];
    let zstd = [PROTOBUF, ("content-encoding", "zstd")];
    let zipped = zip(&body);
    let mut bomb = zip(&vec![0; 32 << 20]);
    // It is refused before its end, which would be wrong, is reached.
    bomb.pop();
    let identity = [PROTOBUF, ("content-encoding", "identity")];
    let json = [("content-type", "application/json")];
    let cases: [(&str, Headers<'_>, &[u8], u16, &str); 12] = [
        ("/v1/traces", &[PROTOBUF], &body, 200, ""),
        ("/v1/traces", &identity, &body, 200, ""),
        ("/v1/traces", &gzip, &zipped, 200, ""),
        (
            "/v1/traces",
            &gzip,
            &body,
            400,
            "the body is not gzip: invalid gzip header",
        ),
        (
            "/v1/traces",
            &gzip,
            &zipped[..zipped.len() - 1],
            400,
            "the body is not gzip",
        ),
        (
            "/v1/traces",
            &gzip,
            &bomb,
            413,
            "the decompressed body is larger than 16 MiB",
        ),
        (
            "/v1/traces",
            &zstd,
            &body,
            415,
            "content-encoding zstd is not supported",
        ),
        (
            "/v1/traces",
            &json,
            b"{}",
            415,
            "content-type is application/json",
        ),
        ("/v1/traces", &[], &body, 415, "content-type is missing"),
        ("/v1/traces", &[PROTOBUF], b"{}", 400, "failed to decode"),
        (
            "/v1/traces",
            &[PROTOBUF],
            &[0; (16 << 20) + 1],
            413,
            "larger than 16 MiB",
        ),
        ("/v1/metrics", &[PROTOBUF], b"", 200, ""),
    ];
    let collector = Collector::start_blocking().unwrap();
    for (path, headers, body, status, message) in cases {
        let (answered, answer) = post(&collector, path, headers, body).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answered, status, "{message}: {answer}");
        assert!(answer.contains(message), "{message}: {answer}");
    }
    assert_eq!((collector.requests(), collector.spans().len()), (12, 3));
    let (status, _) = post(&collector, "/v1/unknown", &[PROTOBUF], b"").unwrap();
    assert_eq!((status, collector.requests()), (404, 12));
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_grpc_is_taken_up_to_the_limit_of_what_it_decompresses_to() {
    let collector = Collector::start().await.unwrap();
    let endpoint = collector.grpc_endpoint();
    let client = TraceServiceClient::connect(endpoint).await.unwrap();
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    client.export(one_span()).await.unwrap();
    assert_eq!(collector.headers()[0]["grpc-encoding"], "gzip");

    let bomb = request("service", vec![span(2, 0, &"a".repeat(16 << 20))]);
    let refused = client.export(bomb).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    // It was not the compressed request that was too large.
    let limit = "size limit, of 16777216 bytes, exceeded while decompressing";
    assert!(refused.message().contains(limit), "{refused}");
    assert_eq!((collector.requests(), collector.spans().len()), (2, 1));
}

#[tokio::test]
async fn each_port_speaks_its_own_protocol() {
    let collector = Collector::start().await.unwrap();
    let endpoint = collector.http_endpoint();
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    let status = client.export(one_span()).await.unwrap_err();
    assert!(is_transport(&status), "{status}");
    assert_eq!(collector.requests(), 0);
}

#[test]
fn waiting_ends_when_the_condition_is_met() {
    let collector = Collector::start_blocking().unwrap();
    let exporter = thread::spawn({
        let collector = collector.clone();
        move || {
            for id in 1..=3 {
                send(&collector, "service", vec![span(id, 0, "span")]);
            }
        }
    });
    let spans = collector.wait_for_blocking(LONG, |spans| spans.len() == 3);
    assert_eq!(spans.unwrap().len(), 3);
    exporter.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_depend_on_the_clock_of_the_test() {
    let collector = Collector::start().await.unwrap();
    let exporter = thread::spawn({
        let collector = collector.clone();
        move || send(&collector, "service", vec![span(1, 0, "span")])
    });
    let spans = collector.wait_for(LONG, |spans| !spans.is_empty()).await;
    assert_eq!(spans.unwrap().len(), 1);
    exporter.join().unwrap();
}

#[test]
fn waiting_in_vain_tells_what_arrived() {
    let collector = Collector::start_blocking().unwrap();
    send(&collector, "service", vec![span(1, 0, "one")]);
    collector.behave(Behavior::Status(503));
    export_http(&collector);
    let error = collector
        .wait_for_blocking(Duration::from_millis(5), |_| false)
        .unwrap_err();
    let expected = "\
the condition was not met within 5ms; export requests: 2, accepted spans: 1
trace 01010101010101010101010101010101: 1 span, 1.5s
└─ service: INTERNAL one  1.5s";
    assert_eq!(error.to_string(), expected);
    assert_eq!(format!("{error:?}"), expected);
}

#[test]
fn it_outlives_the_runtime_that_it_was_started_in() {
    let collector = runtime().block_on(Collector::start()).unwrap();
    assert_eq!(export_http(&collector), "accepted");
}

#[test]
fn it_stops_when_the_last_handle_is_dropped() {
    let collector = Collector::start_blocking().unwrap();
    let address = collector.http_endpoint().replace("http://", "");
    drop(collector.clone());
    let mut open = TcpStream::connect(&address).unwrap();
    // Also in a runtime, where a nested runtime must not be dropped.
    runtime().block_on(async move { drop(collector) });
    assert!(TcpStream::connect(&address).is_err());
    let read = open.read(&mut [0]);
    assert!(
        matches!(read, Ok(0) | Err(_)),
        "the connection is still open"
    );
}

#[test]
fn a_grpc_status_reaches_the_client_with_a_message() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Status(503));
    let status = runtime().block_on(async {
        let endpoint = collector.grpc_endpoint();
        let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
        client.export(one_span()).await.unwrap_err()
    });
    let expected = (Code::Unavailable, "the collector was told to fail");
    assert_eq!((status.code(), status.message()), expected);
}
