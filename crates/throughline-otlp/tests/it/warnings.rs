//! What the application is told.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once};
use std::time::Duration;

use throughline_otlp::SpanPipeline;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{AMPLE, Act, Call, Gate, Scripted, Setup, wait_for};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps every event of this crate. The export thread is not the test's, so it must be the global subscriber.
struct Lines;

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
        LINES.lock().unwrap().push(line.0);
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
fn warnings(marker: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    lines
        .iter()
        .filter(|line| line.contains(marker))
        .cloned()
        .collect()
}

fn listen() {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing::subscriber::set_global_default(Lines).unwrap());
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
    let warnings = warnings("marker-of-this-test");
    assert_eq!(
        warnings,
        [
            "WARN message=spans were dropped because they could not be exported spans=1 \
             reason=\"http://marker-of-this-test/: refused\""
        ]
    );
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
        warnings("spans=4242"),
        ["WARN message=spans were dropped because the export queue was full spans=4242"]
    );
}
