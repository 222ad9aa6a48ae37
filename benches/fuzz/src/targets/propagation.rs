//! The formats in which contexts travel.

use std::collections::HashMap;
use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use throughline_core::http::HeaderMap;
use throughline_core::propagation::{Propagator, Propagators};

use super::{Target, headers};
use crate::random::mutated;

macro_rules! propagator {
    ($propagator:ident, $seeds:expr) => {
        Target {
            name: Propagator::$propagator.name(),
            seeds: &$seeds,
            input: mutated,
            check: |input| check(Propagator::$propagator, input),
            prepare: |input| extraction(Propagator::$propagator, input),
            has_fixed_cost: false,
            is_dear: false,
        }
    };
}

/// A target for each.
pub(super) const TARGETS: [Target; 7] = [
    propagator!(
        TraceContext,
        [
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03\ntracestate: foo=1,b@r=2",
            "tracestate: foo=1,bar=2, baz=3\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
            "traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
        ]
    ),
    propagator!(
        Baggage,
        [
            "baggage: tenant=a%20b;level=1;x,user=%C3%BC",
            "baggage: a=1\nbaggage: b=2",
        ]
    ),
    propagator!(
        B3,
        [
            "b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b7",
            "b3: d",
        ]
    ),
    propagator!(
        B3Multi,
        [
            "x-b3-traceid: 0af7651916cd43dd8448eb211c80319c\nx-b3-spanid: b7ad6b7169203331\nx-b3-sampled: 1",
            "x-b3-spanid: b7ad6b7169203331\nx-b3-traceid: 8448eb211c80319c\nx-b3-flags: 1",
            "x-b3-sampled: 0",
        ]
    ),
    propagator!(
        Jaeger,
        [
            "uber-trace-id: 0af7651916cd43dd8448eb211c80319c%3Ab7ad6b7169203331:0:3",
            "uberctx-tenant: a%20b\nuberctx-user: 7\nuber-trace-id: 1:2:0:1",
        ]
    ),
    propagator!(
        XRay,
        [
            "x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
            "x-amzn-trace-id: Self=1-67891234-1;Parent=b7ad6b7169203331;Root=1-0af76519-16cd43dd8448eb211c80319c;Sampled=?",
        ]
    ),
    propagator!(
        OtTrace,
        [
            "ot-tracer-traceid: 8448eb211c80319c\not-tracer-spanid: b7ad6b7169203331\not-tracer-sampled: true",
            "ot-baggage-tenant: a b\not-tracer-traceid: 1\not-tracer-spanid: 2",
        ]
    ),
];

fn extraction(propagator: Propagator, input: &[u8]) -> Box<dyn FnMut()> {
    let headers = headers(input);
    let propagators = Propagators::new([propagator]);
    Box::new(move || {
        black_box(propagators.extract(black_box(&headers)));
    })
}

/// What is read of an input, written, and read again is the same.
fn check(propagator: Propagator, input: &[u8]) {
    let propagators = Propagators::new([propagator]);
    let context = propagators.extract(&headers(input));
    let (mut written, mut map) = (HeaderMap::new(), HashMap::new());
    propagators.inject(&context, &mut written);
    propagators.inject_context(&context, &mut map);
    assert_eq!(written.len(), map.len());
    let from_headers = propagators.extract(&written);
    let from_map = propagators.extract_with_context(&Context::new(), &map);
    for again in [from_headers, from_map] {
        let [before, after] = [&context, &again].map(|it| it.span().span_context().clone());
        assert_eq!(before.span_id(), after.span_id());
        assert_eq!(before.trace_flags(), after.trace_flags());
        assert_eq!(before.trace_state(), after.trace_state());
        // The format has 64 bits of it.
        if propagator != Propagator::OtTrace {
            assert_eq!(before.trace_id(), after.trace_id());
        }
        assert_eq!(context.baggage().len(), again.baggage().len());
    }
    // Any other text map.
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let map: HashMap<_, _> = lines
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    black_box(propagators.extract_with_context(&Context::new(), &map));
}

#[cfg(test)]
mod tests {
    use throughline_core::propagation::SamplingState;

    use super::*;

    #[test]
    fn every_seed_is_well_formed() {
        for target in TARGETS {
            for seed in target.seeds {
                let found = Propagators::new([target.name.parse().unwrap()])
                    .extract(&headers(seed.as_bytes()));
                let has_span = found.span().span_context().is_valid();
                let has_more = SamplingState::of(&found).is_some() || !found.baggage().is_empty();
                assert!(has_span || has_more, "{seed}");
            }
        }
    }
}
