//! What a sampler is asked, and what follows from its answer.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Link, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use throughline_core::http_semconv::ServerMetrics;
use throughline_core::{Instrumentation, Outcome, Prediction, SamplerHint, TracerSource};
use throughline_testing::InMemory;

use super::{check_passed_on, remote, requests};
use crate::support::{
    NoMetrics, Probe, SPAN, TRACE, get, internal, only, sent, serve, server, server_with,
    traceparent,
};

/// Dropped by the sampler: a child without the sampled flag, and all else as it came.
#[track_caller]
fn check_dropped(server: &Instrumentation<ServerMetrics>, incoming: &str, outgoing: &str) {
    let operation = serve(server, &remote(incoming));
    let span = operation.context().span().span_context().clone();
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_ne!(span.span_id(), SpanId::from_hex(SPAN).unwrap());
    assert!(!span.is_remote());
    let headers = sent(server, &operation);
    let expected = traceparent(outgoing).replace(SPAN, &span.span_id().to_string());
    assert_eq!(only(&headers, "traceparent"), Some(expected.as_str()));
    assert_eq!(only(&headers, "tracestate"), Some("foo=1"));
    assert_eq!(only(&headers, "baggage"), Some("a=b"));
}

#[test]
fn a_sampler_that_drops_keeps_the_other_remote_flags() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let hints = [
        SamplerHint::default(),
        SamplerHint::always(Prediction::Unknown),
        SamplerHint::always(Prediction::Drop),
    ];
    for hint in hints {
        let server = server_with(&memory, hint);
        check_dropped(&server, "00", "00");
        check_dropped(&server, "01", "00");
        check_dropped(&server, "02", "02");
        check_dropped(&server, "03", "02");
    }
    assert_eq!(memory.spans().len(), 0);
}

#[test]
fn the_parents_decision_is_followed() {
    let memory = InMemory::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)));
    let hint = SamplerHint::parent_based(Prediction::Drop);
    for hint in [SamplerHint::default(), hint] {
        let server = server_with(&memory, hint);
        check_dropped(&server, "00", "00");
        check_dropped(&server, "02", "02");
        drop(serve(&server, &get(&[])));
        assert_eq!(memory.spans().len(), 0);
        for flags in ["01", "03"] {
            let operation = serve(&server, &remote(flags));
            let span = operation.context().span().span_context().clone();
            drop(operation);
            assert_eq!(format!("{:02x}", span.trace_flags().to_u8()), flags);
            assert_eq!(memory.take_spans()[0].span_id, span.span_id());
        }
    }
}

#[test]
fn a_root_that_is_never_asked_for_has_random_ids() {
    let memory = InMemory::new();
    let server = server_with(&memory, SamplerHint::always(Prediction::Drop));
    let mut ids = HashSet::new();
    for _ in 0..1000 {
        let operation = serve(&server, &get(&[]));
        let span = operation.context().span().span_context().clone();
        assert!(span.is_valid() && !span.is_sampled() && !span.is_remote());
        assert_eq!(span.trace_flags(), TraceFlags::new(0x02));
        let headers = sent(&server, &operation);
        let sent = only(&headers, "traceparent").unwrap();
        let expected = format!("00-{}-{}-02", span.trace_id(), span.span_id());
        assert_eq!(sent, expected);
        assert!(ids.insert(span.trace_id().to_string()));
        assert!(ids.insert(span.span_id().to_string()));
    }
    assert_eq!(memory.spans().len(), 0);
}

/// Keeps what it was asked, and decides as it is told.
#[derive(Clone, Debug)]
struct Asked {
    attributes: Arc<Mutex<Vec<Vec<KeyValue>>>>,
    decision: SamplingDecision,
}

impl Asked {
    fn new(decision: SamplingDecision) -> Self {
        Self {
            attributes: Arc::default(),
            decision,
        }
    }

    /// The keys that it saw at its only question.
    #[track_caller]
    fn keys(&self) -> Vec<String> {
        let asked = self.attributes.lock().unwrap();
        assert_eq!(asked.len(), 1);
        asked[0].iter().map(|a| a.key.to_string()).collect()
    }
}

impl ShouldSample for Asked {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        self.attributes.lock().unwrap().push(attributes.to_vec());
        let parent = parent.map(|cx| cx.span().span_context().trace_state().clone());
        SamplingResult {
            decision: self.decision.clone(),
            attributes: Vec::new(),
            trace_state: parent.unwrap_or_default(),
        }
    }
}

#[test]
fn a_sampler_sees_the_attributes_unless_it_is_known_to_ignore_them() {
    #[track_caller]
    fn check(prediction: Prediction, at_creation: &[&str]) {
        let sampler = Asked::new(SamplingDecision::RecordAndSample);
        let memory = InMemory::with_sampler(sampler.clone());
        let server = server_with(&memory, SamplerHint::always(prediction));
        serve(&server, &get(&[("host", "shop.example")])).finish(Outcome::Finished);
        assert_eq!(sampler.keys(), at_creation);
        // In the end they are all there, each once.
        memory.trace().find("GET").assert_attributes(&[
            ("http.request.method", "GET".into()),
            ("url.scheme", "http".into()),
            ("url.path", "/".into()),
            ("network.protocol.version", "1.1".into()),
            ("server.address", "shop.example".into()),
        ]);
    }
    let all = [
        "http.request.method",
        "url.scheme",
        "url.path",
        "network.protocol.version",
        "server.address",
    ];
    check(Prediction::UsesAttributes, &all);
    check(Prediction::Record, &all);
    check(Prediction::Unknown, &[]);
}

#[test]
fn attributes_are_built_once_at_most_and_not_for_nothing() {
    #[track_caller]
    fn check(decision: SamplingDecision, prediction: Prediction, built: u32) {
        let memory = InMemory::with_sampler(Asked::new(decision));
        let mut instrumentation = Instrumentation::<NoMetrics>::new("test", "1.2.3");
        let tracers = TracerSource::new(memory.tracer_provider());
        let hint = SamplerHint::always(prediction);
        instrumentation.set_tracers(tracers.with_sampler_hint(hint));
        let calls = Cell::new(0);
        let attributes = || {
            calls.set(calls.get() + 1);
            Vec::new()
        };
        let resolved = instrumentation.resolve();
        drop(resolved.start(internal(), attributes, Probe::default()));
        assert_eq!(calls.get(), built, "{prediction:?}");
    }
    use SamplingDecision::{Drop, RecordAndSample, RecordOnly};
    for decision in [RecordAndSample, RecordOnly] {
        check(decision.clone(), Prediction::UsesAttributes, 1);
        check(decision.clone(), Prediction::Record, 1);
        check(decision, Prediction::Unknown, 1);
    }
    check(Drop, Prediction::UsesAttributes, 1);
    check(Drop, Prediction::Unknown, 0);
    check(Drop, Prediction::Drop, 0);
    check(RecordAndSample, Prediction::Drop, 0);
}

#[test]
fn a_panicking_sampler_or_hook_does_not_escape() {
    #[derive(Clone, Debug)]
    struct Panicking;
    impl ShouldSample for Panicking {
        fn should_sample(
            &self,
            _: Option<&Context>,
            _: TraceId,
            _: &str,
            _: &SpanKind,
            _: &[KeyValue],
            _: &[Link],
        ) -> SamplingResult {
            std::panic::resume_unwind(Box::new("in the sampler"));
        }
    }
    let memory = InMemory::with_sampler(Panicking);
    check_passed_on(&server(&memory));
    assert_eq!(requests(&memory), 4);

    let memory = InMemory::new();
    let mut instrumentation = Instrumentation::<NoMetrics>::new("test", "1.2.3");
    instrumentation.set_tracers(TracerSource::new(memory.tracer_provider()));
    let hook = || std::panic::resume_unwind(Box::new("in the hook"));
    let probe = Probe::default();
    let resolved = instrumentation.resolve();
    drop(resolved.start(internal(), hook, probe.clone()));
    assert_eq!(memory.spans().len(), 0);
}

#[test]
fn a_span_that_is_only_recorded_is_sent_as_unsampled() {
    let sampler = Asked::new(SamplingDecision::RecordOnly);
    let memory = InMemory::with_sampler(sampler);
    let server = server(&memory);
    check_dropped(&server, "01", "00");
    check_dropped(&server, "03", "02");
    let spans = memory.spans();
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| !span.trace_flags.is_sampled()));
    assert_eq!(spans[0].parent_span_id.unwrap().to_string(), SPAN);
}
