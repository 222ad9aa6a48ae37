//! What pipelines tell about themselves as metrics.

use std::time::Instant;

use opentelemetry::logs::{Logger, LoggerProvider};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, LogPipeline, SpanPipeline};
use throughline_testing::{Behavior, Collector, InMemory, MetricRecord};

use crate::support::{AMPLE, Act, Call, Gate, SHORT, Scripted, Setup, wait_for};

/// Each point as `name{attributes} value`, without what differs from run to run: ports, numbers, durations.
fn points(metrics: &[MetricRecord]) -> Vec<String> {
    let mut points = Vec::new();
    for metric in metrics {
        assert_eq!(metric.scope, "throughline-otlp");
        for point in &metric.points {
            let mut attributes = point.attributes.clone();
            if attributes.contains_key("server.address") {
                assert!(attributes.remove("server.port").is_some());
            }
            if let Some(name) = attributes.remove("otel.component.name") {
                let component = attributes["otel.component.type"].to_string();
                assert!(name.to_string().starts_with(&format!("{component}/")));
            }
            let attributes: Vec<_> = (attributes.iter())
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let value = point.count.map_or(point.value, |count| count as f64);
            let (name, unit) = (&metric.name, &metric.unit);
            points.push(format!("{name} {unit} {} {value}", attributes.join(",")));
        }
    }
    points.sort();
    points
}

#[test]
fn a_span_pipeline_tells_what_the_conventions_ask_for() {
    let collector = Collector::start_blocking().unwrap();
    let config = OtlpConfig::new(format!("{}/v1/traces", collector.http_endpoint()));
    let runtime = ExportRuntime::start().unwrap();
    let builder = SpanPipeline::builder()
        .schedule_delay(AMPLE * 10)
        .max_queue_size(4);
    let setup = Setup::of(builder.build_otlp(&runtime, &config).unwrap());
    let memory = InMemory::new();
    setup.pipeline.observe(&memory.meter_provider());
    // Once is enough.
    setup.pipeline.observe(&memory.meter_provider());

    setup.end_many(3);
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    collector.behave(Behavior::PartialSuccess { rejected: 1 });
    setup.end_many(2);
    setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    collector.behave(Behavior::Status(400));
    setup.end("refused");
    setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    let _open = setup.start("open");
    setup.end_many(2);
    let processor = "otel.component.type=batching_span_processor";
    let exporter = "otel.component.type=otlp_http_span_exporter,server.address=127.0.0.1";
    let sampled = "otel.span.sampling_result=RECORD_AND_SAMPLE";
    assert_eq!(
        points(&memory.metrics()),
        [
            format!("otel.sdk.exporter.operation.duration s error.type=_OTHER,{exporter} 1"),
            format!("otel.sdk.exporter.operation.duration s error.type=rejected,{exporter} 1"),
            format!("otel.sdk.exporter.operation.duration s {exporter} 1"),
            format!("otel.sdk.exporter.span.exported {{span}} error.type=_OTHER,{exporter} 1"),
            format!("otel.sdk.exporter.span.exported {{span}} error.type=rejected,{exporter} 1"),
            format!("otel.sdk.exporter.span.exported {{span}} {exporter} 4"),
            format!("otel.sdk.exporter.span.inflight {{span}} {exporter} 0"),
            format!("otel.sdk.processor.span.processed {{span}} {processor} 6"),
            format!("otel.sdk.processor.span.queue.capacity {{span}} {processor} 4"),
            format!("otel.sdk.processor.span.queue.size {{span}} {processor} 2"),
            format!("otel.sdk.span.live {{span}} {sampled} 1"),
            format!("otel.sdk.span.started {{span}} {sampled} 9"),
        ]
    );
}

#[test]
fn what_is_in_flight_and_what_a_full_queue_drops_is_told() {
    let gate = Gate::default();
    let (exporter, calls) = Scripted::always(Act::Block(gate.clone()));
    let builder = SpanPipeline::builder()
        .schedule_delay(AMPLE * 10)
        .max_export_batch_size(2)
        .max_queue_size(3);
    let setup = Setup::new(builder, exporter);
    let memory = InMemory::new();
    setup.pipeline.observe(&memory.meter_provider());
    setup.end_many(2);
    wait_for(&calls, &Call::Export(vec!["span".to_owned(); 2]));
    setup.end_many(5);
    let told = points(&memory.metrics());
    let check = |begin: &str, end: &str| {
        let is_it = |point: &&String| point.starts_with(begin) && point.ends_with(end);
        assert_eq!(
            told.iter().filter(is_it).count(),
            1,
            "{begin} {end}: {told:#?}"
        );
    };
    check(
        "otel.sdk.exporter.span.inflight {span} otel.component.type=it::support::Scripted",
        " 2",
    );
    check(
        "otel.sdk.processor.span.processed {span} error.type=queue_full",
        " 2",
    );
    check("otel.sdk.processor.span.processed {span} otel", " 2");
    check("otel.sdk.processor.span.queue.size", " 3");
    gate.open();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
}

#[test]
fn a_log_pipeline_tells_the_same_of_its_records() {
    let collector = Collector::start_blocking().unwrap();
    let config = OtlpConfig::new(format!("{}/v1/logs", collector.http_endpoint()));
    let runtime = ExportRuntime::start().unwrap();
    let builder = LogPipeline::builder().schedule_delay(AMPLE * 10);
    let pipeline = builder.build_otlp(&runtime, &config).unwrap();
    let memory = InMemory::new();
    pipeline.observe(&memory.meter_provider());
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(pipeline.clone())
        .build();
    let logger = provider.logger("test");
    logger.emit(logger.create_log_record());
    pipeline.flush_blocking(AMPLE).unwrap();
    logger.emit(logger.create_log_record());
    let processor = "otel.component.type=batching_log_processor";
    let exporter = "otel.component.type=otlp_http_log_exporter,server.address=127.0.0.1";
    assert_eq!(
        points(&memory.metrics()),
        [
            format!("otel.sdk.exporter.log.exported {{log_record}} {exporter} 1"),
            format!("otel.sdk.exporter.log.inflight {{log_record}} {exporter} 0"),
            format!("otel.sdk.exporter.operation.duration s {exporter} 1"),
            "otel.sdk.log.created {log_record}  2".to_owned(),
            format!("otel.sdk.processor.log.processed {{log_record}} {processor} 1"),
            format!("otel.sdk.processor.log.queue.capacity {{log_record}} {processor} 2048"),
            format!("otel.sdk.processor.log.queue.size {{log_record}} {processor} 1"),
        ]
    );
}

#[test]
fn nothing_is_told_of_a_pipeline_that_is_gone() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let memory = InMemory::new();
    let pipeline = SpanPipeline::builder().build(&ExportRuntime::start().unwrap(), exporter);
    pipeline.observe(&memory.meter_provider());
    assert!(!points(&memory.metrics()).is_empty());
    pipeline.shutdown_blocking(AMPLE).unwrap();
    drop(pipeline);
    // The worker says goodbye a little later, and may hold on to the counts until then.
    wait_for(&calls, &Call::Dropped);
    let start = Instant::now();
    while !points(&memory.metrics()).is_empty() {
        assert!(start.elapsed() < AMPLE, "it is still told of");
        std::thread::yield_now();
    }
}

#[test]
fn what_was_passed_on_stays_so_when_the_end_cancels_it() {
    let (exporter, calls) = Scripted::always(Act::Hang);
    let builder = SpanPipeline::builder()
        .schedule_delay(AMPLE * 10)
        .max_export_batch_size(2);
    let setup = Setup::new(builder, exporter);
    let memory = InMemory::new();
    setup.pipeline.observe(&memory.meter_provider());
    setup.end_many(3);
    wait_for(&calls, &Call::Export(vec!["span".to_owned(); 2]));
    setup.pipeline.shutdown_blocking(SHORT).unwrap_err();
    let told = points(&memory.metrics());
    let check = |begin: &str, end: &str| {
        let is_it = |point: &&String| point.starts_with(begin) && point.ends_with(end);
        let found = told.iter().filter(is_it).count();
        assert_eq!(found, 1, "{begin} {end}: {told:#?}");
    };
    check("otel.sdk.processor.span.processed {span} otel", " 2");
    check(
        "otel.sdk.processor.span.processed {span} error.type=already_shutdown",
        " 1",
    );
    check(
        "otel.sdk.exporter.span.exported {span} error.type=cancelled",
        " 2",
    );
    check("otel.sdk.exporter.span.inflight", " 0");
}
