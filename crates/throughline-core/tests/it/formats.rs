//! The formats beside W3C's: what is read, what is written, and what a service sends on after what it got.

use std::collections::HashMap;

use ::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use serde_json::Value as Json;
use throughline_core::http_semconv::{Destinations, Hosts};
use throughline_core::propagation::Propagator::{
    B3, B3Multi, Baggage, Jaeger, OtTrace, TraceContext, XRay,
};
use throughline_core::propagation::SamplingState::{Accept, Debug, Defer, Deny};
use throughline_core::propagation::{Propagation, Propagator, Propagators, SamplingState};

use crate::support::{SPAN, TRACE, cases, headers, traceparent};

/// The trace that an id of 64 bits names.
const SHORT: &str = "00000000000000008448eb211c80319c";

type Fields<'a> = &'a [(&'a str, &'a str)];

/// What is in a context: the remote span, as one word, and what was decided.
fn read(context: &Context) -> Option<(String, SamplingState)> {
    let span = context.span();
    let span = span.span_context();
    let state = SamplingState::of(context);
    if !span.is_valid() {
        return state.map(|state| (String::new(), state));
    }
    assert!(span.is_remote());
    let sampled = [Deny, Accept][usize::from(span.is_sampled())];
    let state = state.unwrap_or(sampled);
    assert_eq!(span.is_sampled(), matches!(state, Accept | Debug));
    Some((format!("{} {}", span.trace_id(), span.span_id()), state))
}

/// What is read of HTTP headers and, where each is there once, of a text map.
#[track_caller]
fn extract(list: &[Propagator], fields: Fields<'_>) -> Context {
    let propagators = Propagators::new(list.iter().copied());
    let context = propagators.extract(&headers(fields));
    let map: HashMap<_, _> = (fields.iter())
        .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
        .collect();
    if map.len() == fields.len() {
        let from_map = propagators.extract_with_context(&Context::new(), &map);
        assert_eq!(read(&from_map), read(&context), "{list:?} {fields:?}");
        assert_eq!(sorted(&from_map), sorted(&context), "{list:?} {fields:?}");
    }
    context
}

fn sorted(context: &Context) -> Vec<String> {
    let members = context.baggage().iter();
    let mut members: Vec<_> = members
        .map(|(key, (value, _))| format!("{key}={value}"))
        .collect();
    members.sort();
    members
}

#[track_caller]
fn check_read(propagator: Propagator, fields: Fields<'_>, expected: Option<(&str, SamplingState)>) {
    let expected = expected.map(|(trace, state)| match trace {
        "" => (String::new(), state),
        trace => (format!("{trace} {SPAN}"), state),
    });
    let context = extract(&[propagator], fields);
    assert_eq!(read(&context), expected, "{propagator} {fields:?}");
}

/// What is written into HTTP headers, and the same into a text map.
#[track_caller]
fn inject(list: &[Propagator], context: &Context) -> Vec<(String, String)> {
    let propagators = Propagators::new(list.iter().copied());
    let (mut headers, mut map) = (HeaderMap::new(), HashMap::new());
    propagators.inject(context, &mut headers);
    propagators.inject_context(context, &mut map);
    let written = pairs(&headers);
    let mut mapped: Vec<_> = map.into_iter().collect();
    mapped.sort();
    assert_eq!(written, mapped);
    written
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = (headers.iter())
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    pairs.sort();
    pairs
}

#[track_caller]
fn check_written(list: &[Propagator], context: &Context, expected: Fields<'_>) {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut expected: Vec<_> = expected.iter().map(owned).collect();
    expected.sort();
    assert_eq!(inject(list, context), expected, "{list:?}");
}

fn context(sampled: bool) -> Context {
    let flags = TraceFlags::default().with_sampled(sampled);
    let (trace, span) = (
        u128::from_str_radix(TRACE, 16),
        u64::from_str_radix(SPAN, 16),
    );
    let span = SpanContext::new(
        trace.unwrap().into(),
        span.unwrap().into(),
        flags,
        false,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span)
}

#[test]
fn b3_in_one_header() {
    let check = |value: &str, expected: Option<(&str, SamplingState)>| {
        check_read(B3, &[("b3", value)], expected);
        check_read(B3Multi, &[("b3", value)], expected);
    };
    let both = format!("{TRACE}-{SPAN}");
    check(&both, Some((TRACE, Defer)));
    check(&format!("{both}-0"), Some((TRACE, Deny)));
    check(&format!("{both}-1"), Some((TRACE, Accept)));
    check(&format!("{both}-d"), Some((TRACE, Debug)));
    check(&format!("{both}-1-00f067aa0ba902b7"), Some((TRACE, Accept)));
    check(&format!(" \t{both}-1 "), Some((TRACE, Accept)));
    let short = &TRACE[16..];
    check(&format!("{short}-{SPAN}-1"), Some((SHORT, Accept)));
    // A decision alone.
    check("0", Some(("", Deny)));
    check("1", Some(("", Accept)));
    check("d", Some(("", Debug)));
    for malformed in [
        "",
        "-",
        "2",
        "true",
        "D",
        "00",
        TRACE,
        &format!("{both}-"),
        &format!("{both}-true"),
        &format!("{both}-D"),
        &format!("{both}-01"),
        // The third place is the decision's.
        &format!("{both}-00f067aa0ba902b7"),
        &format!("{both}-1-"),
        &format!("{both}-1-00f067aa0ba902b"),
        &format!("{both}-1-00f067aa0ba902bX"),
        &format!("{both}-1-00f067aa0ba902b7-"),
        &format!("{both}-1-00f067aa0ba902b7{}", "0".repeat(1 << 14)),
        &format!("{}-{SPAN}-1", TRACE.to_uppercase()),
        &format!("{TRACE}-{}-1", SPAN.to_uppercase()),
        &format!("{}-{SPAN}-1", &TRACE[1..]),
        &format!("0{TRACE}-{SPAN}-1"),
        &format!("{TRACE}-0{SPAN}-1"),
        &format!("{TRACE}-{}-1", &SPAN[1..]),
        &format!("{}-{SPAN}-1", "0".repeat(32)),
        &format!("{TRACE}-{}-1", "0".repeat(16)),
        &format!("{short}-{SPAN}-1-00f067aa0ba902b7-"),
        &format!("-{SPAN}-1"),
        &format!("{TRACE}--1"),
    ] {
        check(malformed, None);
    }
    let value = format!("{both}-1");
    check_read(B3, &[("b3", &value), ("b3", &value)], None);
}

#[test]
fn b3_in_several_headers() {
    let check = |fields: Fields<'_>, expected: Option<(&str, SamplingState)>| {
        check_read(B3, fields, expected);
        check_read(B3Multi, fields, expected);
    };
    let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    let [trace, span] = ids;
    check(&ids, Some((TRACE, Defer)));
    let with = |name, value, expected: Option<(&str, SamplingState)>| {
        check(&[trace, span, (name, value)], expected);
    };
    with("X-B3-Sampled", "0", Some((TRACE, Deny)));
    with("X-B3-Sampled", "1", Some((TRACE, Accept)));
    with("X-B3-Sampled", "false", Some((TRACE, Deny)));
    with("X-B3-Sampled", "true", Some((TRACE, Accept)));
    with("X-B3-Flags", "1", Some((TRACE, Debug)));
    for ignored in ["0", "2", "true", "", "x"] {
        with("X-B3-Flags", ignored, Some((TRACE, Defer)));
    }
    // There is no use for it, and proxies are known that put nonsense there.
    with(
        "X-B3-ParentSpanId",
        "00f067aa0ba902b7",
        Some((TRACE, Defer)),
    );
    with("X-B3-ParentSpanId", "-", Some((TRACE, Defer)));
    for malformed in ["", "2", "d", "True", "01"] {
        with("X-B3-Sampled", malformed, None);
        check(
            &[
                trace,
                span,
                ("X-B3-Flags", "1"),
                ("X-B3-Sampled", malformed),
            ],
            None,
        );
    }
    let debug = ("X-B3-Flags", "1");
    check(
        &[trace, span, debug, ("X-B3-Sampled", "0")],
        Some((TRACE, Debug)),
    );
    // The first of several wins.
    let others = [
        ("X-B3-TraceId", "1"),
        ("X-B3-SpanId", "1"),
        ("X-B3-Sampled", "1"),
        ("X-B3-Sampled", "0"),
    ];
    check(&[&ids[..], &others].concat(), Some((TRACE, Accept)));
    check(
        &[("X-B3-TraceId", &TRACE[16..]), span],
        Some((SHORT, Defer)),
    );
    // A decision alone.
    check(&[("X-B3-Sampled", "0")], Some(("", Deny)));
    check(&[("X-B3-Sampled", "1")], Some(("", Accept)));
    check(&[("X-B3-Flags", "1")], Some(("", Debug)));
    check(&[("X-B3-Flags", "0")], None);
    check(&[trace], None);
    check(&[span], None);
    check(&[trace, ("X-B3-Sampled", "1")], None);
    check(&[("X-B3-TraceId", &TRACE.to_uppercase()), span], None);
    check(&[("X-B3-TraceId", &TRACE[1..]), span], None);
    check(&[("X-B3-TraceId", ""), span], None);
    check(&[("X-B3-TraceId", &"0".repeat(32)), span], None);
    check(&[trace, ("X-B3-SpanId", &"0".repeat(16))], None);
    check(&[trace, ("X-B3-SpanId", &"1".repeat(1 << 14))], None);
    // The single header is read first, unless it is malformed.
    let single = format!("{TRACE}-{SPAN}-1");
    let denied = [("X-B3-TraceId", SHORT), span, ("X-B3-Sampled", "0")];
    check(
        &[&denied[..], &[("b3", &single)]].concat(),
        Some((TRACE, Accept)),
    );
    check(
        &[&denied[..], &[("b3", "nonsense")]].concat(),
        Some((SHORT, Deny)),
    );
    check(
        &[("b3", "0"), trace, span, ("X-B3-Sampled", "1")],
        Some(("", Deny)),
    );
}

#[test]
fn b3_is_written_in_the_form_that_was_asked_for() {
    let ids = format!("{TRACE}-{SPAN}");
    let trace = ("x-b3-traceid", TRACE);
    let span = ("x-b3-spanid", SPAN);
    #[track_caller]
    fn check(context: &Context, single: &str, several: Fields<'_>) {
        check_written(&[B3], context, &[("b3", single)]);
        check_written(&[B3Multi], context, several);
        let both = [&[("b3", single)], several].concat();
        check_written(&[B3, B3Multi], context, &both);
        check_written(&[B3Multi, B3], context, &both);
    }
    let remote = |value: &str| extract(&[B3], &[("b3", value)]);
    check(
        &context(false),
        &format!("{ids}-0"),
        &[trace, span, ("x-b3-sampled", "0")],
    );
    check(
        &context(true),
        &format!("{ids}-1"),
        &[trace, span, ("x-b3-sampled", "1")],
    );
    check(&remote(&ids), &ids, &[trace, span]);
    let debug = format!("{ids}-d");
    check(&remote(&debug), &debug, &[trace, span, ("x-b3-flags", "1")]);
    check(&remote("0"), "0", &[("x-b3-sampled", "0")]);
    check(&remote("1"), "1", &[("x-b3-sampled", "1")]);
    check(&remote("d"), "d", &[("x-b3-flags", "1")]);
    for propagator in [B3, B3Multi] {
        check_written(&[propagator], &Context::new(), &[]);
    }
}

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
fn jaeger() {
    let check = |value: &str, expected: Option<(&str, SamplingState)>| {
        check_read(Jaeger, &[("uber-trace-id", value)], expected);
    };
    check(&format!("{TRACE}:{SPAN}:0:0"), Some((TRACE, Deny)));
    check(&format!("{TRACE}:{SPAN}:0:1"), Some((TRACE, Accept)));
    check(&format!("{TRACE}:{SPAN}:0:3"), Some((TRACE, Debug)));
    // "Debug flag should only be set when sampled flag is set."
    check(&format!("{TRACE}:{SPAN}:0:2"), Some((TRACE, Deny)));
    check(&format!("{TRACE}:{SPAN}:0:09"), Some((TRACE, Accept)));
    check(&format!("{TRACE}:{SPAN}:0:fF"), Some((TRACE, Debug)));
    check(&format!("{TRACE}:{SPAN}::1"), Some((TRACE, Accept)));
    check(&format!("{TRACE}:{SPAN}:whatever:1"), Some((TRACE, Accept)));
    check(&format!("{TRACE}%3A{SPAN}%3a0%3A1"), Some((TRACE, Accept)));
    check(&format!(" {TRACE}:{SPAN}:0:1\t"), Some((TRACE, Accept)));
    check(
        &format!("{}:{SPAN}:0:1", &TRACE[16..]),
        Some((SHORT, Accept)),
    );
    check(
        &format!("{}:{SPAN}:0:1", TRACE.to_uppercase()),
        Some((TRACE, Accept)),
    );
    let trace = &TRACE[1..];
    check(&format!("{trace}:{SPAN}:0:1"), Some((TRACE, Accept)));
    let short = extract(&[Jaeger], &[("uber-trace-id", "1:2:0:1")]);
    let padded = format!("{:032x} {:016x}", 1, 2);
    assert_eq!(read(&short), Some((padded, Accept)));
    for malformed in [
        "",
        ":::",
        &format!("{TRACE}:{SPAN}:0"),
        &format!("{TRACE}:{SPAN}:0:1:"),
        &format!("{TRACE}-{SPAN}-0-1"),
        &format!("{TRACE}:{SPAN}:0:"),
        &format!("{TRACE}:{SPAN}:0:x"),
        &format!("{TRACE}:{SPAN}:0:+1"),
        &format!("{TRACE}:{SPAN}:0:100"),
        &format!("0{TRACE}:{SPAN}:0:1"),
        &format!("{TRACE}:0{SPAN}:0:1"),
        &format!(":{SPAN}:0:1"),
        &format!("{TRACE}::0:1"),
        &format!("0:{SPAN}:0:1"),
        &format!("{TRACE}:0:0:1"),
        &format!("g:{SPAN}:0:1"),
        &format!("{TRACE}:{SPAN}:{}:1", "0".repeat(256)),
        &format!("{TRACE}%3{SPAN}%3A0%3A1"),
    ] {
        check(malformed, None);
    }
    let value = format!("{TRACE}:{SPAN}:0:1");
    check_read(
        Jaeger,
        &[("uber-trace-id", &value), ("uber-trace-id", &value)],
        None,
    );

    let name = "uber-trace-id";
    check_written(&[Jaeger], &context(true), &[(name, &value)]);
    check_written(
        &[Jaeger],
        &context(false),
        &[(name, &format!("{TRACE}:{SPAN}:0:0"))],
    );
    let debug = format!("{TRACE}:{SPAN}:0:3");
    let context = extract(&[Jaeger], &[(name, &debug)]);
    check_written(&[Jaeger], &context, &[(name, &debug)]);
    check_written(&[Jaeger], &Context::new(), &[]);
}

#[test]
fn xray() {
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    let both = format!("{root};Parent={SPAN}");
    let check = |value: &str, expected: Option<(&str, SamplingState)>| {
        check_read(XRay, &[("X-Amzn-Trace-Id", value)], expected);
    };
    check(&format!("{both};Sampled=0"), Some((TRACE, Deny)));
    check(&format!("{both};Sampled=1"), Some((TRACE, Accept)));
    check(&format!("{both};Sampled=?"), Some((TRACE, Defer)));
    check(&both, Some((TRACE, Defer)));
    check(
        &format!("Sampled=1; Parent={SPAN} ;{root};"),
        Some((TRACE, Accept)),
    );
    let others = "Self=1-67891234-12456789abcdef012345678;Lineage=a87bd80c:0|68fd508a:5;Foo=";
    check(&format!("{others};{both};Sampled=1"), Some((TRACE, Accept)));
    for malformed in [
        "",
        ";",
        // A trace alone, as a load balancer sends it: there is no span to continue.
        &root,
        &format!("Parent={SPAN};Sampled=1"),
        &format!("{both};Sampled="),
        &format!("{both};Sampled=2"),
        &format!("{both};Sampled=true"),
        &format!("{both};Sampled=1;Sampled=1"),
        &format!("{both};{root}"),
        &format!("{both};nonsense"),
        &format!("{both};sampled=1;Parent={SPAN}"),
        &both.replace("Root=1-", "Root=2-"),
        &both.replace("Root=1-", "Root=1"),
        &both.replace("Root=", "root="),
        &both
            .to_uppercase()
            .replace("ROOT", "Root")
            .replace("PARENT", "Parent"),
        &format!("Root=1-{TRACE};Parent={SPAN}"),
        &format!("{root}0;Parent={SPAN}"),
        &format!("{root};Parent=0{SPAN}"),
        &format!("{root};Parent={}", &SPAN[1..]),
        &format!("Root=1-00000000-{};Parent={SPAN}", "0".repeat(24)),
        &format!("{root};Parent={}", "0".repeat(16)),
        &format!("{both};Lineage={}", "a".repeat(1024)),
    ] {
        check(malformed, None);
    }
    let name = "x-amzn-trace-id";
    check_read(XRay, &[(name, &both), (name, &both)], None);
    check_written(
        &[XRay],
        &context(true),
        &[(name, &format!("{both};Sampled=1"))],
    );
    check_written(
        &[XRay],
        &context(false),
        &[(name, &format!("{both};Sampled=0"))],
    );
    let context = extract(&[XRay], &[(name, &both)]);
    check_written(&[XRay], &context, &[(name, &format!("{both};Sampled=?"))]);
    check_written(&[XRay], &Context::new(), &[]);
}

#[test]
fn ot_trace() {
    let trace = ("ot-tracer-traceid", TRACE);
    let span = ("ot-tracer-spanid", SPAN);
    let check = |fields: Fields<'_>, expected: Option<(&str, SamplingState)>| {
        check_read(OtTrace, fields, expected);
    };
    for (sampled, state) in [
        ("true", Accept),
        ("1", Accept),
        ("false", Deny),
        ("0", Deny),
    ] {
        check(
            &[trace, span, ("ot-tracer-sampled", sampled)],
            Some((TRACE, state)),
        );
    }
    check(&[trace, span], Some((TRACE, Defer)));
    check(
        &[("ot-tracer-traceid", &TRACE[16..]), span],
        Some((SHORT, Defer)),
    );
    check(
        &[("ot-tracer-traceid", &TRACE[1..]), span],
        Some((TRACE, Defer)),
    );
    check(&[trace], None);
    check(&[span], None);
    check(&[("ot-tracer-sampled", "true")], None);
    for malformed in ["", "0", "x", "-1", &TRACE.to_uppercase(), &"1".repeat(33)] {
        check(&[("ot-tracer-traceid", malformed), span], None);
        check(&[trace, ("ot-tracer-spanid", malformed)], None);
    }
    check(&[trace, ("ot-tracer-spanid", &"1".repeat(17))], None);
    for malformed in ["", "2", "True", "yes"] {
        check(&[trace, span, ("ot-tracer-sampled", malformed)], None);
    }
    for doubled in [trace, span, ("ot-tracer-sampled", "true")] {
        check(&[trace, span, doubled, doubled], None);
    }

    let short = ("ot-tracer-traceid", &TRACE[16..]);
    let sampled = |value| ("ot-tracer-sampled", value);
    check_written(&[OtTrace], &context(true), &[short, span, sampled("true")]);
    check_written(
        &[OtTrace],
        &context(false),
        &[short, span, sampled("false")],
    );
    let deferred = extract(&[OtTrace], &[trace, span]);
    check_written(&[OtTrace], &deferred, &[short, span]);
    check_written(&[OtTrace], &Context::new(), &[]);
    // There is nothing of this id that the format could send.
    let high = extract(
        &[OtTrace],
        &[("ot-tracer-traceid", "10000000000000000"), span],
    );
    check_written(&[OtTrace], &high, &[]);
}

#[test]
fn baggage_in_a_header_for_each_member() {
    #[track_caller]
    fn check(propagator: Propagator, fields: Fields<'_>, expected: &[&str]) {
        let ids = [
            ("uber-trace-id", "1:2:0:1"),
            ("ot-tracer-traceid", "1"),
            ("ot-tracer-spanid", "2"),
        ];
        let fields = [&ids[..], fields].concat();
        assert_eq!(
            sorted(&extract(&[propagator], &fields)),
            expected,
            "{fields:?}"
        );
    }
    let one = [("uberctx-Tenant", "a%20b"), ("ot-baggage-tenant", "a%20b")];
    check(Jaeger, &one, &["tenant=a b"]);
    check(OtTrace, &one, &["tenant=a%20b"]);
    check(Baggage, &one, &[]);
    check(
        Jaeger,
        &[("uberctx-", "1"), ("uberctx", "1"), ("uberctx-a", "%ff")],
        &[],
    );
    check(OtTrace, &[("ot-baggage-", "1"), ("ot-baggage-a", "ü")], &[]);
    // The first of several counts, as it does for OpenTelemetry's `Get`.
    let mut twice = headers(&[
        ("uber-trace-id", "1:2:0:1"),
        ("uberctx-a", "1"),
        ("uberctx-a", "2"),
    ]);
    assert_eq!(sorted(&Propagators::new([Jaeger]).extract(&twice)), ["a=1"]);
    twice.remove("uber-trace-id");
    assert_eq!(sorted(&Propagators::new([Jaeger]).extract(&twice)), ["a=1"]);
    // A text map may keep the case of its names.
    let cased = Propagators::new([Jaeger]).extract_with_context(&Context::new(), &Cased);
    assert_eq!(sorted(&cased), ["Tenant=a"]);
    // OT trace's is part of its span.
    assert_eq!(
        sorted(&extract(&[OtTrace], &[("ot-baggage-a", "1")])),
        [""; 0]
    );

    // The limits are those of W3C Baggage.
    for prefix in ["uberctx-", "ot-baggage-"] {
        let many: Vec<_> = (0..100).map(|i| (format!("{prefix}k{i}"), "v")).collect();
        let many: Vec<_> = many
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let propagator = if prefix == "uberctx-" {
            Jaeger
        } else {
            OtTrace
        };
        let ids = [("ot-tracer-traceid", "1"), ("ot-tracer-spanid", "2")];
        let context = Propagators::new([propagator]).extract(&headers(&[&ids[..], &many].concat()));
        assert_eq!(context.baggage().len(), 64);
        let long = "v".repeat(8192);
        let name = format!("{prefix}k");
        let fields = [&ids[..], &[(&name, &long)]].concat();
        assert_eq!(sorted(&extract(&[propagator], &fields)), [""; 0]);
    }

    let members = [("tenant", "a b"), ("Case", "ü"), ("k!", "1")];
    let members = members.map(|(key, value)| opentelemetry::KeyValue::new(key, value));
    let with = context(true).with_baggage(members);
    let ids = format!("{TRACE}:{SPAN}:0:1");
    let jaeger = [
        ("uber-trace-id", ids.as_str()),
        ("uberctx-tenant", "a%20b"),
        ("uberctx-case", "%C3%BC"),
        ("uberctx-k!", "1"),
    ];
    check_written(&[Jaeger], &with, &jaeger);
    let ot_trace = [
        ("ot-tracer-traceid", &TRACE[16..]),
        ("ot-tracer-spanid", SPAN),
        ("ot-tracer-sampled", "true"),
        ("ot-baggage-tenant", "a b"),
        ("ot-baggage-k!", "1"),
    ];
    check_written(&[OtTrace], &with, &ot_trace);
    let alone = Context::new().with_baggage([opentelemetry::KeyValue::new("a", "1")]);
    check_written(&[Jaeger], &alone, &[("uberctx-a", "1")]);
    check_written(&[OtTrace], &alone, &[]);
}

/// A text map with one field.
struct Cased;

impl Extractor for Cased {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "UberCtx-Tenant").then_some("a")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["ü", "UberCtx-Tenant"]
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

/// The headers of a case, and what is in it of a span.
fn fields(case: &Json) -> Vec<(&str, &str)> {
    let fields = case["headers"].as_object().unwrap().iter();
    fields
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

fn state(case: &Json) -> SamplingState {
    match (
        &case["debug"],
        &case["deferred"],
        &case["expect"]["sampled"],
    ) {
        (Json::Bool(true), ..) => Debug,
        (_, Json::Bool(true), _) => Defer,
        (_, _, Json::Bool(true)) => Accept,
        _ => Deny,
    }
}

fn check_extracted(propagator: Propagator, case: &Json) {
    let name = &case["name"];
    let found = read(&extract(&[propagator], &fields(case)));
    let Some(expected) = case["expect"].as_object() else {
        // "Sampling state can also be sent on its own" (B3): it is no span, and is not lost either.
        let found = found.filter(|(span, _)| !span.is_empty());
        assert_eq!(found, None, "{name}");
        return;
    };
    let [trace, span] = ["trace_id", "span_id"].map(|id| expected[id].as_str().unwrap());
    let expected = (format!("{trace} {span}"), state(case));
    assert_eq!(found, Some(expected), "{name}");
}

/// The context that a case of injection begins with: remote where something came with it that flags cannot say.
fn to_inject(case: &Json) -> Context {
    let span = &case["span_context"];
    let [trace, id] = ["trace_id", "span_id"].map(|id| span[id].as_str());
    let sampled = span["sampled"].as_bool().unwrap_or_default();
    let (Some(trace), Some(id)) = (trace, id) else {
        return Context::new();
    };
    let state = match (&case["debug"], &case["deferred"]) {
        (Json::Bool(true), _) => "-d",
        (_, Json::Bool(true)) => "",
        _ if sampled => "-1",
        _ => "-0",
    };
    let b3 = format!("{trace}-{id}{state}");
    Propagators::new([B3]).extract(&headers(&[("b3", &b3)]))
}

fn check_injected(list: &[Propagator], case: &Json, context: &Context) {
    let wanted = case["want_headers"].as_object().unwrap().iter();
    let wanted: Vec<_> = wanted
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    check_written(list, context, &wanted);
}

#[test]
fn public_cases_of_b3() {
    for case in cases("b3_propagation_go.json") {
        match case["kind"].as_str().unwrap() {
            "extract" | "extract_invalid" => {
                check_extracted(B3, &case);
                check_extracted(B3Multi, &case);
            }
            "inject" => {
                let encoding = case["encoding"].as_str().unwrap();
                let list = match (encoding.contains('|'), encoding.contains("Multiple")) {
                    (true, _) => vec![B3, B3Multi],
                    (false, true) => vec![B3Multi],
                    (false, false) => vec![B3],
                };
                // These four ask for a decision of a span context that has a flag but no ids, which OpenTelemetry calls
                // invalid and never sends. B3 knows a decision alone, and it is sent where one came.
                let is_alone = case["name"].as_str().unwrap().ends_with("sampled only");
                let context = match is_alone {
                    true => extract(&[B3], &[("b3", "1")]),
                    false => to_inject(&case),
                };
                check_injected(&list, &case, &context);
            }
            "inject_invalid" => {
                check_injected(&[B3], &case, &to_inject(&case));
                check_injected(&[B3Multi], &case, &to_inject(&case));
            }
            kind => panic!("{kind}"),
        }
    }
}

#[test]
fn public_cases_of_jaeger() {
    for case in cases("jaeger_propagation_go.json") {
        match case["kind"].as_str().unwrap() {
            "extract" | "extract_invalid" => check_extracted(Jaeger, &case),
            "inject" | "inject_invalid" => check_injected(&[Jaeger], &case, &to_inject(&case)),
            kind => panic!("{kind}"),
        }
    }
}
