//! Pipelines that encode spans on the threads that end them.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, FlushError, SpanPipeline, SpanPipelineBuilder};
use throughline_testing::{Behavior, Collector};

use crate::support::{AMPLE, Setup};

fn lazy() -> SpanPipelineBuilder {
    SpanPipeline::builder().schedule_delay(AMPLE * 10)
}

fn setup(builder: SpanPipelineBuilder, config: &OtlpConfig) -> Setup {
    let runtime = ExportRuntime::start().unwrap();
    Setup::of(builder.build_otlp(&runtime, config).unwrap())
}

fn http(collector: &Collector) -> OtlpConfig {
    OtlpConfig::new(format!("{}/v1/traces", collector.http_endpoint()))
}

#[track_caller]
fn check_arrival(collector: &Collector, config: &OtlpConfig) {
    let runtime = ExportRuntime::start().unwrap();
    let pipeline = lazy().build_otlp(&runtime, config).unwrap();
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder_empty().with_service_name("shop").build())
        .with_span_processor(pipeline.clone())
        .build();
    for scope in ["one", "two", "one"] {
        let mut span = provider.tracer(scope).start("work");
        span.set_attribute(KeyValue::new("item", "book"));
        span.set_attribute(KeyValue::new("item", "pen"));
        span.end();
    }
    pipeline.shutdown_blocking(AMPLE).unwrap();
    let spans = collector.spans();
    let mut scopes: Vec<_> = spans.iter().map(|span| span.scope.as_str()).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["one", "one", "two"]);
    for span in &spans {
        assert_eq!(span.service.as_deref(), Some("shop"));
        assert_eq!(span.attributes["item"].as_str(), "pen");
        assert!(span.repeated_attributes.is_empty(), "{span:?}");
    }
    assert_eq!(pipeline.counts().exported, 3);
}

#[test]
fn spans_arrive_over_http_with_their_scopes_and_the_resource() {
    let collector = Collector::start_blocking().unwrap();
    check_arrival(&collector, &http(&collector));
}

#[cfg(feature = "grpc")]
#[test]
fn spans_arrive_over_grpc_with_their_scopes_and_the_resource() {
    let collector = Collector::start_blocking().unwrap();
    let mut config = OtlpConfig::new(collector.grpc_endpoint());
    config.protocol = throughline_otlp::otlp::Protocol::Grpc;
    check_arrival(&collector, &config);
}

#[test]
fn values_are_cut_and_redacted_before_they_are_queued() {
    let collector = Collector::start_blocking().unwrap();
    let builder = lazy().attribute_value_length_limit(3).redact(|span| {
        // The span that ends is no longer the current one: this must not wait for its lock.
        opentelemetry::Context::current()
            .span()
            .set_attribute(KeyValue::new("from.redaction", true));
        span.attributes.retain(|it| it.key.as_str() != "secret");
    });
    let setup = setup(builder, &http(&collector));
    let mut span = setup.start("work");
    span.set_attribute(KeyValue::new("long", "bücher"));
    span.set_attribute(KeyValue::new("secret", "s3cret"));
    let context = opentelemetry::Context::new().with_span(span);
    let guard = context.clone().attach();
    context.span().end();
    drop(guard);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let span = &collector.spans()[0];
    let names: Vec<_> = span.attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["long"]);
    assert_eq!(span.attributes["long"].as_str(), "büc");
}

#[test]
fn a_span_whose_redaction_panics_does_not_leave() {
    let collector = Collector::start_blocking().unwrap();
    let builder = lazy().redact(|span| assert_ne!(span.name, "bad", "this one is not redacted"));
    let setup = setup(builder, &http(&collector));
    for name in ["good", "bad", "good"] {
        setup.end(name);
    }
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(collector.spans().len(), 2);
    assert_eq!(setup.counts().dropped.redaction_panicked, 1);
}

#[test]
fn what_the_collector_rejects_is_counted_and_said() {
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::PartialSuccess { rejected: 2 });
    let setup = setup(lazy(), &http(&collector));
    setup.end_many(5);
    let flushed = setup.pipeline.flush_blocking(AMPLE);
    assert!(
        matches!(flushed, Err(FlushError::Lost { count: 2, .. })),
        "{flushed:?}"
    );
    let counts = setup.counts();
    assert_eq!((counts.exported, counts.dropped.rejected), (3, 2));
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    const BYTES: usize = 100_000;
    let collector = Collector::start_blocking().unwrap();
    let builder = lazy()
        .max_queue_size(1_000_000)
        .max_export_batch_size(1_000_000)
        .max_queue_bytes(BYTES)
        .max_export_batch_bytes(BYTES * 2);
    let setup = setup(builder, &http(&collector));
    for _ in 0..100 {
        let mut span = setup.start("large");
        span.set_attribute(KeyValue::new("text", "x".repeat(BYTES / 10)));
        span.end();
    }
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let counts = setup.pipeline.counts();
    assert_eq!(counts.exported, 9, "{counts}");
    assert_eq!(counts.dropped.queue_full, 91, "{counts}");
}

#[test]
fn a_batch_is_sent_when_it_is_full_of_bytes() {
    let collector = Collector::start_blocking().unwrap();
    let builder = lazy().max_export_batch_bytes(25_000);
    let setup = setup(builder, &http(&collector));
    for _ in 0..4 {
        let mut span = setup.start("large");
        span.set_attribute(KeyValue::new("text", "x".repeat(10_000)));
        span.end();
    }
    // Nothing but its size sends the first one.
    collector
        .wait_for_blocking(AMPLE, |spans| spans.len() == 2)
        .unwrap();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(collector.requests(), 2);
}

#[test]
fn a_thread_that_is_going_away_may_end_a_span() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<opentelemetry_sdk::trace::Span>> =
            const { std::cell::RefCell::new(None) };
    }
    let collector = Collector::start_blocking().unwrap();
    let setup = setup(lazy(), &http(&collector));
    let span = setup.start("late");
    std::thread::spawn(move || KEPT.set(Some(span)))
        .join()
        .unwrap();
    setup
        .pipeline
        .flush_blocking(Duration::from_secs(10))
        .unwrap();
    assert_eq!(collector.spans().len(), 1);
}
