//! Jaeger.

use opentelemetry::Context;
use throughline_core::propagation::Propagator::Jaeger;
use throughline_core::propagation::SamplingState;
use throughline_core::propagation::SamplingState::{Accept, Debug, Deny};

use super::{SHORT, check_read, check_written, context, extract, read};
use crate::support::{SPAN, TRACE};

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
