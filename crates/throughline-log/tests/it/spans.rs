//! The fields of spans: kept, replaced, and told apart.

use serde_json::{Value, json};
use throughline_log::LogLayer;
use tracing::field::Empty;
use tracing::{Span, debug_span, info, info_span, instrument};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::support::{Log, logged, parse};

#[track_caller]
fn check(events: impl FnOnce(), expected: &Value) {
    let line = logged(LogLayer::json(), events).json();
    assert_eq!(line["spans"], *expected);
}

#[test]
fn spans_are_named_innermost_first() {
    check(|| info!("m"), &Value::Null);
    check(
        || {
            let _a = info_span!("a").entered();
            let _b = info_span!("b").entered();
            let _c = info_span!("c").entered();
            info!("m");
        },
        &json!([{"name": "c"}, {"name": "b"}, {"name": "a"}]),
    );
}

#[test]
fn spans_that_share_names_do_not_clash() {
    check(
        || {
            let _outer = info_span!("s", v = 1).entered();
            let _inner = info_span!("s", v = 2).entered();
            info!(v = 3, "m");
        },
        &json!([{"name": "s", "fields": {"v": 2}}, {"name": "s", "fields": {"v": 1}}]),
    );
}

#[test]
fn recorded_values_are_added_and_the_last_one_stands() {
    #[track_caller]
    fn check_record(record: impl FnOnce(&Span) -> &Span, expected: &Value) {
        check(
            || {
                let span = info_span!("s", a = 1, b = "x", c = Empty, d = Empty);
                record(&span);
                span.in_scope(|| info!("m"));
            },
            &json!([{"name": "s", "fields": expected}]),
        );
    }
    check_record(|span| span, &json!({"a": 1, "b": "x"}));
    check_record(
        |span| span.record("c", 2),
        &json!({"a": 1, "b": "x", "c": 2}),
    );
    check_record(
        |span| span.record("c", 2).record("d", "y"),
        &json!({"a": 1, "b": "x", "c": 2, "d": "y"}),
    );
    check_record(
        |span| span.record("a", "a longer value").record("c", 2),
        &json!({"a": "a longer value", "b": "x", "c": 2}),
    );
    check_record(
        |span| span.record("b", ",\"a\":0").record("a", 3).record("a", 4),
        &json!({"a": 4, "b": ",\"a\":0"}),
    );
    check_record(
        |span| span.record("undeclared", 2),
        &json!({"a": 1, "b": "x"}),
    );
}

#[test]
fn a_span_without_values_has_no_fields_until_one_is_recorded() {
    let log = logged(LogLayer::json(), || {
        let span = info_span!("s", a = Empty).entered();
        info!("before");
        span.record("a", 1);
        info!("after");
    });
    let spans: Vec<_> = log
        .lines()
        .iter()
        .map(|line| parse(line)["spans"].clone())
        .collect();
    assert_eq!(
        spans,
        [
            json!([{"name": "s"}]),
            json!([{"name": "s", "fields": {"a": 1}}])
        ],
    );
}

#[test]
fn values_recorded_in_text_replace_earlier_ones_too() {
    let log = logged(LogLayer::text(), || {
        let span = info_span!("s", a = 1, b = %"x a=2", c = 3).entered();
        span.record("a", 4);
        info!("m");
    });
    let line = log.line();
    assert!(line.ends_with(": m in s{b=x a=2 c=3 a=4}"), "{line}");
}

#[test]
fn instrumented_functions_show_their_arguments() {
    #[instrument(skip(_secret), fields(total))]
    fn place_order(order: u64, customer: &str, _secret: &str) {
        Span::current().record("total", 9.5);
        info!("m");
    }
    check(
        || place_order(7, "Jane", "secret"),
        &json!([{"name": "place_order", "fields": {"order": 7, "customer": "Jane", "total": 9.5}}]),
    );
}

#[test]
fn layers_of_both_formats_share_a_subscriber() {
    let (json, filtered_json) = (Log::default(), Log::default());
    let (text, filtered_text) = (Log::default(), Log::default());
    let subscriber = tracing_subscriber::registry()
        .with(LogLayer::json().writer(json.writer()))
        .with(LogLayer::text().writer(text.writer()))
        .with(
            LogLayer::json()
                .writer(filtered_json.writer())
                .with_filter(LevelFilter::INFO),
        )
        .with(
            LogLayer::text()
                .writer(filtered_text.writer())
                .with_filter(LevelFilter::INFO),
        );
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("s", a = 1, b = 2).entered();
        span.record("a", 3);
        info!("m");
    });
    for log in [json, filtered_json] {
        let expected = json!([{"name": "s", "fields": {"b": 2, "a": 3}}]);
        assert_eq!(log.json()["spans"], expected);
    }
    for log in [text, filtered_text] {
        let line = log.line();
        assert!(line.ends_with(": m in s{b=2 a=3}"), "{line}");
    }
}

#[test]
fn spans_that_the_filter_of_the_layer_disables_are_not_named() {
    let log = Log::default();
    let layer = LogLayer::json().writer(log.writer());
    let everything = LogLayer::text().writer(std::io::sink);
    let subscriber = tracing_subscriber::registry()
        .with(everything)
        .with(layer.with_filter(LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        let _a = info_span!("a", v = 1).entered();
        let _b = debug_span!("b", v = 2).entered();
        info!("m");
    });
    assert_eq!(
        log.json()["spans"],
        json!([{"name": "a", "fields": {"v": 1}}])
    );
}

#[test]
fn an_explicit_parent_that_the_filter_of_the_layer_disables_hides_its_parents() {
    let log = Log::default();
    let layer = LogLayer::json().writer(log.writer());
    let everything = LogLayer::text().writer(std::io::sink);
    let subscriber = tracing_subscriber::registry()
        .with(everything)
        .with(layer.with_filter(LevelFilter::INFO));
    tracing::subscriber::with_default(subscriber, || {
        let a = info_span!("a");
        let b = debug_span!(parent: &a, "b");
        info!(parent: &b, "m");
    });
    assert_eq!(log.json()["spans"], Value::Null);
}

#[test]
fn a_span_that_reuses_the_place_of_a_closed_one_starts_empty() {
    let log = logged(LogLayer::json(), || {
        info_span!("s", a = 1).in_scope(|| info!("m"));
        info_span!("s", a = Empty).in_scope(|| info!("m"));
    });
    let lines = log.lines();
    assert_eq!(
        parse(&lines[0])["spans"],
        json!([{"name": "s", "fields": {"a": 1}}])
    );
    assert_eq!(parse(&lines[1])["spans"], json!([{"name": "s"}]));
}
