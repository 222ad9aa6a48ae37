//! The ids of events that name their parent, and what a resolver is asked.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::SpanContext;
use throughline_log::LogLayer;
use tracing::{Dispatch, Span, debug_span, info, info_span, trace_span};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{Registry, reload};

use crate::support::{Log, ids_of_line, ids_of_tracing, in_trace, logged, otel, resolve};

fn layer(log: &Log) -> LogLayer<impl Fn() -> Log + Send + Sync + use<>> {
    LogLayer::json().resolver(resolve).writer(log.writer())
}

/// Subscribers in which every span from `INFO` up is traced, in all the ways to put the two layers together.
fn arrangements(log: &Log) -> Vec<(&'static str, Dispatch)> {
    let registry = tracing_subscriber::registry;
    let (info, trace) = (LevelFilter::INFO, LevelFilter::TRACE);
    let boxed: Box<dyn Layer<Registry> + Send + Sync> = Box::new(layer(log));
    vec![
        ("log last", registry().with(otel()).with(layer(log)).into()),
        ("log first", registry().with(layer(log)).with(otel()).into()),
        (
            "as one",
            registry().with(otel().and_then(layer(log))).into(),
        ),
        (
            "as one, reversed",
            registry().with(layer(log).and_then(otel())).into(),
        ),
        (
            "log last, otel filtered",
            registry()
                .with(otel().with_filter(info))
                .with(layer(log))
                .into(),
        ),
        (
            "log first, otel filtered",
            registry()
                .with(layer(log))
                .with(otel().with_filter(info))
                .into(),
        ),
        (
            "log last, log filtered",
            registry()
                .with(otel())
                .with(layer(log).with_filter(trace))
                .into(),
        ),
        (
            "log first, log filtered",
            registry()
                .with(layer(log).with_filter(trace))
                .with(otel())
                .into(),
        ),
        (
            "log last, both filtered",
            registry()
                .with(otel().with_filter(info))
                .with(layer(log).with_filter(trace))
                .into(),
        ),
        (
            "log first, both filtered",
            registry()
                .with(layer(log).with_filter(trace))
                .with(otel().with_filter(info))
                .into(),
        ),
        (
            "as one, filtered",
            registry()
                .with(otel().and_then(layer(log)).with_filter(trace))
                .into(),
        ),
        (
            "global filter",
            registry()
                .with(layer(log))
                .with(otel())
                .with(EnvFilter::new("info"))
                .into(),
        ),
        ("log boxed", registry().with(boxed).with(otel()).into()),
        (
            "otel boxed",
            registry().with(otel().boxed()).with(layer(log)).into(),
        ),
        (
            "otel optional",
            registry().with(Some(otel())).with(layer(log)).into(),
        ),
        (
            "otel in a list",
            registry().with(vec![otel()]).with(layer(log)).into(),
        ),
    ]
}

/// Checks an event in each arrangement: it must have the ids of the span that `event` returns.
#[track_caller]
fn check(event: impl Fn() -> Option<Span>) {
    let log = Log::default();
    for (name, dispatch) in arrangements(&log) {
        tracing::dispatcher::with_default(&dispatch, || {
            let _other = info_span!("other").entered();
            let expected = event();
            let line = log.json();
            let expected = expected.and_then(|span| ids_of_tracing(&span));
            assert_eq!(ids_of_line(&line), expected, "{name}: {line}");
        });
    }
}

#[test]
fn an_event_with_an_explicit_parent_has_the_ids_of_that_span() {
    check(|| {
        let parent = info_span!(parent: None, "parent");
        parent.in_scope(|| ());
        info!(parent: &parent, "m");
        Some(parent)
    });
}

#[test]
fn a_parent_that_nobody_entered_so_far_has_ids_too() {
    check(|| {
        let parent = info_span!(parent: None, "parent");
        info!(parent: &parent, "m");
        Some(parent)
    });
}

#[test]
fn an_event_with_the_current_span_as_its_parent_has_the_ids_of_the_current_span() {
    check(|| {
        info!(parent: Span::current(), "m");
        Some(Span::current())
    });
}

#[test]
fn an_event_that_is_a_root_has_no_ids() {
    check(|| {
        info!(parent: None, "m");
        None
    });
    check(|| {
        info!(parent: &Span::none(), "m");
        None
    });
}

#[test]
fn a_parent_that_is_not_traced_gives_the_ids_of_its_nearest_traced_ancestor() {
    let log = Log::default();
    let registry = tracing_subscriber::registry;
    let seeing = layer(&log).with_filter(LevelFilter::TRACE);
    // This one does not even see the spans that it walks over.
    let blind = layer(&log).with_filter(LevelFilter::INFO);
    for dispatch in [
        Dispatch::new(
            registry()
                .with(otel().with_filter(LevelFilter::INFO))
                .with(seeing),
        ),
        Dispatch::new(
            registry()
                .with(blind)
                .with(otel().with_filter(LevelFilter::INFO))
                .with(LevelFilter::TRACE),
        ),
    ] {
        tracing::dispatcher::with_default(&dispatch, || {
            let _other = info_span!("other").entered();
            let ancestor = info_span!(parent: None, "ancestor");
            let between = debug_span!(parent: &ancestor, "between");
            let parent = trace_span!(parent: &between, "parent");
            info!(parent: &parent, "m");
            assert_eq!(ids_of_line(&log.json()), ids_of_tracing(&ancestor));

            let root = debug_span!(parent: None, "root");
            info!(parent: &root, "m");
            assert_eq!(ids_of_line(&log.json()), None);
        });
    }
}

#[test]
fn a_parent_that_is_traced_but_not_logged_gives_its_ids() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(layer(&log).with_filter(LevelFilter::INFO))
        .with(otel());
    tracing::subscriber::with_default(subscriber, || {
        let parent = debug_span!("parent");
        info!(parent: &parent, "m");
        let line = log.json();
        assert_eq!(ids_of_line(&line), ids_of_tracing(&parent));
        assert_eq!(line["spans"], serde_json::Value::Null);
    });
}

#[test]
fn without_a_resolver_an_event_with_an_explicit_parent_has_no_ids() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(otel())
        .with(LogLayer::json().writer(log.writer()));
    tracing::subscriber::with_default(subscriber, || {
        let _other = info_span!("other").entered();
        let parent = info_span!("parent");
        info!(parent: &parent, "m");
    });
    assert_eq!(ids_of_line(&log.json()), None);
}

#[test]
fn the_resolver_is_asked_from_the_parent_outwards_and_only_for_explicit_parents() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&asked);
    let layer = LogLayer::json().resolver(move |id, _| {
        record.lock().unwrap().push(id.clone());
        Some(SpanContext::NONE)
    });
    let log = logged(layer, || {
        let _trace = in_trace();
        let outer = info_span!("outer");
        let inner = info_span!(parent: &outer, "inner");
        inner.in_scope(|| info!("contextual"));
        info!(parent: None, "root");
        assert_eq!(*asked.lock().unwrap(), []);
        info!(parent: &inner, "explicit");
        let expected = [inner.id(), outer.id()].map(Option::unwrap);
        assert_eq!(*asked.lock().unwrap(), expected);
    });
    let ids: Vec<_> = log
        .lines()
        .iter()
        .map(|line| line.contains("trace_id"))
        .collect();
    assert_eq!(ids, [true, false, false]);
}

#[test]
fn a_resolver_that_panics_costs_the_ids_only() {
    let layer = LogLayer::json().resolver(|_, _| panic!("a resolver that panics"));
    let log = logged(layer, || {
        let span = info_span!("s");
        info!(parent: &span, "m");
    });
    let line = log.json();
    assert_eq!(line["message"], "m");
    assert_eq!(ids_of_line(&line), None);
}

/// Documents what tracing-subscriber 0.3.23 does not pass on; should one of these fail after an update, the limitation
/// that `LogLayer::resolver` documents is gone.
#[test]
fn arrangements_that_hide_the_layers_from_each_other_give_no_ids() {
    #[track_caller]
    fn check(name: &str, subscriber: impl Into<Dispatch>, log: &Log) {
        tracing::dispatcher::with_default(&subscriber.into(), || {
            let parent = info_span!("parent");
            info!(parent: &parent, "m");
            assert_eq!(ids_of_line(&log.json()), None, "{name}");
        });
    }
    let log = Log::default();
    let registry = tracing_subscriber::registry;
    check(
        "optional",
        registry().with(Some(layer(&log))).with(otel()),
        &log,
    );
    check(
        "in a list",
        registry().with(vec![layer(&log)]).with(otel()),
        &log,
    );
    let shared = Arc::new(registry().with(layer(&log)).with(otel()));
    check("shared", Dispatch::new(shared), &log);
    let (reloadable, _handle) = reload::Layer::new(otel());
    check(
        "otel reloadable",
        registry().with(reloadable).with(layer(&log)),
        &log,
    );
}
