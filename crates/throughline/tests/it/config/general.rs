//! What belongs to no group.

use std::time::Duration;

use throughline::{Config, Propagator, Sampler};

use super::{check, check_warned};

#[test]
fn a_boolean_is_true_for_true_in_any_case_and_nothing_else() {
    const VARIABLE: &str = "OTEL_SDK_DISABLED";
    let check = |value, expected, warnings: &[&str]| {
        check_warned(&[(VARIABLE, value)], |c| c.disabled, expected, warnings);
    };
    for (value, expected) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        (" true ", true),
        ("false", false),
        ("FALSE", false),
        ("", false),
        ("  ", false),
    ] {
        check(value, expected, &[]);
    }
    for value in ["1", "yes", "on", "tru"] {
        let warning = format!("{VARIABLE}: {value:?} is not true or false; instead: false");
        check(value, false, &[&warning]);
    }
}

#[test]
fn propagators_are_a_list_in_order_each_once() {
    use Propagator::{B3, B3Multi, Baggage, Jaeger, OtTrace, TraceContext, XRay};
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    let check = |list: &str, expected: &[Propagator], unknown: &[(&str, &str)]| {
        let warnings: Vec<_> = (unknown.iter())
            .map(|(name, used)| {
                format!(
                    "{VARIABLE}: {name:?} is not tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace or \
                     none; instead: {used}"
                )
            })
            .collect();
        let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
        let read = |c: &Config| c.propagators.clone();
        check_warned(&[(VARIABLE, list)], read, expected.to_vec(), &warnings);
    };
    let default = [TraceContext, Baggage];
    check("", &default, &[]);
    check(",", &default, &[]);
    check("tracecontext,baggage", &default, &[]);
    check("baggage,tracecontext", &[Baggage, TraceContext], &[]);
    check("tracecontext", &[TraceContext], &[]);
    check("TraceContext, BAGGAGE ,", &default, &[]);
    check(
        "baggage,baggage,tracecontext,baggage",
        &[Baggage, TraceContext],
        &[],
    );
    check("none", &[], &[]);
    check("None", &[], &[]);
    check("none,baggage", &[Baggage], &[]);
    let others = "the others of the list";
    check("b3,baggage", &[B3, Baggage], &[]);
    check("none,B3", &[B3], &[]);
    let every = "ottrace,xray,jaeger,b3multi,b3,baggage,tracecontext";
    let reversed = [OtTrace, XRay, Jaeger, B3Multi, B3, Baggage, TraceContext];
    check(every, &reversed, &[]);
    check(&every.to_uppercase(), &reversed, &[]);
    check(&format!("{every},{every}"), &reversed, &[]);
    check("b3single,baggage", &[Baggage], &[("b3single", others)]);
    check("none,W3C", &[], &[("W3C", others)]);
    let all = "tracecontext,baggage";
    check("w3c,b3 multi", &default, &[("w3c", all), ("b3 multi", all)]);
}

#[test]
fn nothing_is_wrong_with_an_empty_environment() {
    check(&[], |c| c.shutdown_timeout, Duration::from_secs(5));
    check(&[], |c| c.sampler.clone(), Sampler::ParentBasedAlwaysOn);
}
