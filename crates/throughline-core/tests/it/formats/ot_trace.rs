//! OT trace.

use opentelemetry::Context;
use throughline_core::propagation::Propagator::OtTrace;
use throughline_core::propagation::SamplingState;
use throughline_core::propagation::SamplingState::{Accept, Defer, Deny};

use super::{Fields, SHORT, check_read, check_written, context, extract};
use crate::support::{SPAN, TRACE};

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
