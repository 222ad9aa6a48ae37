//! What arrives at the exporter, and when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample, SpanData, SpanExporter,
    SpanProcessor,
};
use throughline_otlp::{ExportRuntime, SpanPipeline};

use crate::support::{AMPLE, Act, Call, Gate, Scripted, Setup, next, span_data, wait_for};

fn exported(calls: &std::sync::mpsc::Receiver<Call>) -> usize {
    calls
        .try_iter()
        .map(|call| match call {
            Call::Export(names) => names.len(),
            _ => 0,
        })
        .sum()
}

#[test]
fn a_thousand_spans_all_arrive_when_shutdown_follows_at_once() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.end_many(1000);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(exported(&calls), 1000);
    let counts = setup.counts();
    assert_eq!(
        (counts.exported, counts.dropped.total(), counts.open),
        (1000, 0, 0)
    );
}

#[test]
fn a_full_batch_is_exported_at_once() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder().schedule_delay(AMPLE * 10);
    let setup = Setup::new(builder.max_export_batch_size(3), exporter);
    setup.end_many(4);
    wait_for(&calls, &Call::Export(vec!["span".to_owned(); 3]));
}

#[test]
fn a_single_span_is_exported_after_the_delay() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder().schedule_delay(Duration::from_millis(20));
    let setup = Setup::new(builder, exporter);
    for name in ["first", "second"] {
        setup.end(name);
        wait_for(&calls, &Call::Export(vec![name.to_owned()]));
    }
}

#[test]
fn sizes_of_zero_are_taken_as_one() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder().schedule_delay(AMPLE * 10);
    let setup = Setup::new(builder.max_queue_size(0).max_export_batch_size(0), exporter);
    setup.end("only");
    wait_for(&calls, &Call::Export(vec!["only".to_owned()]));
}

#[test]
fn a_flush_waits_for_everything_that_ended_before_it() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.end_many(1200);
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    assert_eq!(setup.counts().exported, 1200);
    let calls: Vec<_> = calls.try_iter().collect();
    assert_eq!(calls.last(), Some(&Call::Flush));
    assert_eq!(calls.len(), 1 + 3 + 1, "resource, three batches, flush");
}

#[test]
fn a_flush_waits_for_the_batch_in_flight() {
    let gate = Gate::default();
    let (exporter, calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::new(
        SpanPipeline::builder().schedule_delay(Duration::ZERO),
        exporter,
    );
    setup.end("slow");
    wait_for(&calls, &Call::Export(vec!["slow".to_owned()]));
    let flush = setup.pipeline.flush(AMPLE);
    assert_eq!(setup.counts().queued, 1);
    gate.open();
    crate::support::block_on(flush).unwrap();
    assert_eq!(setup.counts().exported, 1);
}

/// Ends as many spans as it exports, as an application under load does.
#[derive(Debug)]
struct Busy(Arc<OnceLock<SpanPipeline>>);

impl SpanExporter for Busy {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            self.0.wait().on_end(span);
        }
        Ok(())
    }
}

#[test]
fn a_flush_does_not_wait_for_spans_that_end_after_it() {
    let own = Arc::new(OnceLock::new());
    let runtime = ExportRuntime::start().unwrap();
    let pipeline = SpanPipeline::builder()
        .schedule_delay(Duration::ZERO)
        .build(&runtime, Busy(Arc::clone(&own)));
    own.set(pipeline.clone()).unwrap();
    pipeline.on_end(span_data());
    pipeline.flush_blocking(AMPLE).unwrap();
    assert!(pipeline.counts().exported > 0);
    pipeline.shutdown_blocking(AMPLE).unwrap();
}

#[test]
fn the_sdk_flushes_and_shuts_down_through_the_processor() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.end("one");
    setup.provider.force_flush().unwrap();
    assert_eq!(setup.counts().exported, 1);
    setup.end("two");
    setup.provider.shutdown().unwrap();
    assert_eq!(setup.counts().exported, 2);
    wait_for(&calls, &Call::Shutdown);
}

#[test]
fn the_resource_reaches_the_exporter_before_the_first_span() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.end("span");
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    assert_eq!(next(&calls), Call::Resource(Some("shop".to_owned())));
    assert_eq!(next(&calls), Call::Export(vec!["span".to_owned()]));
}

#[derive(Clone, Debug)]
struct RecordOnly;

impl ShouldSample for RecordOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

#[test]
fn record_only_spans_are_neither_exported_nor_counted() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let runtime = ExportRuntime::start().unwrap();
    let pipeline = SpanPipeline::builder().build(&runtime, exporter);
    let provider = SdkTracerProvider::builder()
        .with_sampler(RecordOnly)
        .with_span_processor(pipeline.clone())
        .build();
    drop(provider.tracer("test").start("recorded"));
    pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(exported(&calls), 0);
    assert_eq!(pipeline.counts().started, 0);
}

#[test]
fn spans_of_many_threads_all_arrive() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder().max_queue_size(100_000);
    let setup = Setup::new(builder, exporter);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    setup.end_many(50);
                    setup.counts();
                }
            });
        }
    });
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(exported(&calls), 20_000);
    assert_eq!(setup.counts().exported, 20_000);
}

#[test]
fn open_spans_are_counted_until_they_end() {
    let (exporter, _calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    let open = setup.start("open");
    setup.end("ended");
    let counts = setup.counts();
    assert_eq!((counts.started, counts.queued, counts.open), (2, 1, 1));
    assert_eq!(
        counts.to_string(),
        "2 spans started: 0 exported, 0 dropped, 1 queued, 1 open"
    );
    drop(open);
    assert_eq!(setup.counts().open, 0);
}

#[test]
fn a_span_that_ends_after_the_providers_shutdown_stays_open() {
    let (exporter, _calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    let late = setup.start("late");
    setup.provider.shutdown().unwrap();
    drop(late);
    assert_eq!(setup.counts().open, 1);
}

/// Says whether telemetry was suppressed in all that it did.
#[derive(Debug)]
struct Observant(Arc<AtomicBool>);

impl SpanExporter for Observant {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let in_task = tokio::spawn(async { Context::is_current_telemetry_suppressed() });
        let suppressed = Context::is_current_telemetry_suppressed();
        let suppressed = suppressed && in_task.await.unwrap_or(false);
        self.0.store(suppressed, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn the_exporter_and_its_tasks_run_with_telemetry_suppressed() {
    let suppressed = Arc::new(AtomicBool::new(false));
    let setup = Setup::lazy(Observant(Arc::clone(&suppressed)));
    setup.end("span");
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    assert!(suppressed.load(Ordering::SeqCst));
}
