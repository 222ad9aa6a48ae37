//! What is current while a request is served, and where it comes from.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::thread;

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use throughline_core::propagation::Propagators;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::{
    Link, Span as _, SpanId, SpanKind, TraceContextExt, TraceId, TraceState, Tracer, TracerProvider,
};
use throughline_testing::opentelemetry::{Context, KeyValue, StringValue};
use throughline_testing::opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, ShouldSample,
};
use throughline_testing::{InMemory, SpanRecord};
use throughline_tower::ServerLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{
    DURATION, active, block_on, full, get, layer, metric, ok, only_span, poll_pending, serve,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The headers that a call out of the current context would carry.
fn injected() -> HeaderMap {
    let mut headers = HeaderMap::new();
    Propagators::default().inject(&Context::current(), &mut headers);
    headers
}

fn current_span() -> SpanId {
    Context::current().span().span_context().span_id()
}

/// Is pending until it was polled that often.
fn ready_at_poll(count: u32) -> impl Future<Output = ()> {
    let mut polled = 0;
    poll_fn(move |_| {
        polled += 1;
        match polled < count {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
}

#[test]
fn the_span_is_current_in_call_poll_and_frames_and_not_outside() {
    /// Notes what is current at each frame, and gives two.
    struct Noting(Rc<RefCell<Vec<SpanId>>>, u32);
    impl Body for Noting {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut TaskContext<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.borrow_mut().push(current_span());
            self.1 += 1;
            let frame = Frame::data("12345".into());
            Poll::Ready((self.1 <= 2).then_some(Ok(frame)))
        }
    }

    let memory = InMemory::new();
    let noted = Rc::new(RefCell::new(Vec::new()));
    let mut service = layer(&memory).layer(service_fn(|_: Request<()>| {
        noted.borrow_mut().push(current_span());
        async {
            noted.borrow_mut().push(current_span());
            ready_at_poll(2).await;
            noted.borrow_mut().push(current_span());
            Ok::<_, Infallible>(Response::new(Noting(Rc::clone(&noted), 0)))
        }
    }));
    let outside = || assert_eq!(current_span(), SpanId::INVALID);
    let mut future = pin!(service.call(get("/")));
    outside();
    poll_pending(future.as_mut());
    outside();
    let mut body = block_on(future).unwrap().into_body();
    outside();
    while let Some(frame) = block_on(body.frame()) {
        frame.unwrap();
        outside();
    }
    let span = only_span(&memory).span_id;
    assert_eq!(*noted.borrow(), [span; 6]);
}

#[test]
fn requests_in_turn_on_one_thread_keep_their_own_context() {
    let memory = InMemory::new();
    let noted = RefCell::new(Vec::new());
    let mut service = layer(&memory).layer(service_fn(|request: Request<()>| {
        let path = request.uri().path().to_owned();
        let noted = &noted;
        let note = move || noted.borrow_mut().push((path.clone(), current_span()));
        note();
        async move {
            for _ in 0..3 {
                note();
                ready_at_poll(2).await;
            }
            Ok::<_, Infallible>(Response::new(full("")))
        }
    }));
    {
        let mut a = pin!(service.call(get("/a")));
        let mut b = pin!(service.call(get("/b")));
        for _ in 0..3 {
            poll_pending(a.as_mut());
            assert_eq!(current_span(), SpanId::INVALID);
            poll_pending(b.as_mut());
            assert_eq!(current_span(), SpanId::INVALID);
        }
        block_on(a).unwrap();
        block_on(b).unwrap();
    }
    for span in memory.spans() {
        let path = span.attribute("url.path").unwrap().to_string();
        let noted = noted.borrow();
        let own: Vec<_> = noted.iter().filter(|(noted, _)| *noted == path).collect();
        assert_eq!(own.len(), 4);
        assert!(own.iter().all(|(_, noted)| *noted == span.span_id));
    }
}

#[test]
fn an_ambient_span_is_no_parent_and_is_there_again_afterwards() {
    block_on(async {
        let memory = InMemory::new();
        let tracer = memory.tracer_provider().tracer("ambient");
        let baggage = [KeyValue::new("ambient", "yes")];
        let ambient = Context::new()
            .with_span(tracer.start("ambient"))
            .with_baggage(baggage);
        let ambient_id = ambient.span().span_context().span_id();
        let attached = ambient.clone().attach();
        serve(&layer(&memory), get("/"), async |_| {
            assert_ne!(current_span(), ambient_id);
            assert!(Context::current().baggage().is_empty());
            Response::new(full("text"))
        })
        .await;
        assert_eq!(current_span(), ambient_id);
        drop(attached);
        let server = only_span(&memory);
        assert_eq!(server.parent_span_id, None);
        assert_ne!(server.trace_id, ambient.span().span_context().trace_id());
    });
}

/// Serves `request`; returns the headers of a call that its handler would make.
fn onward(layer: &ServerLayer, request: Builder) -> HeaderMap {
    let mut onward = HeaderMap::new();
    let seen = RefCell::new(&mut onward);
    block_on(serve(layer, request.body(()).unwrap(), async |_| {
        **seen.borrow_mut() = injected();
        Response::new(full("text"))
    }));
    onward
}

/// A request of the caller, with these flags.
fn called(flags: &str) -> Builder {
    Request::get("/")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
        .header("tracestate", "vendor=value,other=1")
        .header("baggage", "tenant=acme")
}

/// Serves a request of the caller with these flags; returns span id and flags of what goes onward in the same trace.
#[track_caller]
fn span_and_flags(layer: &ServerLayer, flags: &str) -> (String, String) {
    let onward = onward(layer, called(flags));
    assert_eq!(onward["tracestate"], "vendor=value,other=1");
    assert_eq!(onward["baggage"], "tenant=acme");
    let parent: Vec<_> = onward["traceparent"].to_str().unwrap().split('-').collect();
    assert_eq!(parent[..2], ["00", TRACE]);
    (parent[2].to_owned(), parent[3].to_owned())
}

#[test]
fn a_remote_parent_is_continued() {
    let memory = InMemory::new();
    let (onward, flags) = span_and_flags(&layer(&memory), "01");
    let span = only_span(&memory);
    assert_eq!(span.trace_id.to_string(), TRACE);
    assert_eq!(span.parent_span_id.unwrap().to_string(), CALLER);
    assert!(span.parent_is_remote);
    assert_eq!(span.trace_state, "vendor=value,other=1");
    assert_eq!((onward, flags), (span.span_id.to_string(), "01".to_owned()));
}

#[test]
fn the_handler_sees_the_baggage() {
    let memory = InMemory::new();
    block_on(serve(
        &layer(&memory),
        called("01").body(()).unwrap(),
        async |_| {
            let tenant = StringValue::from("acme");
            assert_eq!(Context::current().baggage().get("tenant"), Some(&tenant));
            Response::new(full("text"))
        },
    ));
}

#[test]
fn an_unsampled_trace_is_propagated_without_a_span_and_with_its_random_flag() {
    let parent_based = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let cases: [(Sampler, &str, &str); 5] = [
        (parent_based(), "00", "00"),
        (parent_based(), "02", "02"),
        (Sampler::AlwaysOff, "00", "00"),
        (Sampler::AlwaysOff, "01", "00"),
        (Sampler::AlwaysOff, "03", "02"),
    ];
    for (sampler, incoming, outgoing) in cases {
        let memory = InMemory::with_sampler(sampler);
        let (span, flags) = span_and_flags(&layer(&memory), incoming);
        assert_eq!(flags, outgoing, "{incoming}");
        assert_ne!(span, CALLER);
        assert_eq!(memory.spans(), []);
    }
}

#[test]
fn a_sampled_trace_keeps_its_random_flag() {
    for flags in ["01", "03"] {
        let memory = InMemory::new();
        let (span, outgoing) = span_and_flags(&layer(&memory), flags);
        assert_eq!(outgoing, flags);
        assert_eq!(only_span(&memory).span_id.to_string(), span);
    }
}

#[test]
fn without_any_provider_the_remote_parent_stays_current() {
    for flags in ["00", "01", "02", "03"] {
        let expected = (CALLER.to_owned(), flags.to_owned());
        assert_eq!(span_and_flags(&ServerLayer::new(), flags), expected);
    }
}

#[test]
fn without_any_provider_and_parent_nothing_is_current() {
    let response = block_on(serve(&ServerLayer::default(), get("/"), async |_| {
        assert!(!Context::current().has_active_span());
        assert!(injected().is_empty());
        Response::new(full("text"))
    }));
    assert_eq!(response.body(), "text");
}

#[test]
fn after_the_shutdown_of_the_provider_the_remote_parent_stays_current() {
    let memory = InMemory::new();
    let layer = layer(&memory);
    assert_ne!(span_and_flags(&layer, "01").0, CALLER);
    memory.tracer_provider().shutdown().unwrap();
    assert_eq!(span_and_flags(&layer, "01").0, CALLER);
    assert_eq!(memory.spans().len(), 1);
}

#[test]
fn a_malformed_parent_starts_a_new_trace() {
    for malformed in [
        "",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    ] {
        let memory = InMemory::new();
        let request = Request::get("/").header("traceparent", malformed);
        block_on(serve(&layer(&memory), request.body(()).unwrap(), ok));
        assert_eq!(only_span(&memory).parent_span_id, None);
    }
}

/// Decides by the attributes that a span starts with.
#[derive(Clone, Debug)]
struct ByAttributes(fn(&[KeyValue]) -> SamplingDecision);

impl ShouldSample for ByAttributes {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        assert_eq!(*kind, SpanKind::Server);
        SamplingResult {
            decision: self.0(attributes),
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn the_sampler_sees_the_attributes() {
    let memory = InMemory::with_sampler(ByAttributes(|attributes| {
        match attributes.contains(&KeyValue::new("url.path", "/health")) {
            true => SamplingDecision::Drop,
            false => SamplingDecision::RecordAndSample,
        }
    }));
    block_on(async {
        serve(&layer(&memory), get("/health"), ok).await;
        serve(&layer(&memory), get("/users"), ok).await;
    });
    let path = only_span(&memory).attribute("url.path").cloned();
    assert_eq!(path, Some("/users".into()));
}

/// Drops every span and counts how often it was asked.
#[derive(Clone, Debug, Default)]
struct CountingDrop(Arc<AtomicUsize>);

impl ShouldSample for CountingDrop {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        SamplingResult {
            decision: SamplingDecision::Drop,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn a_request_below_two_layers_is_sampled_once() {
    let sampler = CountingDrop::default();
    let memory = InMemory::with_sampler(sampler.clone());
    let layer = ServerLayer::new().tracer_provider(memory.tracer_provider());
    let service = layer.layer(layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(full("ok"))))
    })));
    block_on(service.oneshot(get("/"))).unwrap();
    assert_eq!(sampler.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_child_never_ends_after_its_parent() {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("child");
    for _ in 0..500 {
        block_on(serve(&layer(&memory), get("/"), |_| {
            // Ends with the work: nothing lies between its end and the response.
            tracer.start("child").end();
            ready(Response::new(full("")))
        }));
    }
    let spans = memory.spans();
    for child in spans.iter().filter(|span| span.name == "child") {
        let is_parent = |span: &&SpanRecord| Some(span.span_id) == child.parent_span_id;
        let parent = spans.iter().find(is_parent).unwrap();
        assert!(
            parent.start <= child.start && child.end <= parent.end,
            "{parent:?} {child:?}"
        );
    }
}

#[test]
fn a_span_that_is_only_recorded_goes_onward_as_unsampled() {
    let memory = InMemory::with_sampler(ByAttributes(|_| SamplingDecision::RecordOnly));
    let onward = onward(&layer(&memory), Request::get("/"));
    let span = only_span(&memory);
    let parent = format!("00-{}-{}-00", span.trace_id, span.span_id);
    assert_eq!(onward["traceparent"], parent);
}

#[test]
fn a_hundred_providers_in_one_process_do_not_see_each_other() {
    thread::scope(|scope| {
        for number in 0..100 {
            scope.spawn(move || {
                let memory = InMemory::new();
                let layer = layer(&memory);
                for _ in 0..=number % 3 {
                    let request = get(&format!("/{number}"));
                    block_on(serve(&layer, request, ok));
                }
                let paths: Vec<_> = memory
                    .spans()
                    .iter()
                    .map(|span| span.attribute("url.path").unwrap().to_string())
                    .collect();
                assert_eq!(paths, vec![format!("/{number}"); number % 3 + 1]);
                let duration = metric(&memory, DURATION).points;
                let counts: Vec<_> = duration.iter().map(|point| point.count).collect();
                assert_eq!(counts, [Some(number as u64 % 3 + 1)]);
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_layer_serves_many_requests_at_once() {
    let memory = InMemory::new();
    let layer = layer(&memory);
    let tasks: Vec<_> = (0..200)
        .map(|i| {
            let service = layer.layer(service_fn(async |_: Request<()>| {
                let before = current_span();
                tokio::task::yield_now().await;
                assert_eq!(current_span(), before);
                Ok::<_, Infallible>(Response::new(full("")))
            }));
            tokio::spawn(service.oneshot(get(&format!("/{i}"))))
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(memory.traces().len(), 200);
    assert_eq!(active(&memory), 0.0);
}

/// The layer works wherever tower does: services that are neither `Send` nor `'static`.
#[test]
fn futures_need_be_neither_send_nor_static() {
    let memory = InMemory::new();
    let local = String::from("text");
    let not_send = Rc::new(());
    let service = layer(&memory).layer(service_fn(|_: Request<()>| {
        let not_send = Rc::clone(&not_send);
        let local = &local;
        async move {
            drop(not_send);
            Ok::<_, Infallible>(Response::new(local.clone()))
        }
    }));
    let response = block_on(service.oneshot(get("/"))).unwrap();
    drop(response);
    assert_eq!(memory.spans().len(), 1);
}

/// What axum asks of a layer.
#[test]
fn layer_service_future_and_body_are_send_and_sync() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let memory = InMemory::new();
    let layer = layer(&memory);
    check(&layer);
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new("text".to_owned())))
    }));
    check(&service);
    let future = service.call(get("/"));
    check(&future);
    check(block_on(future).unwrap().body());
}
