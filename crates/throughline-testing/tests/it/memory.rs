//! Spans and metrics in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use throughline_testing::opentelemetry::metrics::MeterProvider;
use throughline_testing::opentelemetry::trace::{Span, Tracer, TracerProvider};
use throughline_testing::opentelemetry::{Context, KeyValue, trace::TraceContextExt};
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_testing::{InMemory, MetricKind, SpanRecord};

fn names(spans: &[SpanRecord]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// A parent and its child, both ended.
fn trace_two_spans(memory: &InMemory, parent: String, child: String) {
    let tracer = memory.tracer_provider().tracer("test");
    let parent = Context::new().with_span(tracer.start(parent));
    tracer.start_with_context(child, &parent).end();
    parent.span().end();
}

#[test]
fn spans_are_there_once_they_have_ended_in_that_order() {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("test");
    let (mut first, mut second) = (tracer.start("first"), tracer.start("second"));
    assert_eq!(memory.spans(), []);
    second.end();
    first.end();
    assert_eq!(names(&memory.spans()), ["second", "first"]);
}

#[test]
fn taken_spans_are_gone_and_later_ones_stay_apart() {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("test");
    tracer.start("before").end();
    assert_eq!(names(&memory.take_spans()), ["before"]);
    tracer.start("after").end();
    assert_eq!(names(&memory.clone().take_spans()), ["after"]);
    assert_eq!(memory.spans(), []);
}

#[test]
fn the_sampler_decides() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let tracer = memory.tracer_provider().tracer("test");
    tracer.start("unsampled").end();
    assert_eq!(memory.spans(), []);
}

#[test]
fn a_span_that_ends_in_a_panic_is_kept() {
    let memory = InMemory::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _span = memory.tracer_provider().tracer("test").start("panicking");
        panic!("on purpose");
    }));
    assert!(panic.is_err());
    assert_eq!(names(&memory.spans()), ["panicking"]);
}

#[test]
fn a_hundred_at_once_do_not_see_each_other() {
    let run = |number: usize| {
        let memory = InMemory::new();
        let (parent, child) = (format!("parent {number}"), format!("child {number}"));
        trace_two_spans(&memory, parent, child);
        let counter = memory.meter_provider().meter("test");
        let counter = counter.u64_counter("count").build();
        counter.add(number as u64, &[]);
        let tree = format!("INTERNAL parent {number}\n  INTERNAL child {number}");
        memory.trace().assert_tree(&tree);
        assert_eq!(memory.metrics()[0].points[0].value, number as f64);
    };
    thread::scope(|scope| {
        for number in 0..100 {
            scope.spawn(move || run(number));
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_all_worker_threads_are_collected() {
    let memory = InMemory::new();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let memory = memory.clone();
            tokio::spawn(async move {
                let (parent, child) = (format!("parent {number}"), format!("child {number}"));
                trace_two_spans(&memory, parent, child);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(memory.traces().len(), 20);
    assert!(memory.traces().iter().all(|trace| trace.spans().len() == 2));
}

#[test]
fn several_traces_instead_of_one_fail_with_all_of_them() {
    let memory = InMemory::new();
    let message = |memory: &InMemory| -> String {
        let panic = catch_unwind(AssertUnwindSafe(|| memory.trace())).unwrap_err();
        match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
        }
    };
    assert_eq!(message(&memory), "no span has finished");
    let tracer = memory.tracer_provider().tracer("test");
    tracer.start("one").end();
    tracer.start("two").end();
    let [one, two] = &memory.traces()[..] else {
        panic!("two traces")
    };
    let expected = format!("the finished spans belong to 2 traces instead of one:\n{one}\n{two}");
    assert_eq!(message(&memory), expected);
    assert_eq!(
        (names(one.spans()), names(two.spans())),
        (vec!["one"], vec!["two"])
    );
}

#[test]
fn metrics_are_collected_when_asked_for() {
    let memory = InMemory::new();
    assert_eq!(memory.metrics(), []);
    let provider = memory.meter_provider();
    let meter = provider.meter("test");
    let active = meter.i64_up_down_counter("http.server.active_requests");
    let active = active.with_unit("{request}").build();
    let duration = meter.f64_histogram("http.server.request.duration");
    let duration = duration.with_boundaries(vec![0.1, 1.0]).build();
    let method = |method: &'static str| [KeyValue::new("http.request.method", method)];
    active.add(1, &[]);
    for seconds in [0.05, 0.5, 0.5, 5.0] {
        duration.record(seconds, &method("POST"));
    }
    duration.record(1.0, &method("GET"));
    active.add(-1, &[]);

    for _ in 0..2 {
        let metrics = memory.metrics();
        let [active, duration] = &metrics[..] else {
            panic!("{metrics:#?}")
        };
        assert_eq!(
            (active.name.as_str(), active.unit.as_str()),
            ("http.server.active_requests", "{request}")
        );
        assert_eq!(active.kind, MetricKind::UpDownCounter);
        assert_eq!(active.points[0].value, 0.0);
        assert_eq!(duration.kind, MetricKind::Histogram);
        let [get, post] = &duration.points[..] else {
            panic!("{duration:#?}")
        };
        assert_eq!((get.count, get.value), (Some(1), 1.0));
        assert_eq!((post.count, post.value), (Some(4), 6.05));
        assert_eq!(post.bounds, [0.1, 1.0]);
        assert_eq!(post.bucket_counts, [1, 2, 1]);
    }

    provider.shutdown().unwrap();
    assert_eq!(memory.metrics(), []);
}
