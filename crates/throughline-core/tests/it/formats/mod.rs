//! The formats beside W3C's: what is read, what is written, and what a service sends on after what it got.

mod b3;
mod baggage;
mod jaeger;
mod ot_trace;
mod public_cases;
mod several;
mod xray;

use std::collections::HashMap;

use ::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use throughline_core::propagation::SamplingState::{Accept, Debug, Deny};
use throughline_core::propagation::{Propagator, Propagators, SamplingState};

use crate::support::{SPAN, TRACE, headers};

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
