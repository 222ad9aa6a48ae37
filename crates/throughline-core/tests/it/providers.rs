//! Where spans and metrics go, and what goes on without them.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::http::{HeaderName, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::metrics::Meter;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use throughline_core::http_semconv::{Route, ServerMetrics};
use throughline_core::propagation::{Propagator, Propagators};
use throughline_core::{
    Installation, Instrumentation, Instruments, MeterSource, Operation, Outcome, Prediction,
    SamplerHint, TracerSource, install,
};
use throughline_testing::{InMemory, MetricRecord};

use crate::support::{
    NoMetrics, Probe, SPAN, TRACE, call, client, current_span, get, in_own_process, internal, only,
    sent, serve, server, server_with, traceparent,
};

fn unset() -> Instrumentation<ServerMetrics> {
    Instrumentation::new("test-server", "1.2.3")
}

fn installation(memory: &InMemory) -> Installation {
    let mut installation = Installation::default();
    installation.tracers = Some(TracerSource::new(memory.tracer_provider()));
    installation.meters = Some(MeterSource::new(memory.meter_provider()));
    installation
}

fn remote(flags: &str) -> ::http::Request<()> {
    get(&[
        ("traceparent", &traceparent(flags)),
        ("tracestate", "foo=1"),
        ("baggage", "a=b"),
    ])
}

fn requests(memory: &InMemory) -> u64 {
    let metrics = memory.metrics();
    let duration = metrics
        .iter()
        .find(|metric| metric.name == "http.server.request.duration");
    let points = duration.map_or(&[][..], |metric| &metric.points);
    points.iter().filter_map(|point| point.count).sum()
}

/// One request; then so many spans and measurements are there.
#[track_caller]
fn check_recorded(
    instrumentation: &Instrumentation<ServerMetrics>,
    memory: &InMemory,
    spans: usize,
    measurements: u64,
) {
    drop(serve(instrumentation, &remote("01")));
    assert_eq!(memory.spans().len(), spans);
    assert_eq!(requests(memory), measurements);
}

/// Nobody makes a span: the remote parent stays current and is sent on as it came.
#[track_caller]
fn check_passed_on(instrumentation: &Instrumentation<ServerMetrics>) {
    for flags in ["00", "01", "02", "03"] {
        let mut operation = serve(instrumentation, &remote(flags));
        assert_eq!(operation.enter(current_span), SPAN);
        let headers = sent(instrumentation, &operation);
        let expected = traceparent(flags);
        assert_eq!(only(&headers, "traceparent"), Some(expected.as_str()));
        assert_eq!(only(&headers, "tracestate"), Some("foo=1"));
        assert_eq!(only(&headers, "baggage"), Some("a=b"));
    }
}

#[test]
fn what_was_built_before_the_global_providers_uses_them_afterwards() {
    in_own_process(
        "providers::what_was_built_before_the_global_providers_uses_them_afterwards",
        || {
            let server = unset();
            check_passed_on(&server);
            let memory = InMemory::new();
            global::set_tracer_provider(memory.tracer_provider());
            global::set_meter_provider(memory.meter_provider());
            check_recorded(&server, &memory, 1, 1);
            check_recorded(&server, &memory, 2, 2);
            check_recorded(&server.clone(), &memory, 3, 3);
            let span = memory.spans().remove(0);
            assert_eq!(span.trace_id.to_string(), TRACE);
            assert_eq!(span.parent_span_id.unwrap().to_string(), SPAN);
            assert!(span.parent_is_remote);
            assert_eq!(span.scope, "test-server");
        },
    );
}

#[test]
fn global_meters_are_found_before_any_tracer_is() {
    in_own_process(
        "providers::global_meters_are_found_before_any_tracer_is",
        || {
            let server = unset();
            let (first, second) = (InMemory::new(), InMemory::new());
            check_recorded(&server, &first, 0, 0);
            global::set_meter_provider(first.meter_provider());
            check_recorded(&server, &first, 0, 1);
            check_recorded(&server, &first, 0, 2);
            global::set_meter_provider(second.meter_provider());
            check_recorded(&server, &second, 0, 1);
            assert_eq!(requests(&first), 2);
            check_passed_on(&server);
        },
    );
}

#[test]
fn an_installation_is_picked_up_by_what_exists_already() {
    in_own_process(
        "providers::an_installation_is_picked_up_by_what_exists_already",
        || {
            let [globals, first, second] = [(); 3].map(|()| InMemory::new());
            let server = unset();
            check_passed_on(&server);
            global::set_tracer_provider(globals.tracer_provider());
            global::set_meter_provider(globals.meter_provider());
            check_recorded(&server, &globals, 1, 1);
            install(installation(&first));
            check_recorded(&server, &first, 1, 1);
            check_recorded(&server.clone(), &first, 2, 2);
            install(installation(&second));
            check_recorded(&server, &second, 1, 1);
            // Nothing installed is nothing recorded, and not the globals again.
            install(Installation::default());
            check_recorded(&server, &second, 1, 1);
            check_passed_on(&server);
            let counts = [&globals, &first, &second].map(|memory| memory.spans().len());
            assert_eq!(counts, [1, 2, 1]);
        },
    );
}

#[test]
fn installed_propagators_are_the_ones_in_use() {
    in_own_process(
        "providers::installed_propagators_are_the_ones_in_use",
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

#[test]
fn providers_that_are_given_do_not_see_others() {
    in_own_process(
        "providers::providers_that_are_given_do_not_see_others",
        || {
            let [globals, installed, own] = [(); 3].map(|()| InMemory::new());
            let server = server(&own);
            check_recorded(&server, &own, 1, 1);
            global::set_tracer_provider(globals.tracer_provider());
            global::set_meter_provider(globals.meter_provider());
            check_recorded(&server, &own, 2, 2);
            install(installation(&installed));
            check_recorded(&server, &own, 3, 3);
            check_recorded(&server.clone(), &own, 4, 4);
            for other in [&globals, &installed] {
                assert_eq!(other.spans().len(), 0);
                assert_eq!(other.metrics(), []);
            }
            // What was not given is looked for as ever.
            let mut mixed = unset();
            mixed.set_tracers(TracerSource::new(own.tracer_provider()));
            drop(serve(&mixed, &remote("01")));
            assert_eq!((own.spans().len(), requests(&own)), (5, 4));
            assert_eq!((installed.spans().len(), requests(&installed)), (0, 1));
        },
    );
}

#[test]
fn propagation_goes_on_without_any_provider() {
    check_passed_on(&unset());
    // A request that came without a context starts no trace that nobody would see.
    let server = unset();
    let operation = serve(&server, &get(&[]));
    assert!(!operation.context().has_active_span());
    assert!(sent(&server, &operation).is_empty());
}

#[test]
fn propagation_goes_on_after_shutdown() {
    let memory = InMemory::new();
    let server = server(&memory);
    check_recorded(&server, &memory, 1, 1);
    memory.tracer_provider().shutdown().unwrap();
    check_passed_on(&server);
    assert_eq!(memory.spans().len(), 1);
}

#[test]
fn propagation_goes_on_where_telemetry_is_suppressed() {
    let memory = InMemory::new();
    let client = client(&memory);
    let parent = Propagators::default().extract(remote("03").headers());
    let _parent = parent.attach();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let operation = call(&client);
    let headers = sent(&client, &operation);
    assert_eq!(
        only(&headers, "traceparent"),
        Some(traceparent("03").as_str())
    );
    drop(operation);
    assert_eq!(memory.spans().len(), 0);
}

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
        "providers::a_global_propagator_of_other_fields_is_used",
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
        "providers::a_global_propagator_of_w3c_fields_is_replaced_by_ours",
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

/// The metrics without what differs from run to run.
fn without_durations(memory: &InMemory) -> Vec<MetricRecord> {
    let mut metrics = memory.metrics();
    for metric in &mut metrics {
        for point in &mut metric.points {
            if let Some(count) = point.count {
                assert_eq!(point.bucket_counts.iter().sum::<u64>(), count);
                point.value = 0.0;
                point.bucket_counts.clear();
            }
        }
        let attributes =
            |point: &throughline_testing::PointRecord| format!("{:?}", point.attributes);
        metric.points.sort_by_key(attributes);
    }
    metrics
}

#[test]
fn bound_and_plain_instruments_give_the_same_data_points() {
    type Finish = fn(Operation<throughline_core::http_semconv::ServerCall>);
    let respond: Finish =
        |operation| drop(operation.respond(Response::new(Full::new(Bytes::new()))));
    let fail: Finish = |operation| {
        let mut response = Response::new(Full::new(Bytes::from("sorry")));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        drop(operation.respond(response));
    };
    let ends: [Finish; 8] = [
        respond,
        fail,
        drop,
        |mut operation| operation.finish(Outcome::Finished),
        |mut operation| operation.finish(Outcome::Panicked),
        |mut operation| operation.finish(Outcome::Upgraded),
        |mut operation| operation.finish(Outcome::Error("first")),
        |mut operation| operation.finish(Outcome::Error("second")),
    ];
    let versions = ["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"];
    let record = |binds: bool| {
        let memory = InMemory::new();
        let mut server = unset();
        server.change_http(|http| http.server_active_requests = true);
        let meters = MeterSource::new(memory.meter_provider());
        server.set_meters(if binds {
            meters.with_bound_instruments()
        } else {
            meters
        });
        for method in ["GET", "POST", "BREW", "MIX"] {
            for uri in ["/", "https://shop.example/"] {
                for version in 0..versions.len() {
                    for route in [None, Some("/bound/{id}"), Some("/other/{id}")] {
                        for end in ends {
                            let mut request = get(&[]);
                            *request.method_mut() = method.parse().unwrap();
                            *request.uri_mut() = uri.parse().unwrap();
                            *request.version_mut() = [
                                ::http::Version::HTTP_09,
                                ::http::Version::HTTP_10,
                                ::http::Version::HTTP_11,
                                ::http::Version::HTTP_2,
                                ::http::Version::HTTP_3,
                            ][version];
                            let mut operation = serve(&server, &request);
                            if let Some(route) = route {
                                let call = operation.details_mut().unwrap();
                                call.matched(Route::intern(route).unwrap());
                            }
                            end(operation);
                        }
                    }
                }
            }
        }
        without_durations(&memory)
    };
    let plain = record(false);
    assert_eq!(plain.len(), 2);
    // The two unknown methods are one, and so are the two ends without a response or an error.
    assert_eq!(plain[1].points.len(), 3 * 2 * 5 * 3 * 7);
    assert_eq!(plain, record(true));
}

#[test]
fn given_meters_make_their_instruments_once() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl Instruments for Counted {
        fn new(_: &Meter, _: bool) -> Self {
            MADE.fetch_add(1, Ordering::Relaxed);
            Self
        }
    }
    let memory = InMemory::new();
    let mut instrumentation = Instrumentation::<Counted>::new("test", "1.2.3");
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    for _ in 0..3 {
        // There is no tracer yet, so this looks again and again.
        drop((instrumentation.resolve()).start(internal(), Vec::new, Probe::default()));
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    let _ = instrumentation.resolve();
    assert_eq!(MADE.load(Ordering::Relaxed), 2);
}

#[test]
fn providers_given_late_count_from_then_on() {
    let (first, second) = (InMemory::new(), InMemory::new());
    let mut server = server(&first);
    check_recorded(&server, &first, 1, 1);
    server.set_tracers(TracerSource::new(second.tracer_provider()));
    server.set_meters(MeterSource::new(second.meter_provider()));
    check_recorded(&server, &second, 1, 1);
    assert_eq!((first.spans().len(), requests(&first)), (1, 1));
}

#[test]
fn metrics_need_no_tracer() {
    in_own_process("providers::metrics_need_no_tracer", || {
        let memory = InMemory::new();
        let mut given = unset();
        given.set_meters(MeterSource::new(memory.meter_provider()));
        check_recorded(&given, &memory, 0, 1);
        let mut installation = installation(&memory);
        installation.tracers = None;
        install(installation);
        let server = unset();
        check_recorded(&server, &memory, 0, 2);
        check_passed_on(&server);
        assert_eq!(requests(&memory), 6);
    });
}
