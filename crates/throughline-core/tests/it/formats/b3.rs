//! B3, in one header and in several.

use opentelemetry::Context;
use throughline_core::propagation::Propagator::{B3, B3Multi};
use throughline_core::propagation::SamplingState;
use throughline_core::propagation::SamplingState::{Accept, Debug, Defer, Deny};

use super::{Fields, SHORT, check_read, check_written, context, extract};
use crate::support::{SPAN, TRACE};

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
