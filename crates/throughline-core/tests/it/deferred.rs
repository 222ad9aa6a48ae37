//! What a caller left to the sampler, or decided without a span.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use throughline_core::propagation::{Propagator, Propagators, SamplingState};
use throughline_core::{
    Installation, Instrumentation, Parent, Prediction, SamplerHint, SpanRequest, TracerSource,
    install,
};
use throughline_testing::InMemory;

use crate::support::{
    NoMetrics, Probe, SPAN, TRACE, get, headers, in_own_process, only, sent, serve, server_with,
};

/// A parent-based sampler that knows what is deferred, as an application would write it.
#[derive(Clone, Debug)]
struct Following(Sampler);

impl ShouldSample for Following {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let ask = |sampler: &dyn ShouldSample| {
            sampler.should_sample(parent, trace_id, name, kind, attributes, links)
        };
        let decided = |decision| SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: Default::default(),
        };
        match parent.and_then(SamplingState::of) {
            Some(SamplingState::Defer) => ask(&self.0),
            Some(SamplingState::Deny) => decided(SamplingDecision::Drop),
            Some(_) => decided(SamplingDecision::RecordAndSample),
            None => ask(&Sampler::parent_based(self.0.clone())),
        }
    }
}

fn install_propagators(list: impl IntoIterator<Item = Propagator>) {
    let mut installation = Installation::default();
    installation.propagators = Propagators::new(list);
    install(installation);
}

/// The hints that are true of a parent-based sampler over `root`.
fn hints(root: &Sampler) -> [SamplerHint; 3] {
    let prediction = match root {
        Sampler::AlwaysOff => Prediction::Drop,
        _ => Prediction::Record,
    };
    [
        SamplerHint::default(),
        SamplerHint::parent_based(Prediction::Unknown),
        SamplerHint::parent_based(prediction),
    ]
}

/// What a request with this `b3` comes to, and the `b3` of the calls that it makes.
#[track_caller]
fn check(root: &Sampler, b3: &str, is_recorded: bool) {
    let memory = InMemory::with_sampler(Following(root.clone()));
    let ids: Vec<_> = b3.split('-').collect();
    for hint in hints(root) {
        let case = format!("{root:?} {hint:?} {b3}");
        let server = server_with(&memory, hint);
        let operation = serve(&server, &get(&[("b3", b3)]));
        let own = operation.context().span().span_context().clone();
        let sent = sent(&server, &operation);
        drop(operation);
        let is_debug = b3.ends_with('d');
        let state = match (is_debug, is_recorded) {
            (true, _) => "d",
            (false, true) => "1",
            (false, false) => "0",
        };
        let expected = format!("{}-{}-{state}", own.trace_id(), own.span_id());
        assert_eq!(only(&sent, "b3"), Some(expected.as_str()), "{case}");
        assert_eq!(
            own.trace_id().to_string() == ids[0],
            ids.len() > 1,
            "{case}"
        );
        let spans = memory.take_spans();
        assert_eq!(spans.len(), usize::from(is_recorded), "{case}");
        for span in spans {
            let parent = span.parent_span_id.map(|id| id.to_string());
            let expected = (ids.len() > 1).then(|| SPAN.to_owned());
            assert_eq!(parent, expected, "{case}");
            assert_eq!(span.span_id, own.span_id(), "{case}");
        }
    }
}

#[test]
fn what_is_deferred_is_the_root_samplers_to_decide() {
    in_own_process(
        "deferred::what_is_deferred_is_the_root_samplers_to_decide",
        || {
            install_propagators([Propagator::B3]);
            let ids = format!("{TRACE}-{SPAN}");
            check(&Sampler::AlwaysOn, &ids, true);
            check(&Sampler::AlwaysOff, &ids, false);
            check(&Sampler::AlwaysOn, &format!("{ids}-0"), false);
            check(&Sampler::AlwaysOff, &format!("{ids}-1"), true);
            check(&Sampler::AlwaysOff, &format!("{ids}-d"), true);
            // A decision alone.
            check(&Sampler::AlwaysOn, "0", false);
            check(&Sampler::AlwaysOff, "1", true);
            check(&Sampler::AlwaysOff, "d", true);
        },
    );
}

#[test]
fn a_sampler_that_sees_the_flag_alone_takes_what_is_deferred_for_a_no() {
    let test = "deferred::a_sampler_that_sees_the_flag_alone_takes_what_is_deferred_for_a_no";
    in_own_process(test, || {
        install_propagators([Propagator::B3]);
        let memory = InMemory::with_sampler(Sampler::parent_based(Sampler::AlwaysOn));
        let server = server_with(&memory, SamplerHint::default());
        let operation = serve(&server, &get(&[("b3", &format!("{TRACE}-{SPAN}"))]));
        let own = operation.context().span().span_context().clone();
        assert_eq!(own.trace_id().to_string(), TRACE);
        drop(operation);
        assert_eq!(memory.spans().len(), 0);
    });
}

#[test]
fn what_is_known_of_a_sampler_holds_for_a_decision_alone() {
    let test = "deferred::what_is_known_of_a_sampler_holds_for_a_decision_alone";
    in_own_process(test, || {
        install_propagators([Propagator::B3]);
        let memory = InMemory::with_sampler(Sampler::parent_based(Sampler::AlwaysOn));
        let hint = SamplerHint::parent_based(Prediction::Record);
        drop(serve(&server_with(&memory, hint), &get(&[("b3", "0")])));
        assert_eq!(memory.spans().len(), 0);
    });
}

#[test]
fn a_global_propagator_of_ours_says_the_same() {
    let test = "deferred::a_global_propagator_of_ours_says_the_same";
    in_own_process(test, || {
        let ours = [Propagator::B3, Propagator::Jaeger];
        opentelemetry::global::set_text_map_propagator(Propagators::new(ours));
        check(&Sampler::AlwaysOn, &format!("{TRACE}-{SPAN}"), true);
        check(&Sampler::AlwaysOff, &format!("{TRACE}-{SPAN}"), false);
        // It does not name the headers of its baggage.
        let mut headers = headers(&[("b3", "1"), ("uberctx-a", "1"), ("accept", "*/*")]);
        let server: Instrumentation<NoMetrics> = Instrumentation::new("test", "1.2.3");
        server.resolve().propagation().remove(&mut headers);
        assert_eq!(headers.len(), 1);
    });
}

#[test]
fn without_a_tracer_it_is_sent_on_as_it_came() {
    in_own_process(
        "deferred::without_a_tracer_it_is_sent_on_as_it_came",
        || {
            install_propagators([Propagator::B3]);
            let server = Instrumentation::new("test", "1.2.3");
            let ids = format!("{TRACE}-{SPAN}");
            for b3 in [
                &ids,
                &format!("{ids}-0"),
                &format!("{ids}-1"),
                &format!("{ids}-d"),
                "0",
                "1",
                "d",
            ] {
                let operation = serve(&server, &get(&[("b3", b3)]));
                let sent = sent(&server, &operation);
                assert_eq!(only(&sent, "b3"), Some(b3.to_string().as_str()));
            }
        },
    );
}

#[test]
fn a_context_of_a_text_map_is_as_good_as_a_request() {
    let check = |b3: &str, root: Sampler, is_recorded: bool| {
        let map = HashMap::from([("b3".to_owned(), b3.to_owned())]);
        let propagators = Propagators::new([Propagator::B3]);
        let context = propagators.extract_with_context(&Context::new(), &map);
        for hint in hints(&root) {
            let memory = InMemory::with_sampler(Following(root.clone()));
            let mut consumer = Instrumentation::<NoMetrics>::new("test", "1.2.3");
            let tracers = TracerSource::new(memory.tracer_provider());
            consumer.set_tracers(tracers.with_sampler_hint(hint));
            let request = SpanRequest {
                kind: SpanKind::Consumer,
                name: "receive".into(),
                parent: Parent::Local(context.clone()),
            };
            drop(
                consumer
                    .resolve()
                    .start(request, Vec::new, Probe::default()),
            );
            assert_eq!(
                memory.spans().len(),
                usize::from(is_recorded),
                "{b3} {root:?} {hint:?}"
            );
        }
    };
    let ids = format!("{TRACE}-{SPAN}");
    check(&ids, Sampler::AlwaysOn, true);
    check(&ids, Sampler::AlwaysOff, false);
    check(&format!("{ids}-0"), Sampler::AlwaysOn, false);
    check(&format!("{ids}-1"), Sampler::AlwaysOff, true);
    check("0", Sampler::AlwaysOn, false);
    check("1", Sampler::AlwaysOff, true);
    check("d", Sampler::AlwaysOff, true);
}

#[test]
fn what_came_with_a_span_is_not_said_of_another() {
    let propagators = Propagators::new([Propagator::B3]);
    let b3 = format!("{TRACE}-{SPAN}");
    let context = propagators.extract(&headers(&[("b3", &b3)]));
    assert_eq!(SamplingState::of(&context), Some(SamplingState::Defer));
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let tracer = memory.tracer_provider().tracer("test");
    let span = tracer.start_with_context("child", &context);
    assert_eq!(SamplingState::of(&context.with_span(span)), None);
    // A debug flag is of one trace.
    let debug = propagators.extract(&headers(&[("b3", &format!("{b3}-d"))]));
    let span = tracer.start_with_context("child", &debug);
    let child = debug.with_span(span);
    assert_eq!(SamplingState::of(&child), Some(SamplingState::Debug));
    let other = tracer.start_with_context("root", &Context::new());
    assert_eq!(SamplingState::of(&debug.with_span(other)), None);
}
