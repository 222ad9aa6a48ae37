//! The same query again and again under one span.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, Span as _, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use proptest::collection::vec;
use proptest::prelude::*;
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, NPlusOne, SpanPipeline, SpanPipelineBuilder, console};
use throughline_testing::{Collector, InMemory};

use crate::support::{AMPLE, Output, Setup};
use crate::warnings::{listen, warnings};

const SYSTEM: &str = "db.system.name";
const SUMMARY: &str = "db.query.summary";
const TEXT: &str = "db.query.text";
const ITEMS: &str = "SELECT name FROM items WHERE order_id = $1";

/// An exporter that keeps what it gets.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

fn builder() -> SpanPipelineBuilder {
    SpanPipeline::builder()
        .schedule_delay(AMPLE * 10)
        .n_plus_one(NPlusOne::default())
}

fn at(millisecond: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millisecond)
}

/// A query: when it begins and ends, what it asks, and of what kind its span is.
#[derive(Clone, Debug)]
struct Asked {
    start: u64,
    end: u64,
    attributes: Vec<KeyValue>,
    kind: SpanKind,
}

impl Asked {
    fn new(start: u64, end: u64, attributes: &[(&'static str, &str)]) -> Self {
        let attributes = attributes.iter();
        let attribute =
            |(key, value): &(&'static str, &str)| KeyValue::new(*key, value.to_string());
        Self {
            start,
            end,
            attributes: attributes.map(attribute).collect(),
            kind: SpanKind::Client,
        }
    }

    fn under(&self, setup: &Setup, parent: &Context) {
        let mut span = (setup.tracer.span_builder("query"))
            .with_kind(self.kind.clone())
            .with_attributes(self.attributes.clone())
            .with_start_time(at(self.start))
            .start_with_context(&setup.tracer, parent);
        span.end_with_timestamp(at(self.end));
    }
}

/// So many, one after the other, each 10 ms long.
fn in_a_row(count: u64, attributes: &[(&'static str, &str)]) -> Vec<Asked> {
    let asked = |place| Asked::new(20 * place, 20 * place + 10, attributes);
    (1..=count).map(asked).collect()
}

/// Queries, in the order in which they end, under a SERVER span that ends after them.
fn request(setup: &Setup, queries: &[Asked]) {
    let server = (setup.tracer.span_builder("GET /orders"))
        .with_kind(SpanKind::Server)
        .with_start_time(at(0));
    let server = Context::new().with_span(server.start(&setup.tracer));
    for query in queries {
        query.under(setup, &server);
    }
    server.span().end_with_timestamp(at(10_000));
}

/// The events of the spans of this name.
fn events(kept: &Kept, name: &str) -> Vec<Event> {
    let spans = kept.0.lock().unwrap();
    let named = spans.iter().filter(|span| span.name == name);
    named.flat_map(|span| span.events.events.clone()).collect()
}

/// What is found in a request: how often what was asked.
fn found(builder: SpanPipelineBuilder, queries: &[Asked]) -> Vec<(i64, String)> {
    let kept = Kept::default();
    let setup = Setup::new(builder, kept.clone());
    request(&setup, queries);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let found = events(&kept, "GET /orders").into_iter().map(|event| {
        assert_eq!(event.name, "throughline.n_plus_one");
        let attribute = |key: &str| {
            let attribute = event.attributes.iter().find(|it| it.key.as_str() == key);
            attribute.map(|attribute| attribute.value.clone())
        };
        let Some(Value::I64(count)) = attribute("throughline.n_plus_one.count") else {
            panic!("no count: {event:?}")
        };
        let asked = attribute(TEXT).or_else(|| attribute(SUMMARY)).unwrap();
        (count, asked.to_string())
    });
    found.collect()
}

#[track_caller]
fn check(queries: &[Asked], expected: &[(i64, &str)]) {
    let found = found(builder(), queries);
    let found: Vec<_> = found
        .iter()
        .map(|(count, it)| (*count, it.as_str()))
        .collect();
    assert_eq!(found, expected, "{queries:?}");
}

#[test]
fn a_query_in_a_loop_is_found() {
    let items = [(SYSTEM, "postgresql"), (TEXT, ITEMS)];
    check(&in_a_row(4, &items), &[]);
    check(&in_a_row(5, &items), &[(5, ITEMS)]);
    check(&in_a_row(100, &items), &[(100, ITEMS)]);
    // One begins in the moment in which the last one ends.
    let close = |place: u64| Asked::new(10 * place, 10 * place + 10, &items);
    check(&(0..5).map(close).collect::<Vec<_>>(), &[(5, ITEMS)]);
    // What the summary is does not matter where there is a text.
    let rows: Vec<_> = (1..=9)
        .map(|place| {
            let text = format!("SELECT {place} FROM items");
            Asked::new(
                20 * place,
                20 * place + 10,
                &[(SUMMARY, "SELECT items"), (TEXT, &text)],
            )
        })
        .collect();
    check(&rows, &[]);
    check(
        &in_a_row(5, &[(SUMMARY, "SELECT items")]),
        &[(5, "SELECT items")],
    );
    // Of attributes with the same key the last one goes out.
    check(
        &in_a_row(5, &[(TEXT, "first"), (TEXT, "last")]),
        &[(5, "last")],
    );
}

#[test]
fn two_queries_of_a_loop_are_both_found() {
    let queries: Vec<_> = (0..60)
        .map(|place| {
            let text = ["SELECT a", "SELECT b", "BEGIN"][place as usize % 3];
            Asked::new(10 * place, 10 * place + 5, &[(TEXT, text)])
        })
        .collect();
    check(&queries, &[(20, "SELECT a"), (20, "SELECT b")]);
}

#[test]
fn what_runs_beside_another_does_not_count() {
    let nine = |start: fn(u64) -> u64, end: fn(u64) -> u64| -> Vec<_> {
        let asked = |place| Asked::new(start(place), end(place), &[(TEXT, ITEMS)]);
        (1..=9).map(asked).collect()
    };
    check(&nine(|_| 0, |_| 100), &[]);
    check(&nine(|_| 0, |it| 100 * it), &[]);
    check(&nine(|it| 10 * it, |it| 10 * it + 11), &[]);
    // All beside one that ends last, and is seen first.
    let mut queries = vec![Asked::new(0, 9_000, &[(TEXT, ITEMS)])];
    queries.extend(in_a_row(9, &[(TEXT, ITEMS)]));
    check(&queries, &[]);
    // Beside another one of its kind: others do not matter.
    let mut queries = in_a_row(9, &[(TEXT, ITEMS)]);
    queries.push(Asked::new(0, 9_000, &[(TEXT, "SELECT pg_sleep(9)")]));
    check(&queries, &[(9, ITEMS)]);
}

#[test]
fn what_is_no_query_of_a_database_does_not_count() {
    for attributes in [
        &[(SYSTEM, "redis"), (TEXT, "GET ?")][..],
        &[(SYSTEM, "valkey"), (TEXT, "GET ?")],
        &[(SYSTEM, "memcached"), (SUMMARY, "get")],
        &[(SYSTEM, "postgresql"), (TEXT, "COMMIT")],
        &[(SYSTEM, "postgresql"), (TEXT, ""), (SUMMARY, "")],
        &[(SYSTEM, "postgresql")],
        &[("http.request.method", "GET"), ("url.full", "http://a/")],
    ] {
        check(&in_a_row(9, attributes), &[]);
    }
    let mut numbers = in_a_row(9, &[]);
    for query in &mut numbers {
        query.attributes.push(KeyValue::new(TEXT, 7));
    }
    check(&numbers, &[]);
    let mut internal = in_a_row(9, &[(TEXT, ITEMS)]);
    for query in &mut internal {
        query.kind = SpanKind::Internal;
    }
    check(&internal, &[]);
}

#[test]
fn how_many_and_how_long_is_set() {
    let quick: Vec<_> = (1..=49)
        .map(|place| Asked::new(2 * place, 2 * place + 1, &[(TEXT, ITEMS)]))
        .collect();
    check(&quick, &[]);
    let mut one_more = quick.clone();
    one_more.push(Asked::new(200, 201, &[(TEXT, ITEMS)]));
    check(&one_more, &[(50, ITEMS)]);

    let with = |min_queries, min_time, queries: &[Asked]| {
        let mut settings = NPlusOne::default();
        (settings.min_queries, settings.min_time) = (min_queries, min_time);
        let found = found(builder().n_plus_one(settings), queries);
        found.first().map(|(count, _)| *count)
    };
    assert_eq!(with(5, Duration::ZERO, &quick), Some(49));
    assert_eq!(with(49, Duration::from_millis(49), &quick), Some(49));
    assert_eq!(with(50, Duration::ZERO, &quick), None);
    assert_eq!(with(2, Duration::from_nanos(49_000_001), &quick), None);
    // One query is none that is repeated.
    assert_eq!(with(0, Duration::ZERO, &quick[..1]), None);
    assert_eq!(with(0, Duration::ZERO, &quick[..2]), Some(2));
    assert_eq!(with(2, Duration::MAX, &quick), None);
    let off = SpanPipeline::builder();
    assert_eq!(found(off, &one_more), []);
}

#[test]
fn odd_times_do_no_harm() {
    // They end before they begin, and take no time at all.
    let backwards: Vec<_> = (1..=9)
        .map(|place| Asked::new(20 * place + 10, 20 * place, &[(TEXT, ITEMS)]))
        .collect();
    check(&backwards, &[]);
    let mut settings = NPlusOne::default();
    settings.min_time = Duration::ZERO;
    let found = found(builder().n_plus_one(settings), &backwards);
    assert_eq!(found, [(9, ITEMS.to_owned())]);
}

#[test]
fn a_minute_without_a_query_is_a_new_beginning() {
    let pause = |pause: u64| {
        let mut queries = in_a_row(4, &[(TEXT, ITEMS)]);
        let begin = queries[3].end + pause;
        queries.push(Asked::new(begin - 10, begin, &[(TEXT, ITEMS)]));
        let kept = Kept::default();
        let setup = Setup::new(builder(), kept.clone());
        let parent = Context::new().with_span(setup.start("parent"));
        for query in &queries {
            query.under(&setup, &parent);
        }
        parent.span().end_with_timestamp(at(begin + 10));
        setup.pipeline.shutdown_blocking(AMPLE).unwrap();
        events(&kept, "parent").len()
    };
    assert_eq!(pause(60_000), 1);
    assert_eq!(pause(60_001), 0);
}

#[test]
fn each_parent_has_its_own_count() {
    let kept = Kept::default();
    let setup = Setup::new(builder(), kept.clone());
    let root = Context::new().with_span(setup.start("root"));
    let child = |name| Context::new().with_span(setup.tracer.start_with_context(name, &root));
    let [four, five] = [child("four"), child("five")];
    for (place, query) in in_a_row(5, &[(TEXT, ITEMS)]).iter().enumerate() {
        query.under(&setup, &five);
        if place < 4 {
            query.under(&setup, &four);
            query.under(&setup, &root);
        }
    }
    // The same id in another trace is another span, and one in another process never ends here.
    let elsewhere = |trace: TraceId, is_remote| {
        let span = four.span().span_context().span_id();
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::default());
        let context = SpanContext::new(trace, span, flags, is_remote, state);
        Context::new().with_remote_span_context(context)
    };
    let fifth = Asked::new(500, 600, &[(TEXT, ITEMS)]);
    fifth.under(&setup, &elsewhere(TraceId::from(1), false));
    let trace = four.span().span_context().trace_id();
    fifth.under(&setup, &elsewhere(trace, true));
    // A root has no parent.
    for query in in_a_row(9, &[(TEXT, ITEMS)]) {
        query.under(&setup, &Context::new());
    }
    for context in [&four, &five, &root] {
        context.span().end_with_timestamp(at(1000));
    }
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let found = ["four", "five", "root"].map(|name| events(&kept, name).len());
    assert_eq!(found, [0, 1, 0]);
}

fn seven() -> Vec<Asked> {
    in_a_row(
        7,
        &[
            (SYSTEM, "postgresql"),
            (SUMMARY, "SELECT items"),
            (TEXT, ITEMS),
        ],
    )
}

#[test]
fn the_event_goes_out_with_its_span_to_a_collector() {
    let collector = Collector::start_blocking().unwrap();
    let config = OtlpConfig::new(format!("{}/v1/traces", collector.http_endpoint()));
    let runtime = ExportRuntime::start().unwrap();
    let setup = Setup::of(builder().build_otlp(&runtime, &config).unwrap());
    request(&setup, &seven());
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let traces = collector.traces();
    let events = &traces[0].find("GET /orders").events;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name, "throughline.n_plus_one");
    assert_eq!(events[0].time, at(150));
    let expected: [(&str, Value); 5] = [
        (SUMMARY, "SELECT items".into()),
        (SYSTEM, "postgresql".into()),
        (TEXT, ITEMS.into()),
        ("throughline.n_plus_one.count", 7.into()),
        ("throughline.n_plus_one.duration", 0.07.into()),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(events[0].attributes, expected.into());
}

#[test]
fn the_event_stands_out_on_the_console() {
    let output = Output::default();
    let exporter = console::SpanExporter::new(output.clone());
    let setup = Setup::new(builder(), exporter);
    request(&setup, &seven());
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let text = output.text();
    let line = format!(
        "   │  ⚠ N+1 +150.0ms throughline.n_plus_one throughline.n_plus_one.count=7 \
         throughline.n_plus_one.duration=0.07 db.system.name=\"postgresql\" db.query.summary=\"SELECT items\" \
         db.query.text=\"{ITEMS}\""
    );
    assert_eq!(text.lines().nth(2), Some(&*line), "{text}");
}

#[test]
fn the_event_is_in_lines_of_json() {
    let output = Output::default();
    let setup = Setup::new(builder(), console::JsonExporter::new(output.clone()));
    request(&setup, &seven());
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(
        output.text().matches("\"throughline.n_plus_one\"").count(),
        1
    );
}

#[test]
fn values_of_the_event_are_cut_and_redacted_as_those_of_spans() {
    let items = [(SUMMARY, "SELECT items"), (TEXT, ITEMS)];
    let cut = found(
        builder().attribute_value_length_limit(6),
        &in_a_row(5, &items),
    );
    assert_eq!(cut, [(5, "SELECT".to_owned())]);
    let without = builder().redact(|span| span.attributes.retain(|it| it.key.as_str() != TEXT));
    let redacted = found(without, &in_a_row(5, &items));
    assert_eq!(redacted, [(5, "SELECT items".to_owned())]);
}

#[test]
fn what_is_found_is_counted_and_warned_of_once_a_minute() {
    listen();
    let told = |reports: bool| {
        let memory = InMemory::new();
        let builder = builder().report_n_plus_one(reports);
        let setup = Setup::new(builder, Kept::default());
        setup.pipeline.observe(&memory.meter_provider());
        let query = format!("SELECT\nitems_{reports}");
        for count in [5, 6, 7] {
            request(
                &setup,
                &in_a_row(count, &[(SUMMARY, &query), (TEXT, ITEMS)]),
            );
            setup.pipeline.flush_blocking(AMPLE).unwrap();
        }
        setup.pipeline.shutdown_blocking(AMPLE).unwrap();
        let metrics = memory.metrics();
        let metric = metrics
            .iter()
            .find(|it| it.name == "throughline.n_plus_one.found");
        let count = metric.map(|metric| {
            assert_eq!(metric.unit, "{query}");
            let component = metric.points[0].attributes["otel.component.type"].to_string();
            assert_eq!(component, "batching_span_processor");
            metric.points[0].value
        });
        (count, warnings(&format!("items_{reports}")))
    };
    let warning = |number: u64, count: u64| {
        let time = 10 * count;
        format!(
            "WARN message=spans ran the same query again and again, one after the other (N+1) count={number} \
             reason=\"SELECT items_true: {count} times in {time}.0ms under GET /orders\""
        )
    };
    assert_eq!(told(true), (Some(3.0), vec![warning(1, 5), warning(2, 7)]));
    assert_eq!(told(false), (None, vec![]));
}

#[test]
fn a_text_of_a_megabyte_is_a_query_like_any_other() {
    let (one, other) = ("a".repeat(1 << 20), "a".repeat((1 << 20) + 1));
    let mut queries = in_a_row(8, &[(TEXT, &one)]);
    for query in queries.iter_mut().step_by(2) {
        query.attributes = vec![KeyValue::new(TEXT, other.clone())];
    }
    check(&queries, &[]);
    let kept = "a".repeat(255);
    check(&in_a_row(5, &[(TEXT, &one)]), &[(5, &kept)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two ways to the same: the pipeline counts as spans end, `throughline-testing` when all have ended.
    #[test]
    fn the_pipeline_finds_what_a_test_of_the_same_trace_finds(
        rows in vec((0..200_u64, 0..8_u64, 0..3_usize, 0..8_usize), 0..60),
    ) {
        let mut queries: Vec<_> = rows
            .iter()
            .map(|&(start, took, text, system)| {
                let text = ["SELECT a", "SELECT b", "COMMIT"][text];
                let system = ["redis", "sqlite"][system.min(1)];
                // Some end before they begin.
                let end = (start + took).saturating_sub(1);
                Asked::new(start, end, &[(SYSTEM, system), (TEXT, text)])
            })
            .collect();
        queries.sort_by_key(|query| (query.end, query.start));
        let mut settings = NPlusOne::default();
        settings.min_time = Duration::ZERO;
        let collector = Collector::start_blocking().unwrap();
        let config = OtlpConfig::new(format!("{}/v1/traces", collector.http_endpoint()));
        let runtime = ExportRuntime::start().unwrap();
        let builder = builder().n_plus_one(settings);
        let setup = Setup::of(builder.build_otlp(&runtime, &config).unwrap());
        request(&setup, &queries);
        setup.pipeline.shutdown_blocking(AMPLE).unwrap();

        let trace = collector.traces().remove(0);
        let events = trace.find("GET /orders").events.iter();
        let mut lines: Vec<_> = events
            .map(|event| {
                let (count, text) = (&event.attributes["throughline.n_plus_one.count"], &event.attributes[TEXT]);
                format!("\"GET /orders\" ran the same query {count} times, one after the other (N+1): {text}")
            })
            .collect();
        lines.sort();
        let checked = trace.check_no_n_plus_one().err().unwrap_or_default();
        let checked = checked.split("\n\n").next().unwrap_or_default();
        prop_assert_eq!(lines.join("\n"), checked);
    }
}

#[test]
fn a_parent_that_ended_before_its_queries_is_not_found_again() {
    let kept = Kept::default();
    let setup = Setup::new(builder(), kept.clone());
    let parent = Context::new().with_span(setup.start("parent"));
    parent.span().end_with_timestamp(at(1));
    for query in in_a_row(9, &[(TEXT, ITEMS)]) {
        query.under(&setup, &parent);
    }
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert!(events(&kept, "parent").is_empty());
    assert_eq!(setup.pipeline.counts().exported, 10);
}
