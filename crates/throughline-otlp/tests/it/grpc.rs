//! Over gRPC to a real collector, which tonic serves, and which is told to misbehave.

use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use throughline_otlp::otlp::{self, OtlpConfig, Protocol};
use throughline_otlp::{ExportRuntime, SpanPipeline};
use throughline_testing::{Behavior, Collector};

use crate::sender::{Sender, export};
use crate::support::{AMPLE, Setup};
use crate::warnings::{listen, warnings};

fn to(collector: &Collector) -> OtlpConfig {
    let mut config = OtlpConfig::new(collector.grpc_endpoint());
    config.protocol = Protocol::Grpc;
    config.headers = vec![("x-tenant".to_owned(), "shop%20one".to_owned())];
    config.timeout = AMPLE;
    config
}

#[test]
fn a_thousand_spans_all_arrive_with_resource_and_metadata() {
    let collector = Collector::start_blocking().unwrap();
    let runtime = ExportRuntime::start().unwrap();
    let exporter = otlp::span_exporter(&runtime, &to(&collector)).unwrap();
    let builder = SpanPipeline::builder().schedule_delay(AMPLE * 10);
    let setup = Setup::on(&runtime, builder, exporter);
    setup.end_many(1000);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1000);
    let of_shop = |service: &Option<String>| service.as_deref() == Some("shop");
    assert!(spans.iter().all(|span| of_shop(&span.service)));
    assert_eq!(setup.counts().exported, 1000);
    for headers in collector.headers() {
        assert_eq!(headers["x-tenant"], "shop%20one", "as it was configured");
        assert!(headers["user-agent"].starts_with("throughline-otlp/"));
    }
}

#[test]
fn metrics_arrive_from_the_sdks_reader_thread() {
    let collector = Collector::start_blocking().unwrap();
    let runtime = ExportRuntime::start().unwrap();
    let exporter = otlp::metric_exporter(&runtime, &to(&collector)).unwrap();
    let reader = PeriodicReader::builder(exporter).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let counter = provider.meter("test").u64_counter("orders").build();
    counter.add(3, &[]);
    provider.force_flush().unwrap();
    let metrics = collector.metrics();
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0].name, "orders");
    collector.behave(Behavior::Status(400));
    provider.force_flush().unwrap_err();
    provider.shutdown().ok();
}

#[test]
fn an_export_ends_as_the_collector_behaves() {
    let check = |behavior, requests, expected: Result<(), &str>| {
        let collector = Collector::start_blocking().unwrap();
        collector.behave(behavior);
        let result = export(&to(&collector));
        let as_expected = match (&result, expected) {
            (Err(error), Err(beginning)) => error.starts_with(beginning),
            (result, expected) => result.is_ok() && expected.is_ok(),
        };
        assert!(as_expected, "{behavior:?}: {result:?}");
        assert_eq!(collector.requests(), requests, "{behavior:?}");
    };
    check(Behavior::Accept, 1, Ok(()));
    check(Behavior::Delay(Duration::from_millis(20)), 1, Ok(()));
    let told = "the collector was told to fail";
    let unavailable = format!("the answer was UNAVAILABLE: {told}");
    check(Behavior::Status(503), 5, Err(&unavailable));
    let internal = format!("the answer was INTERNAL: {told}");
    check(Behavior::Status(400), 1, Err(&internal));
    let unauthenticated = format!("the answer was UNAUTHENTICATED: {told}");
    check(Behavior::Status(401), 1, Err(&unauthenticated));
    let exhausted = format!("the answer was RESOURCE_EXHAUSTED: {told}");
    check(Behavior::Status(413), 1, Err(&exhausted));
}

#[test]
fn a_collector_that_refuses_every_connection_is_an_error() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Refuse);
    let error = export(&to(&collector)).unwrap_err();
    // How far the connection gets is chance.
    let beginnings = ["no connection: ", "the connection broke: "];
    let begins = |beginning: &&str| error.starts_with(*beginning);
    assert!(beginnings.iter().any(begins), "{error}");
    assert_eq!(collector.requests(), 0);
}

#[test]
fn a_partial_success_is_said() {
    listen();
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::PartialSuccess { rejected: 7 });
    let config = to(&collector);
    export(&config).unwrap();
    let said = warnings(&format!("endpoint=\"{}\"", config.endpoint));
    assert_eq!(said.len(), 1, "{said:?}");
    let expected = "rejected=7 reason=\"the collector was told to reject some\"";
    assert!(said[0].ends_with(expected), "{said:?}");
}

#[test]
fn a_collector_that_comes_back_gets_the_spans() {
    let collector = Collector::start_blocking().unwrap();
    let sender = Sender::new(&to(&collector));
    sender.export().unwrap();
    // Its connections are closed, and those to come.
    collector.behave(Behavior::Refuse);
    sender.export().unwrap_err();
    collector.behave(Behavior::Accept);
    sender.export().unwrap();
    assert_eq!(collector.spans().len(), 2);
}

#[test]
fn the_port_of_the_other_protocol_is_suspected() {
    let collector = Collector::start_blocking().unwrap();
    let (http, grpc) = (collector.http_endpoint(), collector.grpc_endpoint());
    let check = |protocol, endpoint: &str, hint: &str| {
        let mut config = to(&collector);
        config.protocol = protocol;
        endpoint.clone_into(&mut config.endpoint);
        let error = export(&config).unwrap_err();
        assert!(error.starts_with("the connection broke: "), "{error}");
        assert!(error.ends_with(hint), "{error}");
    };
    check(
        Protocol::Grpc,
        &http,
        "; is this a port for gRPC (often 4317), and with http:// one without TLS?",
    );
    let grpc = format!("{grpc}/v1/traces");
    check(
        Protocol::HttpProtobuf,
        &grpc,
        "; is this a port for HTTP (often 4318), and with http:// one without TLS?",
    );
}
