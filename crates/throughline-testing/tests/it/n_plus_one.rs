//! Asserting that no query runs again and again under a span.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use throughline_testing::opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, TraceContextExt, Tracer, TracerProvider,
};
use throughline_testing::opentelemetry::{Context, KeyValue};
use throughline_testing::{InMemory, Trace};

/// The attribute and its value, the system, and when the query began and ended.
type Row<'a> = (&'a str, &'a str, &'a str, u64, u64);

const TEXT: &str = "db.query.text";
const ITEMS: &str = "SELECT name FROM items WHERE order_id = $1";

/// Queries under one span, or under a remote one.
fn trace(kind: &SpanKind, is_remote: bool, rows: &[Row<'_>]) -> Trace {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("test");
    let parent = tracer.start("GET /orders");
    let it = parent.span_context();
    let context = SpanContext::new(
        it.trace_id(),
        it.span_id(),
        it.trace_flags(),
        is_remote,
        it.trace_state().clone(),
    );
    let context = Context::new().with_remote_span_context(context);
    let at = |millisecond| SystemTime::UNIX_EPOCH + Duration::from_millis(millisecond);
    for &(key, query, system, start, end) in rows {
        let system = KeyValue::new("db.system.name", system.to_owned());
        let query = KeyValue::new(key.to_owned(), query.to_owned());
        let mut span = tracer
            .span_builder("query")
            .with_kind(kind.clone())
            .with_start_time(at(start))
            .with_attributes([system, query])
            .start_with_context(&tracer, &context);
        span.end_with_timestamp(at(end));
    }
    drop(parent);
    memory.trace()
}

#[track_caller]
fn check(rows: &[Row<'_>], expected: Option<&str>) {
    let trace = trace(&SpanKind::Client, false, rows);
    let expected = expected.map(|line| format!("{line}\n\n{trace}"));
    assert_eq!(trace.check_no_n_plus_one().err(), expected, "{rows:?}");
}

fn in_a_row<'a>(key: &'a str, query: &'a str, system: &'a str, count: u64) -> Vec<Row<'a>> {
    let row = |number| (key, query, system, 10 * number, 10 * number + 10);
    (1..=count).map(row).collect()
}

#[test]
fn a_query_in_a_loop_is_named_with_its_parent_and_the_count() {
    let of_orders = |rest: &str| format!("\"GET /orders\" ran the same query {rest}");
    let five = of_orders(&format!("5 times, one after the other (N+1): {ITEMS}"));
    check(&in_a_row(TEXT, ITEMS, "postgresql", 5), Some(&five));
    check(&in_a_row(TEXT, ITEMS, "postgresql", 4), None);
    let summary = of_orders("7 times, one after the other (N+1): SELECT items");
    let rows = in_a_row("db.query.summary", "SELECT items", "sqlite", 7);
    check(&rows, Some(&summary));
    for (key, query, system) in [
        (TEXT, ITEMS, "redis"),
        (TEXT, ITEMS, "valkey"),
        (TEXT, ITEMS, "memcached"),
        (TEXT, "begin", "postgresql"),
        (TEXT, "COMMIT;", "postgresql"),
        (TEXT, "", "postgresql"),
        ("db.collection.name", "items", "postgresql"),
    ] {
        check(&in_a_row(key, query, system, 9), None);
    }
    let texts: Vec<_> = (0..9).map(|number| format!("SELECT {number}")).collect();
    let different = texts
        .iter()
        .enumerate()
        .map(|(at, text)| (TEXT, text.as_str(), "mysql", at as u64, at as u64 + 1));
    check(&different.collect::<Vec<_>>(), None);
}

#[test]
fn what_ran_beside_another_does_not_count() {
    let concurrent = |begin: fn(u64) -> u64, end: fn(u64) -> u64| -> Vec<_> {
        (0..9)
            .map(|it| (TEXT, ITEMS, "postgresql", begin(it), end(it)))
            .collect()
    };
    check(&concurrent(|_| 5, |_| 10), None);
    check(&concurrent(|it| it, |it| it + 2), None);
    // All before the last one, which was the first to begin.
    check(&concurrent(|_| 0, |it| 10 - it), None);
    // They ended before they began.
    let backwards = concurrent(|it| 10 * it + 8, |it| 10 * it);
    let nine =
        format!("\"GET /orders\" ran the same query 9 times, one after the other (N+1): {ITEMS}");
    check(&backwards, Some(&nine));
    // One after the other beside one that takes longer than all of them.
    let mut rows = vec![(TEXT, ITEMS, "postgresql", 0, 9_000)];
    rows.extend(in_a_row(TEXT, ITEMS, "postgresql", 9));
    check(&rows, Some(&nine));
}

#[test]
fn only_clients_of_this_process_ask() {
    let rows = in_a_row(TEXT, ITEMS, "postgresql", 5);
    assert!(
        trace(&SpanKind::Client, false, &rows)
            .check_no_n_plus_one()
            .is_err()
    );
    for (kind, is_remote) in [(SpanKind::Internal, false), (SpanKind::Client, true)] {
        let trace = trace(&kind, is_remote, &rows);
        assert_eq!(trace.check_no_n_plus_one(), Ok(()));
    }
}

#[test]
fn the_assertion_panics_with_the_same_message() {
    let trace = trace(
        &SpanKind::Client,
        false,
        &in_a_row(TEXT, ITEMS, "postgresql", 5),
    );
    let panic = catch_unwind(AssertUnwindSafe(|| trace.assert_no_n_plus_one())).unwrap_err();
    let message = panic.downcast_ref::<String>().cloned();
    assert_eq!(message, trace.check_no_n_plus_one().err());
}
