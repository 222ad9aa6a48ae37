//! Several formats in one list, and what holds for each of them.

use ::http::HeaderMap;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use throughline_core::http_semconv::{Destinations, Hosts};
use throughline_core::propagation::Propagator::{
    B3, B3Multi, Baggage, Jaeger, OtTrace, TraceContext, XRay,
};
use throughline_core::propagation::SamplingState::{Accept, Defer, Deny};
use throughline_core::propagation::{Propagation, Propagator, Propagators, SamplingState};

use super::{SHORT, check_read, context, extract, pairs, read, sorted};
use crate::support::{SPAN, TRACE, headers, traceparent};

#[test]
fn headers_of_another_trace_are_replaced() {
    let old = [
        ("b3", "00000000000000000000000000000001-0000000000000001-d"),
        ("x-b3-traceid", "stale"),
        ("x-b3-spanid", "stale"),
        ("x-b3-parentspanid", "stale"),
        ("x-b3-sampled", "stale"),
        ("x-b3-flags", "1"),
        ("uber-trace-id", "stale"),
        ("x-amzn-trace-id", "stale"),
        ("ot-tracer-traceid", "stale"),
        ("ot-tracer-spanid", "stale"),
        ("ot-tracer-sampled", "stale"),
    ];
    // What is read after it is what was written, with every list that is one format.
    for propagator in [B3, B3Multi, Jaeger, XRay] {
        let deferred = extract(&[B3], &[("b3", &format!("{TRACE}-{SPAN}"))]);
        for context in [context(true), context(false), deferred] {
            let mut outgoing = headers(&old);
            let ours = Propagators::new([propagator]);
            ours.inject(&context, &mut outgoing);
            let is_multi = propagator == B3Multi;
            assert_eq!(outgoing.contains_key("b3"), !is_multi);
            assert_eq!(outgoing.contains_key("x-b3-parentspanid"), !is_multi);
            let sent = ours.extract(&outgoing);
            let (id, state) = read(&sent).unwrap();
            assert_eq!(id, format!("{TRACE} {SPAN}"), "{propagator}");
            let expected = match SamplingState::of(&context) {
                Some(Defer) if propagator != Jaeger => Defer,
                _ => [Deny, Accept][usize::from(context.span().span_context().is_sampled())],
            };
            assert_eq!(state, expected, "{propagator}");
        }
    }
}

#[test]
fn of_several_formats_the_last_that_finds_something_counts() {
    let b3 = format!("{SHORT}-00f067aa0ba902b7-0");
    let both = [("traceparent", traceparent("01")), ("b3", b3)];
    let both = both.each_ref().map(|(name, value)| (*name, value.as_str()));
    let w3c = Some((format!("{TRACE} {SPAN}"), Accept));
    let zipkin = Some((format!("{SHORT} 00f067aa0ba902b7"), Deny));
    assert_eq!(read(&extract(&[TraceContext, B3], &both)), zipkin);
    assert_eq!(read(&extract(&[B3, TraceContext], &both)), w3c);
    // One that finds nothing, or nonsense, leaves what there is.
    let check = |b3: &str, expected: &Option<(String, SamplingState)>| {
        for list in [[TraceContext, B3], [B3, TraceContext]] {
            assert_eq!(
                &read(&extract(&list, &[both[0], ("b3", b3)])),
                expected,
                "{b3}"
            );
        }
    };
    check("nonsense", &w3c);
    check(&format!("{}-{SPAN}-1", "0".repeat(32)), &w3c);
    // A decision alone says nothing of a span that came by another format.
    check("0", &w3c);
    check("d", &w3c);
    assert_eq!(read(&extract(&[TraceContext, B3], &both[..1])), w3c);
    assert_eq!(read(&extract(&[TraceContext, B3], &both[1..])), zipkin);
    // What the last says of sampling replaces what an earlier one did.
    let deferred = format!("{TRACE}-{SPAN}");
    check_read(B3, &[("b3", &deferred)], Some((TRACE, Defer)));
    let fields = [both[0], ("b3", &deferred)];
    let list = [B3, TraceContext];
    assert_eq!(read(&extract(&list, &fields)), w3c);
    let list = [TraceContext, B3];
    let expected = Some((format!("{TRACE} {SPAN}"), Defer));
    assert_eq!(read(&extract(&list, &fields)), expected);

    // Baggage alike.
    let fields = [("baggage", "a=1,b=2"), ("uberctx-a", "3")];
    assert_eq!(sorted(&extract(&[Baggage, Jaeger], &fields)), ["a=3"]);
    assert_eq!(
        sorted(&extract(&[Jaeger, Baggage], &fields)),
        ["a=1", "b=2"]
    );
    assert_eq!(
        sorted(&extract(&[Baggage, Jaeger], &fields[..1])),
        ["a=1", "b=2"]
    );
}

#[test]
fn a_later_format_of_the_same_trace_keeps_its_state() {
    let check = |b3: &str, state: &str, flags: u8| {
        let parent = traceparent("03");
        let fields = [
            ("traceparent", parent.as_str()),
            ("tracestate", "foo=1"),
            ("b3", b3),
        ];
        let context = extract(&[TraceContext, B3], &fields);
        let span = context.span().span_context().clone();
        assert_eq!(span.trace_state().header(), state);
        assert_eq!(span.trace_flags().to_u8(), flags);
    };
    check(&format!("{TRACE}-00f067aa0ba902b7-0"), "foo=1", 2);
    check(&format!("{TRACE}-{SPAN}-1"), "foo=1", 3);
    check(&format!("{TRACE}-{SPAN}"), "foo=1", 2);
    check(&format!("{SHORT}-{SPAN}-1"), "", 1);
}

#[test]
fn every_format_writes_and_names_its_own() {
    let all = Propagators::new(Propagator::ALL);
    let with = context(true).with_baggage([opentelemetry::KeyValue::new("k", "v")]);
    let mut outgoing = HeaderMap::new();
    all.inject(&with, &mut outgoing);
    let written = pairs(&outgoing);
    let written: Vec<_> = written.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected: Vec<_> = all.fields().collect();
    expected.extend(["ot-baggage-k", "uberctx-k"]);
    expected.sort_unstable();
    // Written only where they say something.
    expected.retain(|name| !["tracestate", "x-b3-flags"].contains(name));
    assert_eq!(written, expected);
    for propagator in Propagator::ALL {
        let read = Propagators::new([propagator]).extract(&outgoing);
        let found = read.span().span_context().is_valid() || !read.baggage().is_empty();
        assert!(found, "{propagator}");
    }
}

#[test]
fn names_are_those_of_the_variable() {
    for (propagator, name) in Propagator::ALL.into_iter().zip([
        "tracecontext",
        "baggage",
        "b3",
        "b3multi",
        "jaeger",
        "xray",
        "ottrace",
    ]) {
        assert_eq!(propagator.to_string(), name);
        assert_eq!(name.parse(), Ok(propagator));
        assert_eq!(name.to_uppercase().parse(), Ok(propagator));
    }
    for unknown in ["", "none", "b3 ", "w3c", "b3single"] {
        let error = unknown.parse::<Propagator>().unwrap_err().to_string();
        assert!(error.contains("b3, b3multi"), "{error}");
    }
}

#[test]
fn what_may_not_go_to_a_host_is_removed_in_every_format() {
    let all = Propagators::new(Propagator::ALL);
    let with = context(true).with_baggage([opentelemetry::KeyValue::new("k", "v")]);
    let mut written = HeaderMap::new();
    all.inject(&with, &mut written);
    written.insert("accept", "*/*".parse().unwrap());
    written.insert("x-b3-flags", "1".parse().unwrap());
    written.insert("x-b3-parentspanid", SPAN.parse().unwrap());
    let names = |headers: &HeaderMap| {
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    let mut destinations = Destinations::default();
    destinations.propagate_except = Hosts::new(["closed"]);

    // Of what is used, all of it goes, whoever wrote it; B3 in both forms, since both are read. W3C goes in any case.
    let check = |list: &[Propagator], removed: &[&str]| {
        let propagation = Propagation::Ours(Propagators::new(list.iter().copied()));
        let mut headers = written.clone();
        destinations.inject(&propagation, &with, ("closed", None), true, &mut headers);
        let removed: Vec<_> = removed.iter().chain(&["trace", "baggage"]).collect();
        let is_removed = |name: &String| removed.iter().any(|&&start| name.starts_with(start));
        let mut expected = names(&written);
        expected.retain(|name| !is_removed(name));
        assert_eq!(names(&headers), expected, "{list:?}");
        // From one host to another by a redirect, without baggage in any format.
        let mut headers = written.clone();
        destinations.inject(&propagation, &with, ("open", None), true, &mut headers);
        let left = names(&headers);
        let baggage = ["baggage", "uberctx-k", "ot-baggage-k"];
        assert!(
            left.iter().all(|name| !baggage.contains(&name.as_str())),
            "{left:?}"
        );
        assert!(left.contains(&"accept".to_owned()));
    };
    check(&[], &[]);
    check(&[TraceContext], &[]);
    check(&[Baggage], &[]);
    check(&[B3], &["b3", "x-b3-"]);
    check(&[B3Multi], &["b3", "x-b3-"]);
    check(&[Jaeger], &["uber"]);
    check(&[XRay], &["x-amzn"]);
    check(&[OtTrace], &["ot-"]);
    check(&Propagator::ALL, &["b3", "x-b3-", "uber", "x-amzn", "ot-"]);
}
