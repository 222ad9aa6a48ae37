//! AWS X-Ray.

use opentelemetry::Context;
use throughline_core::propagation::Propagator::XRay;
use throughline_core::propagation::SamplingState;
use throughline_core::propagation::SamplingState::{Accept, Defer, Deny};

use super::{check_read, check_written, context, extract};
use crate::support::{SPAN, TRACE};

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
