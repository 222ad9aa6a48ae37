//! Real requests to a real collector, which is told to misbehave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use throughline_otlp::otlp::{self, OtlpConfig};
use throughline_otlp::{ExportRuntime, SpanPipeline};
use throughline_testing::{Behavior, Collector};

use crate::support::{AMPLE, SHORT, Setup, block_on, within_deadline};

fn traces_at(base: &str) -> OtlpConfig {
    let mut config = OtlpConfig::new(format!("{base}/v1/traces"));
    config.headers = vec![("x-tenant".to_owned(), "shop%20one".to_owned())];
    config.timeout = AMPLE * 10;
    config
}

/// A pipeline that exports when it is told to.
fn setup(config: &OtlpConfig) -> Setup {
    setup_on(&ExportRuntime::start().unwrap(), config)
}

fn setup_on(runtime: &ExportRuntime, config: &OtlpConfig) -> Setup {
    let builder = SpanPipeline::builder().schedule_delay(AMPLE * 10);
    Setup::of(builder.build_otlp(runtime, config).unwrap())
}

#[test]
fn a_thousand_spans_all_arrive_with_resource_and_headers() {
    let collector = Collector::start_blocking().unwrap();
    let setup = setup(&traces_at(&collector.http_endpoint()));
    setup.end_many(1000);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1000);
    assert!(
        spans
            .iter()
            .all(|span| span.service.as_deref() == Some("shop"))
    );
    assert_eq!(setup.counts().exported, 1000);
    for headers in collector.headers() {
        let mut names: Vec<_> = headers.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "content-length",
                "content-type",
                "host",
                "user-agent",
                "x-tenant"
            ]
        );
        assert_eq!(headers["x-tenant"], "shop%20one", "as it was configured");
    }
}

/// Ends spans, shuts down with a short deadline and looks at the counts.
#[track_caller]
fn check_unreachable(config: &OtlpConfig) {
    let setup = setup(config);
    setup.end_many(600);
    within_deadline(|| block_on(setup.pipeline.shutdown(SHORT))).unwrap_err();
    let counts = setup.counts();
    assert_eq!(
        (counts.dropped.total(), counts.exported),
        (600, 0),
        "{counts}"
    );
}

#[test]
fn shutdown_keeps_its_deadline_whatever_the_collector_does() {
    let collector = Collector::start_blocking().unwrap();
    let config = traces_at(&collector.http_endpoint());
    let behaviors = [
        Behavior::Refuse,
        Behavior::Status(503),
        Behavior::Hang,
        Behavior::Delay(AMPLE),
    ];
    for behavior in behaviors {
        collector.behave(behavior);
        check_unreachable(&config);
    }
}

#[test]
fn a_status_that_is_final_is_not_retried() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Status(400));
    let setup = setup(&traces_at(&collector.http_endpoint()));
    setup.end("span");
    setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    assert_eq!(setup.counts().dropped.export_failed, 1);
    assert_eq!(collector.requests(), 1);
}

#[test]
fn shutdown_keeps_its_deadline_when_there_is_no_collector() {
    // The port was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    check_unreachable(&traces_at(&format!("http://{address}")));
}

#[test]
fn the_request_ends_with_the_deadline_of_the_shutdown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The export thread goes on, as it would for metrics; the request does not.
    let runtime = ExportRuntime::start().unwrap();
    let setup = setup_on(&runtime, &traces_at(&format!("http://{address}")));
    setup.end("span");
    let flush = setup.pipeline.flush(AMPLE);
    let (mut connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(AMPLE)).unwrap();
    connection.read_exact(&mut [0]).unwrap();
    within_deadline(|| setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    connection.read_to_end(&mut Vec::new()).unwrap();
    block_on(flush).unwrap_err();
}

/// A server that gives one answer to one request. It returns the connection, which ends otherwise, and the beginning of
/// the request.
fn answer_once(answer: &'static [u8]) -> (String, JoinHandle<(TcpStream, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = connection.read(&mut request).unwrap();
        connection.write_all(answer).unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        (connection, request)
    });
    (base, server)
}

#[test]
fn the_query_of_the_endpoint_is_sent() {
    let (base, server) = answer_once(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let mut config = traces_at(&base);
    config.endpoint.push_str("?key=secret");
    let setup = setup(&config);
    setup.end("span");
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    let (_connection, request) = server.join().unwrap();
    assert!(
        request.starts_with("POST /v1/traces?key=secret HTTP/1.1"),
        "{request}"
    );
}

#[test]
fn an_answer_is_kept_when_the_next_attempt_would_come_too_late() {
    let answer =
        b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
    let (base, server) = answer_once(answer);
    let mut config = traces_at(&base);
    config.timeout = AMPLE / 3;
    let setup = setup(&config);
    setup.end("span");
    let error = setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("1 span dropped: {base}/v1/traces: the answer was 429 Too Many Requests")
    );
    drop(server.join().unwrap());
}

#[test]
fn a_response_without_end_is_not_read_to_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let request = connection.read(&mut [0; 1024]).unwrap();
        assert!(request > 0);
        connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        while connection.write_all(&[0; 4096]).is_ok() {}
    });
    let setup = setup(&traces_at(&format!("http://{address}")));
    setup.end("span");
    let error = setup
        .pipeline
        .flush_blocking(AMPLE)
        .unwrap_err()
        .to_string();
    assert!(error.contains("the response could not be read"), "{error}");
    server.join().unwrap();
}

#[test]
fn an_answer_that_never_comes_is_a_timeout() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Hang);
    let mut config = traces_at(&collector.http_endpoint());
    config.timeout = Duration::from_millis(100);
    let setup = setup(&config);
    setup.end("span");
    let error = setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 span dropped: the exporter gave up after 100ms"
    );
    assert_eq!(setup.counts().dropped.export_timeout, 1);
}

#[test]
fn a_failed_export_says_what_happened_and_where() {
    let collector = Collector::start_blocking().unwrap();
    let endpoint = collector.http_endpoint();
    let check = |path: &str, expected: &str| {
        let mut config = traces_at(&endpoint);
        config.endpoint = format!("{endpoint}{path}?key=secret");
        let setup = setup(&config);
        setup.end("span");
        let error = setup
            .pipeline
            .flush_blocking(AMPLE)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!("1 span dropped: {endpoint}{path}: {expected}")
        );
    };
    check(
        "/elsewhere",
        "the answer was 404 Not Found; is the path of the endpoint right (often /v1/traces, /v1/metrics, /v1/logs)?",
    );
    collector.behave(Behavior::Status(503));
    check(
        "/v1/traces",
        "the answer was 503 Service Unavailable: the collector was told to fail",
    );
}

#[test]
fn a_collector_that_comes_back_gets_the_spans() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Status(503));
    let setup = setup(&traces_at(&collector.http_endpoint()));
    setup.end("span");
    let flush = setup.pipeline.flush(AMPLE);
    while collector.requests() == 0 {
        thread::yield_now();
    }
    collector.behave(Behavior::Accept);
    block_on(flush).unwrap();
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn the_applications_runtime_may_be_single_threaded() {
    let collector = Collector::start().await.unwrap();
    let setup = setup(&traces_at(&collector.http_endpoint()));
    setup.end("span");
    setup.pipeline.shutdown(AMPLE).await.unwrap();
    collector
        .wait_for(AMPLE, |spans| spans.len() == 1)
        .await
        .unwrap();
}

#[test]
fn metrics_arrive_from_the_sdks_reader_thread() {
    let collector = Collector::start_blocking().unwrap();
    let runtime = ExportRuntime::start().unwrap();
    let mut config = traces_at("");
    config.endpoint = format!("{}/v1/metrics", collector.http_endpoint());
    let exporter = otlp::metric_exporter(&runtime, &config).unwrap();
    let exporter = exporter.with_temporality(Temporality::Delta);
    assert_eq!(exporter.temporality(), Temporality::Delta);
    // Nothing but the exporter holds the export thread.
    drop(runtime);
    let reader = PeriodicReader::builder(exporter).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let counter = provider.meter("test").u64_counter("orders").build();
    counter.add(3, &[KeyValue::new("kind", "book")]);
    provider.force_flush().unwrap();
    let metrics = collector.metrics();
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0].name, "orders");
    assert_eq!(metrics[0].temporality, Some(Temporality::Delta));
    collector.behave(Behavior::Status(400));
    counter.add(1, &[]);
    provider.force_flush().unwrap_err();
    provider.shutdown().ok();
}

/// Set in the process that runs with variables.
const IN_CHILD: &str = "THROUGHLINE_TEST_CHILD";

#[test]
fn variables_of_the_environment_change_nothing() {
    if std::env::var_os(IN_CHILD).is_some() {
        a_thousand_spans_all_arrive_with_resource_and_headers();
        let runtime = ExportRuntime::start().unwrap();
        let config = traces_at("http://127.0.0.1:9");
        let spans = otlp::span_exporter(&runtime, &config).unwrap();
        let metrics = otlp::metric_exporter(&runtime, &config).unwrap();
        assert_eq!(metrics.temporality(), Temporality::Cumulative);
        let shown = format!("{spans:?} {metrics:?}");
        assert!(!shown.contains("secret"), "{shown}");
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "otlp::variables_of_the_environment_change_nothing",
        ])
        .env(IN_CHILD, "1")
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-tenant=other,x-more=secret,content-type=text/plain",
        )
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}
