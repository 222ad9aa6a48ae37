//! Requests never wait for the pipeline.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use throughline::SpanCounts;
use throughline_otlp::{ExportRuntime, SpanPipeline};
use throughline_testing::{Behavior, Collector};
use throughline_tower::ServerLayer;
use tokio::task::JoinSet;

use crate::app::{self, App};
use crate::process::{self, Output, PROTOCOLS};

const CLIENTS: u64 = 8;
const REQUESTS: u64 = 25 * CLIENTS;

/// The deadline of a shutdown that has nowhere to send to.
const SHORT: Duration = Duration::from_millis(500);

/// So many requests to a service that runs, each answered as it must be.
async fn check_answers(base: String) {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let url = format!("{base}/leaf");
        clients.spawn(async move {
            for number in 0..REQUESTS / CLIENTS {
                let number = format!("{client}.{number}");
                let leaf = app::request(&url, &[("x-number", &number)]).await;
                assert_eq!(leaf["x-number"], number);
            }
        });
    }
    clients.join_all().await;
}

/// Nothing was exported, and one span besides the requests is open.
#[track_caller]
fn check_counts(spans: &SpanCounts) {
    assert_eq!(
        (spans.started, spans.exported, spans.queued, spans.open),
        (REQUESTS + 1, 0, 0, 1),
        "{spans:?}"
    );
    assert_eq!(spans.dropped.total(), REQUESTS, "{spans:?}");
    // All but those in the queue and on their way.
    assert!(spans.dropped.queue_full >= REQUESTS - 6, "{spans:?}");
}

/// The log counts what was dropped, to the last span.
#[track_caller]
fn check_said(output: &Output) {
    assert_eq!(output.warned_of(), REQUESTS, "{:#?}", output.lines());
}

#[test]
fn requests_are_answered_while_no_export_is() {
    let scenario = || {
        app::on_multi_thread(async {
            let telemetry = app::init_with_timeout(SHORT);
            check_answers(App::new().await.serve()).await;
            println!("answered");
            let open = tracing::info_span!("open").entered();
            let error = telemetry.shutdown().await.unwrap_err();
            drop(open);
            check_counts(&error.report().spans);
            assert!(!error.report().metrics_delivered);
        });
    };
    let Some(process) = process::of(requests_are_answered_while_no_export_is, scenario) else {
        return;
    };
    let process = process.variables(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
        // No export ends by itself.
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
    ]);
    for protocol in PROTOCOLS {
        let collector = Collector::start_blocking().unwrap();
        collector.behave(Behavior::Hang);
        let process = process.clone();
        let process = process.exporting_by(protocol, &collector);
        let mut running = process.start();
        running.line("answered");
        // One of spans and one of metrics.
        let asked = |_: &[_]| collector.requests() >= 2;
        collector.wait_for_blocking(app::AMPLE, asked).unwrap();
        check_said(&running.wait());
    }
}

/// Says that it was called, and never returns.
#[derive(Debug)]
struct Blocks(Sender<()>);

impl SpanExporter for Blocks {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        self.0.send(()).unwrap();
        loop {
            thread::park();
        }
    }
}

#[test]
fn requests_are_answered_while_the_exporter_blocks_its_thread() {
    let scenario = || {
        // For the log only: an exporter cannot be plugged in there.
        let _logs = app::init();
        let (called, calls) = mpsc::channel();
        let runtime = ExportRuntime::start().unwrap();
        let pipeline = (SpanPipeline::builder().max_queue_size(4))
            .max_export_batch_size(2)
            .build(&runtime, Blocks(called));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(pipeline.clone())
            .build();
        let layer = ServerLayer::new().tracer_provider(provider.clone());
        app::on_multi_thread(async { check_answers(App::with(layer).await.serve()).await });
        calls.recv_timeout(app::AMPLE).unwrap();
        let _open = provider.tracer("it").start("open");
        pipeline.shutdown_blocking(SHORT).unwrap_err();
        check_counts(&pipeline.counts());
        assert!(calls.try_recv().is_err(), "it was called again");
    };
    let test = requests_are_answered_while_the_exporter_blocks_its_thread;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let process = process.variables(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]);
    check_said(&process.run());
}
