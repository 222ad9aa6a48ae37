//! Cases of public suites.

use opentelemetry::Context;
use serde_json::Value as Json;
use throughline_core::propagation::Propagator::{B3, B3Multi, Jaeger};
use throughline_core::propagation::SamplingState::{Accept, Debug, Defer, Deny};
use throughline_core::propagation::{Propagator, Propagators, SamplingState};

use super::{check_written, extract, read};
use crate::support::{cases, headers};

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
