//! The ids of events that belong to whatever is current.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, TraceContextExt, TraceFlags, TraceState, Tracer, TracerProvider,
};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use throughline_log::{Format, LogLayer};
use tracing::{Dispatch, debug_span, info, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::support::{
    Log, SPAN_ID, TRACE_ID, ids_of, ids_of_line, ids_of_tracing, in_trace, logged, otel, tracer,
};

#[test]
fn outside_of_a_trace_there_are_no_ids() {
    for format in [Format::Json, Format::Text] {
        let line = logged(LogLayer::new(format), || info!("m")).line();
        for key in ["trace_id", "span_id", "trace_flags"] {
            assert!(!line.contains(key), "{line}");
        }
    }
}

#[test]
fn within_a_remote_span_its_ids_are_there() {
    let log = logged(LogLayer::json(), || {
        let _trace = in_trace();
        info!("m");
    });
    assert_eq!(
        ids_of_line(&log.json()),
        Some(format!("{TRACE_ID}-{SPAN_ID}-01"))
    );
}

#[test]
fn the_flags_are_those_of_the_span() {
    for (flags, expected) in [(0, "00"), (1, "01"), (2, "02"), (3, "03"), (0xff, "ff")] {
        let log = logged(LogLayer::json(), || {
            let (trace_id, span_id) = (1_u128.into(), 1_u64.into());
            let flags = TraceFlags::new(flags);
            let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
            let _trace = Context::new().with_remote_span_context(span).attach();
            info!("m");
        });
        assert_eq!(log.json()["trace_flags"], expected);
    }
}

#[test]
fn within_a_native_span_its_ids_are_there_until_it_is_detached() {
    let log = Log::default();
    let layer = LogLayer::json().writer(log.writer());
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let context = Context::current_with_span(tracer().start("native"));
        let guard = context.clone().attach();
        info!("inside");
        assert_eq!(
            ids_of_line(&log.json()),
            ids_of(context.span().span_context())
        );
        drop(guard);
        info!("outside");
        assert_eq!(ids_of_line(&log.json()), None);
    });
}

#[test]
fn within_an_unsampled_span_the_ids_are_there_too() {
    let log = logged(LogLayer::json(), || {
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .build();
        let span = provider.tracer("test").start("unsampled");
        let _trace = Context::current_with_span(span).attach();
        info!("m");
    });
    assert_eq!(log.json()["trace_flags"], "00");
}

#[test]
fn within_bridged_spans_the_ids_are_those_of_the_innermost_whatever_the_order_of_the_layers() {
    #[track_caller]
    fn check(name: &str, subscriber: impl Into<Dispatch>, log: &Log) {
        tracing::dispatcher::with_default(&subscriber.into(), || {
            info!("outside");
            assert_eq!(ids_of_line(&log.json()), None, "{name}");
            let outer = info_span!("outer");
            outer.in_scope(|| {
                info!("m");
                assert_eq!(ids_of_line(&log.json()), ids_of_tracing(&outer), "{name}");
                let inner = info_span!("inner");
                inner.in_scope(|| info!("m"));
                assert_eq!(ids_of_line(&log.json()), ids_of_tracing(&inner), "{name}");
                info!("m");
                assert_eq!(ids_of_line(&log.json()), ids_of_tracing(&outer), "{name}");
            });
        });
    }
    let log = Log::default();
    let layer = || LogLayer::json().writer(log.writer());
    let registry = tracing_subscriber::registry;
    check("log last", registry().with(otel()).with(layer()), &log);
    check("log first", registry().with(layer()).with(otel()), &log);
    check("together", registry().with(otel().and_then(layer())), &log);
    let filtered = layer().with_filter(LevelFilter::INFO);
    check("filtered", registry().with(filtered).with(otel()), &log);
}

#[test]
fn a_span_that_is_not_traced_leaves_the_ids_of_the_one_around_it() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(otel().with_filter(LevelFilter::INFO))
        .with(LogLayer::json().writer(log.writer()));
    tracing::subscriber::with_default(subscriber, || {
        let outer = info_span!("outer").entered();
        let _inner = debug_span!("inner").entered();
        info!("m");
        assert_eq!(ids_of_line(&log.json()), ids_of_tracing(&outer));
    });
}

#[test]
fn native_and_bridged_spans_nest_in_both_ways() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry()
        .with(LogLayer::json().writer(log.writer()))
        .with(otel());
    tracing::subscriber::with_default(subscriber, || {
        let native = Context::current_with_span(tracer().start("native"));
        let _native = native.clone().attach();
        let bridged = info_span!("bridged").entered();
        info!("m");
        let line = log.json();
        assert_eq!(ids_of_line(&line), ids_of_tracing(&bridged));
        let trace_id = native.span().span_context().trace_id().to_string();
        assert_eq!(line["trace_id"], trace_id);

        let inner = Context::current_with_span(tracer().start("inner"));
        let _inner = inner.clone().attach();
        info!("m");
        assert_eq!(
            ids_of_line(&log.json()),
            ids_of(inner.span().span_context())
        );
    });
}
