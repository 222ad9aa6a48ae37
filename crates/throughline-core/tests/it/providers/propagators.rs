//! Propagators that are installed or global, and not ours.

use ::http::HeaderName;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use throughline_core::propagation::{Propagator, Propagators};
use throughline_core::{Installation, install};
use throughline_testing::InMemory;

use super::{remote, unset};
use crate::support::{SPAN, TRACE, get, in_own_process, only, sent, serve, traceparent};

#[test]
fn installed_propagators_are_the_ones_in_use() {
    in_own_process(
        "providers::propagators::installed_propagators_are_the_ones_in_use",
        || {
            global::set_text_map_propagator(Foreign);
            let server = unset();
            let check = |propagators: Propagators, fields: &[&str]| {
                let mut installation = Installation::default();
                installation.propagators = propagators;
                install(installation);
                let headers = sent(&server, &serve(&server, &remote("01")));
                let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
                names.sort_unstable();
                assert_eq!(names, fields);
            };
            check(
                Propagators::default(),
                &["baggage", "traceparent", "tracestate"],
            );
            check(
                Propagators::new([Propagator::TraceContext]),
                &["traceparent", "tracestate"],
            );
            check(Propagators::none(), &[]);
        },
    );
}

/// A propagator of a format that is not ours.
#[derive(Debug)]
struct Foreign;

impl TextMapPropagator for Foreign {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span().span_context().clone();
        injector.set("x-b3", format!("{}-{}-1", span.trace_id(), span.span_id()));
        injector.set("not a header", "nothing".to_owned());
        injector.set("x-split", "a\r\nb".to_owned());
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let Some(value) = extractor.get("x-b3") else {
            return cx.clone();
        };
        assert!(extractor.keys().contains(&"x-b3"));
        assert_eq!(extractor.get_all("x-b3"), Some(vec![value]));
        let mut fields = value.split('-');
        cx.with_remote_span_context(SpanContext::new(
            TraceId::from_hex(fields.next().unwrap()).unwrap(),
            SpanId::from_hex(fields.next().unwrap()).unwrap(),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ))
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: std::sync::LazyLock<[String; 1]> =
            std::sync::LazyLock::new(|| ["x-b3".to_owned()]);
        FieldIter::new(&*FIELDS)
    }
}

#[test]
fn a_global_propagator_of_other_fields_is_used() {
    in_own_process(
        "providers::propagators::a_global_propagator_of_other_fields_is_used",
        || {
            global::set_text_map_propagator(Foreign);
            let server = unset();
            let request = get(&[
                ("x-b3", &format!("{TRACE}-{SPAN}-1")),
                (
                    "traceparent",
                    "00-11111111111111111111111111111111-1111111111111111-01",
                ),
            ]);
            // Without a provider, below one, and below a sampler that drops.
            let check = |is_same: bool| {
                let operation = serve(&server, &request);
                let span = operation.context().span().span_context().clone();
                assert_eq!(span.trace_id().to_string(), TRACE);
                assert_eq!(span.span_id().to_string() == SPAN, is_same);
                let headers = sent(&server, &operation);
                let expected = format!("{TRACE}-{}-1", span.span_id());
                assert_eq!(only(&headers, "x-b3"), Some(expected.as_str()));
                assert_eq!(headers.len(), 1);
            };
            check(true);
            let memory = InMemory::new();
            global::set_tracer_provider(memory.tracer_provider());
            check(false);
            let trace = memory.trace();
            assert_eq!(trace.spans()[0].parent_span_id.unwrap().to_string(), SPAN);
        },
    );
}

#[test]
fn a_global_propagator_of_w3c_fields_is_replaced_by_ours() {
    in_own_process(
        "providers::propagators::a_global_propagator_of_w3c_fields_is_replaced_by_ours",
        || {
            // The SDK's own takes the first of two headers, and fails at these keys.
            global::set_text_map_propagator(TraceContextPropagator::new());
            let server = unset();
            let request = get(&[
                ("traceparent", &traceparent("01")),
                ("tracestate", "foo@@bar=1"),
                ("baggage", "a=b"),
            ]);
            let operation = serve(&server, &request);
            let headers = sent(&server, &operation);
            assert_eq!(
                only(&headers, "traceparent"),
                Some(traceparent("01").as_str())
            );
            assert_eq!(only(&headers, "tracestate"), Some("foo@@bar=1"));
            // It did not ask for baggage.
            assert_eq!(only(&headers, "baggage"), None);
            assert!(operation.context().baggage().is_empty());
            let twice = get(&[
                ("traceparent", &traceparent("01")),
                ("traceparent", &traceparent("01")),
            ]);
            assert!(!serve(&server, &twice).context().has_active_span());
        },
    );
}
