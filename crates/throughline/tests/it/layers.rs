//! The layers of `init_layers()` in a subscriber of the application's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use throughline::tracing_subscriber::layer::{Context, SubscriberExt};
use throughline::tracing_subscriber::util::SubscriberInitExt;
use throughline::tracing_subscriber::{Layer, registry};
use throughline_testing::Collector;
use tracing::{Event, Level, Subscriber};

use crate::process;

/// An application's own layer.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "shop" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tracing::instrument(target = "shop")]
fn order() {
    tracing::info!(target: "shop", "ordered");
    tracing::event!(target: "shop", Level::TRACE, "in detail");
}

fn with(lines: bool, records: bool) {
    let counting = Counting::default();
    let (telemetry, layers) = throughline::builder().init_layers().unwrap();
    let subscriber = registry().with(layers.spans()).with(counting.clone());
    match (lines, records) {
        (true, true) => subscriber.with(layers.logs()).init(),
        (true, false) => subscriber.with(layers.lines()).init(),
        _ => subscriber.with(layers.records()).init(),
    }
    assert!(throughline::init().is_err());
    order();
    // No filter of ours decides for the application's layer.
    assert_eq!(counting.0.load(Ordering::Relaxed), 2);
    telemetry.shutdown_blocking().unwrap();
}

#[track_caller]
fn check(process: Option<process::Process>, lines: usize, records: usize) {
    let Some(process) = process else { return };
    let collector = Collector::start_blocking().unwrap();
    let output = (process.exporting_to(&collector))
        .variable("OTEL_TRACES_SAMPLER_ARG", "0.5")
        .run();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1);
    let trace = spans[0].trace_id.to_string();
    let logged = output.logged();
    assert_eq!(logged.len(), lines);
    for line in logged {
        assert_eq!(
            (&line["message"], &line["trace_id"]),
            (&"ordered".into(), &trace.as_str().into())
        );
    }
    let logs = collector.logs();
    assert_eq!(logs.len(), records);
    for log in logs {
        assert_eq!(log.trace_id, Some(spans[0].trace_id));
    }
    // Nobody else is there to say it.
    let errors = output.errors().join("\n");
    let warning = "throughline: OTEL_TRACES_SAMPLER_ARG: \"0.5\"";
    assert!(errors.contains(warning), "{errors}");
}

#[test]
fn lines_and_records_are_layers() {
    let process = process::of(lines_and_records_are_layers, || with(true, true));
    check(process, 1, 1);
}

#[test]
fn lines_alone_are_a_layer() {
    let process = process::of(lines_alone_are_a_layer, || with(true, false));
    check(process, 1, 0);
}

#[test]
fn records_alone_are_a_layer() {
    let process = process::of(records_alone_are_a_layer, || with(false, true));
    check(process, 0, 1);
}
