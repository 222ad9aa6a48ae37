//! What the application is told.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::time::Duration;

use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanProcessor;
use throughline_otlp::otlp::{self, OtlpConfig};
use throughline_otlp::{ExportRuntime, SpanPipeline};
use throughline_testing::{Behavior, Collector};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{
    AMPLE, Act, Call, Gate, SHORT, Scripted, Setup, block_on, span_data, wait_for, within_deadline,
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Gives every event of this crate to a function.
struct Lines(fn(String));

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "throughline_otlp"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        (self.0)(line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

/// Every warning so far that has this in it.
pub(crate) fn warnings(marker: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(marker))
        .cloned()
        .collect()
}

/// Keeps every event. The export thread is not the test's, so it must be the global subscriber that does so.
pub(crate) fn listen() {
    static LISTEN: Once = Once::new();
    let lines = Lines(|line| LINES.lock().unwrap().push(line));
    LISTEN.call_once(|| tracing::subscriber::set_global_default(lines).unwrap());
}

#[test]
fn failures_are_reported_once_a_minute_without_credentials() {
    listen();
    let reason = "http://user:secret@marker-of-this-test/: refused";
    let (exporter, _calls) = Scripted::always(Act::Fail(reason));
    let setup = Setup::lazy(exporter);
    for _ in 0..3 {
        setup.end("lost");
        setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    }
    let warning = |spans| {
        format!(
            "WARN message=spans were dropped because they could not be exported count={spans} \
             reason=\"http://marker-of-this-test/: refused\""
        )
    };
    assert_eq!(warnings("marker-of-this-test"), [warning(1)]);
    // The others do not wait for their minute when the pipeline ends.
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(warnings("marker-of-this-test"), [warning(1), warning(2)]);
}

#[test]
fn a_full_queue_is_reported_with_the_count() {
    listen();
    let gate = Gate::default();
    let (exporter, calls) = Scripted::always(Act::Block(gate.clone()));
    let builder = SpanPipeline::builder().schedule_delay(Duration::ZERO);
    let setup = Setup::new(builder.max_queue_size(1), exporter);
    setup.end("in flight");
    wait_for(&calls, &Call::Export(vec!["in flight".to_owned()]));
    // No other test drops as many.
    setup.end_many(1 + 4242);
    gate.open();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(
        warnings("count=4242"),
        ["WARN message=spans were dropped because the export queue was full count=4242"]
    );
}

#[test]
fn a_collector_cannot_reject_more_than_it_was_sent() {
    listen();
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::PartialSuccess { rejected: i64::MAX });
    let config = OtlpConfig::new(format!("{}/v1/traces", collector.http_endpoint()));
    let runtime = ExportRuntime::start().unwrap();
    let setup = Setup::of(
        SpanPipeline::builder()
            .build_otlp(&runtime, &config)
            .unwrap(),
    );
    for _ in 0..5 {
        // No other test rejects as many.
        setup.end_many(373);
        setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    }
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(setup.counts().dropped.rejected, 5 * 373);
    let expected = [373, 4 * 373].map(|count| {
        format!(
            "WARN message=spans were rejected by the collector count={count} reason=\"the collector was told to reject some\""
        )
    });
    let found = [373, 4 * 373].map(|count| warnings(&format!("count={count} ")));
    assert_eq!(found.concat(), expected);
}

#[test]
fn what_a_redaction_loses_is_reported() {
    listen();
    let (exporter, _calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder().redact(|_| panic!("told to panic"));
    let setup = Setup::new(builder, exporter);
    // Until then the export thread may look at any moment.
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    // No other test loses as many.
    setup.end_many(271);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let expected = "WARN message=spans were dropped because their redaction panicked count=271";
    assert_eq!(warnings("count=271"), [expected]);
}

#[test]
fn spans_that_an_exporter_holds_back_are_reported_once() {
    listen();
    let gate = Gate::default();
    let held = gate.clone();
    let (exporter, calls) = Scripted::new(move |_| Act::BlockAndFail(held.clone()));
    let setup = Setup::lazy(exporter);
    // No other test ends as many.
    setup.end_many(389);
    within_deadline(|| setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    gate.open();
    wait_for(&calls, &Call::Dropped);
    let said = warnings("count=389");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn spans_that_are_left_at_the_end_are_reported_once() {
    listen();
    // No other test ends as many.
    let check = |spans: usize, end: fn(SpanPipeline)| {
        let (exporter, _calls) = Scripted::always(Act::Hang);
        let runtime = ExportRuntime::start().unwrap();
        let pipeline = SpanPipeline::builder().build(&runtime, exporter);
        for _ in 0..spans {
            pipeline.on_end(span_data());
        }
        end(pipeline);
        let expected = format!(
            "WARN message=spans were dropped because the pipeline ended before they were exported count={spans}"
        );
        assert_eq!(warnings(&format!("count={spans}")), [expected]);
    };
    check(1717, |pipeline| {
        within_deadline(|| pipeline.shutdown_blocking(SHORT)).unwrap_err();
        pipeline.shutdown_blocking(SHORT).unwrap_err();
    });
    check(1718, |pipeline| {
        within_deadline(|| block_on(pipeline.shutdown(SHORT))).unwrap_err();
    });
    check(1719, drop);
}

#[test]
fn a_subscriber_that_panics_harms_nobody() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let panics = Lines(|line| {
        CALLS.fetch_add(1, Ordering::SeqCst);
        panic!("told to panic: {line}");
    });
    let (exporter, _calls) = Scripted::always(Act::Hang);
    let setup = Setup::lazy(exporter);
    setup.end("left");
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Status(400));
    let mut config = OtlpConfig::new(format!("{}/v1/metrics", collector.http_endpoint()));
    config.timeout = AMPLE;
    let metrics = otlp::metric_exporter(&ExportRuntime::start().unwrap(), &config).unwrap();
    tracing::subscriber::with_default(panics, || {
        setup.pipeline.shutdown_blocking(SHORT).unwrap_err();
        block_on(metrics.export(&ResourceMetrics::default())).unwrap_err();
    });
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}
