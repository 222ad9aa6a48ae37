//! What must never happen: a panic, a lost line, a deadlock.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Barrier};

use serde_json::json;
use throughline_log::LogLayer;
use throughline_log::tracing_core::callsite::Callsite;
use throughline_log::tracing_core::field::Value;
use throughline_log::tracing_core::{Event, Interest, Kind, Level, Metadata, metadata};
use tracing::field::Empty;
use tracing::{Dispatch, Span, info, info_span};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Log, TRACE_ID, in_trace, logged, parse};

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a Debug that panics")
    }
}

/// Panics, and when what it has thrown is dropped, panics again.
struct PanicsTwice;

impl fmt::Debug for PanicsTwice {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::panic_any(PanicsTwice)
    }
}

impl Drop for PanicsTwice {
    fn drop(&mut self) {
        panic!("a value that panics when it is dropped")
    }
}

/// Logs while it is formatted.
///
/// Within an event of a default dispatcher, as tests have it, the macros do nothing; within one of the global dispatcher,
/// as applications have it, they do what is done here.
struct Logs(Dispatch);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = METADATA.fields();
        let message = fields.field("message").unwrap();
        let values = [(&message, Some(&"inner" as &dyn Value))];
        self.0
            .event(&Event::new(&METADATA, &fields.value_set(&values)));
        f.write_str("formatted")
    }
}

static METADATA: Metadata<'static> = metadata! {
    name: "inner",
    target: "inner",
    level: Level::INFO,
    fields: &["message"],
    callsite: &Inner,
    kind: Kind::EVENT,
};

struct Inner;

impl Callsite for Inner {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

fn dispatch(log: &Log) -> Dispatch {
    let layer = LogLayer::json().writer(log.writer());
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

#[test]
fn a_debug_that_panics_costs_its_value_only() {
    let log = logged(LogLayer::json(), || {
        let span = info_span!("s", a = 1, b = ?Panics, c = Empty).entered();
        span.record("c", tracing::field::debug(Panics));
        info!(a = 1, b = ?Panics, c = 3, "first");
        info!("{:?}", Panics);
        info!("last");
    });
    let lines: Vec<_> = log.lines().iter().map(|line| parse(line)).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0]["fields"],
        json!({"a": 1, "b": "<panicked>", "c": 3})
    );
    let expected = json!({"a": 1, "b": "<panicked>", "c": "<panicked>"});
    assert_eq!(lines[0]["spans"][0]["fields"], expected);
    assert_eq!(lines[1]["message"], "<panicked>");
    assert_eq!(lines[2]["message"], "last");
}

#[test]
fn a_panic_within_a_panic_costs_its_value_only() {
    let log = logged(LogLayer::json(), || {
        // Not dropped here, only when it is thrown.
        let value = std::mem::ManuallyDrop::new(PanicsTwice);
        info!(a = 1, b = ?*value, "m");
    });
    assert_eq!(log.json()["fields"], json!({"a": 1, "b": "<panicked>"}));
}

#[test]
fn a_debug_that_logs_writes_a_line_of_its_own() {
    let log = Log::default();
    let dispatch = dispatch(&log);
    tracing::dispatcher::with_default(&dispatch, || {
        info!(before = 1, value = ?Logs(dispatch.clone()), after = 2, "outer");
        info!("{:?}", Logs(dispatch.clone()));
    });
    let lines: Vec<_> = log.lines().iter().map(|line| parse(line)).collect();
    assert_eq!(lines.len(), 4);
    for inner in [&lines[0], &lines[2]] {
        assert_eq!(inner["message"], "inner");
        assert_eq!(inner["fields"], serde_json::Value::Null);
    }
    let expected = json!({"before": 1, "value": "formatted", "after": 2});
    assert_eq!(lines[1]["fields"], expected);
    assert_eq!(lines[3]["message"], "formatted");
}

#[test]
fn a_debug_that_logs_within_the_span_it_is_recorded_on_does_not_deadlock() {
    let log = Log::default();
    let dispatch = dispatch(&log);
    tracing::dispatcher::with_default(&dispatch, || {
        let span = info_span!("s", a = ?Logs(dispatch.clone()), b = Empty).entered();
        span.record("b", tracing::field::debug(Logs(dispatch.clone())));
        info!(parent: &span.clone(), "last");
    });
    let lines: Vec<_> = log.lines().iter().map(|line| parse(line)).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1]["spans"],
        json!([{"name": "s", "fields": {"a": "formatted"}}])
    );
    let expected = json!([{"name": "s", "fields": {"a": "formatted", "b": "formatted"}}]);
    assert_eq!(lines[2]["spans"], expected);
}

#[test]
fn a_writer_that_fails_or_panics_harms_nobody() {
    struct Fails;

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            unreachable!("nobody flushes")
        }
    }

    let log = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(LogLayer::json().writer(|| Fails))
        .with(LogLayer::json().writer(|| -> Fails { panic!("a writer that panics") }))
        .with(LogLayer::json().writer(log.writer()));
    tracing::subscriber::with_default(subscriber, || {
        info!("first");
        info!("last");
    });
    assert_eq!(log.lines().len(), 2);
}

#[test]
fn values_of_any_length_are_whole() {
    for length in [0, 1, 63, 64, 4096, 65_536, 1_000_000] {
        let text = "é\n".repeat(length);
        let log = logged(LogLayer::json(), || info!(text, "m"));
        assert_eq!(log.json()["fields"]["text"], text);
    }
}

#[test]
fn deep_nesting_is_whole() {
    let log = logged(LogLayer::json(), || {
        let mut spans = vec![info_span!("s", depth = 0)];
        for depth in 1..100 {
            let parent = spans.last().and_then(Span::id);
            spans.push(info_span!(parent: parent, "s", depth));
        }
        info!(parent: spans.last().and_then(Span::id), "m");
    });
    let line = log.json();
    let spans = line["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 100);
    assert_eq!(spans[0]["fields"]["depth"], 99);
}

#[test]
fn events_and_records_of_one_span_on_many_threads_are_whole() {
    const THREADS: usize = 4;
    const EVENTS: usize = 200;
    let log = Log::default();
    let dispatch = dispatch(&log);
    let span = tracing::dispatcher::with_default(&dispatch, || info_span!("s", count = 0, who = 0));
    let start = Arc::new(Barrier::new(THREADS));
    std::thread::scope(|scope| {
        for who in 0..THREADS {
            let (span, dispatch, start) = (span.clone(), dispatch.clone(), Arc::clone(&start));
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    start.wait();
                    for count in 0..EVENTS {
                        span.record("count", count);
                        span.record("who", who);
                        span.in_scope(|| info!(who, count, "m"));
                    }
                });
            });
        }
    });
    let lines = log.lines();
    assert_eq!(lines.len(), THREADS * EVENTS);
    for line in lines {
        let line = parse(&line);
        assert!(line["spans"][0]["fields"]["count"].is_u64(), "{line}");
        assert!(line["spans"][0]["fields"]["who"].is_u64(), "{line}");
    }
}

/// Logs in the destructor of a thread-local, after the OpenTelemetry context and the buffers of its thread are gone.
struct LastWords(Dispatch);

impl Drop for LastWords {
    fn drop(&mut self) {
        tracing::dispatcher::with_default(&self.0, || info!(value = 1, "last words"));
    }
}

#[test]
fn a_thread_may_log_on_its_way_out() {
    thread_local! {
        static LAST_WORDS: RefCell<Option<LastWords>> = const { RefCell::new(None) };
    }
    let log = Log::default();
    let dispatch = dispatch(&log);
    std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || {
            // Destructors run in reverse order of first use: tracing's own thread-locals are needed for longest.
            drop(info_span!("s").entered());
            LAST_WORDS.set(Some(LastWords(dispatch.clone())));
            let _trace = in_trace();
            info!("words");
        });
    })
    .join()
    .unwrap();
    let lines: Vec<_> = log.lines().iter().map(|line| parse(line)).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["trace_id"], TRACE_ID);
    assert_eq!(lines[1]["message"], "last words");
    assert_eq!(lines[1]["fields"], json!({"value": 1}));
}
