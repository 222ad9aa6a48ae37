//! The same query again and again under one span, in a program that is set up by `init()`.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use throughline_testing::Collector;

use crate::app;
use crate::process;

/// Six queries of 10 ms each, one after the other.
fn queries_in_a_loop() {
    let tracer = global::tracer("test");
    let at = |millisecond| SystemTime::UNIX_EPOCH + Duration::from_millis(millisecond);
    let server = tracer.span_builder("GET /orders").with_start_time(at(0));
    let server = Context::new().with_span(server.with_kind(SpanKind::Server).start(&tracer));
    for place in 1..=6 {
        let mut query = (tracer.span_builder("SELECT items"))
            .with_kind(SpanKind::Client)
            .with_start_time(at(10 * place))
            .with_attributes([KeyValue::new("db.query.text", "SELECT * FROM items")])
            .start_with_context(&tracer, &server);
        query.end_with_timestamp(at(10 * place + 10));
    }
    server.span().end_with_timestamp(at(100));
}

/// Events at the collector, points of the metric with their sum, warnings among the log lines, lines of the console.
type Told = (usize, Vec<f64>, usize, usize);

fn told(process: process::Process, variables: &[(&str, &str)]) -> Told {
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector).variables(variables);
    let output = process.run();
    let spans = collector.spans();
    let events = spans.iter().flat_map(|span| &span.events);
    let metrics = collector.metrics();
    let metric = (metrics.iter()).filter(|metric| metric.name == "throughline.n_plus_one.found");
    let points = metric.flat_map(|metric| &metric.points);
    let lines = |part: &str| {
        let lines = output.lines().iter();
        lines.filter(|line| line.contains(part)).count()
    };
    (
        events.count(),
        points.map(|point| point.value).collect(),
        lines("SELECT * FROM items: 6 times in 60.0ms under GET /orders"),
        lines("⚠ N+1 +70.0ms throughline.n_plus_one "),
    )
}

#[test]
fn it_is_found_where_a_variable_asks_for_it() {
    let scenario = || {
        let telemetry = app::init();
        queries_in_a_loop();
        telemetry.shutdown_blocking().unwrap();
    };
    let Some(process) = process::of(it_is_found_where_a_variable_asks_for_it, scenario) else {
        return;
    };
    let check = |variables: &[(&str, &str)], expected: Told| {
        assert_eq!(told(process.clone(), variables), expected, "{variables:?}");
    };
    let find = ("OTEL_RUST_N_PLUS_ONE", "true");
    let queries = "OTEL_RUST_N_PLUS_ONE_MIN_QUERIES";
    let time = "OTEL_RUST_N_PLUS_ONE_MIN_TIME";
    check(&[], (0, vec![], 0, 0));
    check(&[find], (1, vec![1.0], 1, 0));
    check(&[find, (queries, "7")], (0, vec![0.0], 0, 0));
    check(&[find, (time, "61")], (0, vec![0.0], 0, 0));
    // Each exporter has the event, and one of them says so.
    let both = ("OTEL_TRACES_EXPORTER", "console,otlp");
    check(&[find, both], (1, vec![1.0], 1, 1));
}

#[test]
fn it_is_found_where_the_code_asks_for_it() {
    let scenario = || {
        let telemetry = throughline::builder().find_n_plus_one(true).init().unwrap();
        queries_in_a_loop();
        telemetry.shutdown_blocking().unwrap();
    };
    let Some(process) = process::of(it_is_found_where_the_code_asks_for_it, scenario) else {
        return;
    };
    let variables = [("OTEL_RUST_N_PLUS_ONE", "false")];
    assert_eq!(told(process, &variables), (1, vec![1.0], 1, 0));
}
