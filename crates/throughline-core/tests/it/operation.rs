//! The lifecycle: one outcome and one span, whatever happens.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use http_body::Body;
use http_body_util::{Empty, Full};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use throughline_core::http_semconv::{ServerCall, ServerMetrics, ServerRequest, Treatment};
use throughline_core::{
    Installation, Instrumentation, Operation, Outcome, Prediction, SamplerHint, TracerSource,
    install,
};
use throughline_testing::InMemory;

use crate::support::{
    NoMetrics, Probe, SPAN, TRACE, call, client, current_span, get, in_own_process, internal,
    poll_once, probed, ready, serve, server, traceparent,
};

/// A panic without a message on the terminal.
fn quiet_panic(payload: &'static str) -> ! {
    resume_unwind(Box::new(payload))
}

#[track_caller]
fn payload_of(run: impl FnOnce()) -> &'static str {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it panicked");
    payload.downcast_ref::<&'static str>().unwrap()
}

/// `run` gets an operation and leads to exactly one outcome and one span.
#[track_caller]
fn check(run: impl FnOnce(Operation<Probe>), expected: Outcome) {
    let memory = InMemory::new();
    let probe = Probe::default();
    let operation = probed(&memory, &probe);
    let _ = catch_unwind(AssertUnwindSafe(|| run(operation)));
    assert_eq!(probe.outcomes(), [expected]);
    assert_eq!(memory.spans().len(), 1);
}

#[test]
fn an_operation_finishes_exactly_once() {
    let outcomes = [
        Outcome::Finished,
        Outcome::Error("timeout"),
        Outcome::Cancelled,
        Outcome::Panicked,
        Outcome::Upgraded,
    ];
    for outcome in outcomes {
        check(|mut operation| operation.finish(outcome), outcome);
        for second in outcomes {
            check(
                |mut operation| {
                    operation.finish(outcome);
                    operation.finish(second);
                },
                outcome,
            );
        }
    }
    check(drop, Outcome::Cancelled);
    check(
        |operation| drop(operation.respond(Response::new(Empty::<Bytes>::new()))),
        Outcome::Finished,
    );
}

#[test]
fn a_panic_within_finishes_at_once() {
    let memory = InMemory::new();
    let probe = Probe::default();
    let mut operation = probed(&memory, &probe);
    let payload = payload_of(|| operation.enter(|| quiet_panic("in the handler")));
    assert_eq!(payload, "in the handler");
    assert_eq!(probe.outcomes(), [Outcome::Panicked]);
    // A response that a catching layer made up is not another outcome.
    drop(operation.respond(Response::new(Full::new(Bytes::from("sorry")))));
    assert_eq!(probe.outcomes(), [Outcome::Panicked]);
    assert_eq!(memory.spans().len(), 1);
    check(
        |mut operation| {
            let _ = poll_once(|cx| {
                pin!(operation.within(async { quiet_panic("in the future") }))
                    .as_mut()
                    .poll(cx)
                    .map(|()| ())
            });
        },
        Outcome::Panicked,
    );
}

#[test]
fn work_runs_in_the_context_of_its_operation() {
    let memory = InMemory::new();
    let mut operation = probed(&memory, &Probe::default());
    let outside = current_span();
    let own = operation.context().span().span_context().span_id();
    assert_eq!(operation.enter(current_span), own.to_string());
    assert_eq!(current_span(), outside);
    payload_of(|| operation.enter(|| quiet_panic("in the handler")));
    assert_eq!(current_span(), outside);
}

#[test]
fn a_future_is_entered_at_each_poll_and_left_between() {
    let memory = InMemory::new();
    let probe = Probe::default();
    let mut operation = probed(&memory, &probe);
    let own = operation.context().span().span_context().span_id();
    let outside = current_span();
    let polls = Cell::new(0);
    {
        let mut future = pin!(operation.within(poll_fn(|_| {
            assert_eq!(current_span(), own.to_string());
            polls.set(polls.get() + 1);
            if polls.get() < 3 {
                Poll::Pending
            } else {
                Poll::Ready("done")
            }
        })));
        for _ in 0..2 {
            assert!(poll_once(|cx| future.as_mut().poll(cx)).is_pending());
            assert_eq!(current_span(), outside);
        }
        assert_eq!(ready(poll_once(|cx| future.as_mut().poll(cx))), "done");
    }
    // It is for the caller to say how it went.
    assert_eq!(probe.outcomes(), []);
    drop(operation);
    assert_eq!(probe.outcomes(), [Outcome::Cancelled]);
}

#[test]
fn a_dropped_future_is_cancelled() {
    check(
        |mut operation| {
            let mut future = Box::pin(async move { operation.within(pending::<()>()).await });
            assert!(poll_once(|cx| future.as_mut().poll(cx)).is_pending());
        },
        Outcome::Cancelled,
    );
}

#[test]
fn operations_nest() {
    let memory = InMemory::new();
    let (server, client) = (server(&memory), client(&memory));
    let mut outer = serve(&server, &get(&[]));
    outer.enter(|| {
        let mut inner = call(&client);
        inner.enter(|| drop(call(&client)));
        inner.finish(Outcome::Finished);
    });
    outer.finish(Outcome::Finished);
    memory.trace().assert_tree(
        "SERVER GET
           CLIENT GET
             CLIENT GET",
    );
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PanicsAt {
    Start,
    End,
}

/// A span processor that panics.
#[derive(Debug)]
struct Panicking(PanicsAt);

impl SpanProcessor for Panicking {
    fn on_start(&self, _: &mut Span, _: &Context) {
        if self.0 == PanicsAt::Start {
            quiet_panic("in on_start");
        }
    }

    fn on_end(&self, _: SpanData) {
        if self.0 == PanicsAt::End {
            quiet_panic("in on_end");
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_panicking_span_processor_does_not_escape() {
    #[track_caller]
    fn check(panics: PanicsAt, run: impl FnOnce(&mut Operation<ServerCall>)) {
        let memory = InMemory::new();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Panicking(panics))
            .build();
        let mut server = server(&memory);
        server.set_tracers(TracerSource::new(provider));
        let mut operation = serve(&server, &get(&[("traceparent", &traceparent("01"))]));
        let span = operation.context().span().span_context().clone();
        assert_eq!(span.trace_id().to_string(), TRACE);
        run(&mut operation);
        drop(operation);
        let metrics = memory.metrics();
        assert_eq!(metrics[0].name, "http.server.active_requests");
        assert_eq!(metrics[0].points[0].value, 0.0);
        assert_eq!(metrics[1].points[0].count, Some(1));
    }
    for panics in [PanicsAt::Start, PanicsAt::End] {
        check(panics, |_| {});
        check(panics, |operation| operation.finish(Outcome::Finished));
        check(panics, |operation| {
            let payload = payload_of(|| operation.enter(|| quiet_panic("in the handler")));
            assert_eq!(payload, "in the handler");
        });
    }
}

#[test]
fn a_panicking_span_processor_does_not_abort_an_unwinding() {
    for panics in [PanicsAt::Start, PanicsAt::End] {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Panicking(panics))
            .build();
        let mut instrumentation = Instrumentation::<NoMetrics>::new("test", "1.2.3");
        instrumentation.set_tracers(TracerSource::new(provider));
        let payload = payload_of(|| {
            let resolved = instrumentation.resolve();
            let _dropped = resolved.start(internal(), Vec::new, Probe::default());
            quiet_panic("outside of the operation")
        });
        assert_eq!(payload, "outside of the operation");
    }
}

/// Notes whether a span was current when one ended. It must not be: a processor is called under its span's lock.
#[derive(Debug)]
struct Looking(Arc<AtomicBool>);

impl SpanProcessor for Looking {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {
        let is_active = Context::current().has_active_span();
        self.0.store(is_active, Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_span_that_ends_is_not_current() {
    #[track_caller]
    fn check(run: impl FnOnce(Operation<Probe>)) {
        let seen = Arc::new(AtomicBool::new(true));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Looking(Arc::clone(&seen)))
            .build();
        let mut instrumentation = Instrumentation::<NoMetrics>::new("test", "1.2.3");
        instrumentation.set_tracers(TracerSource::new(provider));
        let resolved = instrumentation.resolve();
        let operation = resolved.start(internal(), Vec::new, Probe::default());
        let _ = catch_unwind(AssertUnwindSafe(|| run(operation)));
        assert!(!seen.load(Ordering::Relaxed));
    }
    check(drop);
    check(|mut operation| operation.finish(Outcome::Finished));
    check(|mut operation| operation.enter(|| quiet_panic("in the handler")));
    check(|operation| {
        let response = Response::new(Full::new(Bytes::from("ab")));
        let mut body = Box::pin(operation.respond(response).into_body());
        let _ = poll_once(|cx| body.as_mut().poll_frame(cx));
    });
}

#[test]
fn an_unrecorded_operation_only_carries_its_context() {
    in_own_process(
        "operation::an_unrecorded_operation_only_carries_its_context",
        || {
            let memory = InMemory::new();
            let tracers = TracerSource::new(memory.tracer_provider())
                .with_sampler_hint(SamplerHint::always(Prediction::Drop));
            let server = Instrumentation::<ServerMetrics>::new("test", "1.2.3");
            // Without a tracer it carries the remote parent, below a sampler that drops a child of it.
            for tracers in [None, Some(tracers)] {
                let is_off = tracers.is_none();
                let mut installation = Installation::default();
                installation.tracers = tracers;
                install(installation);
                let request = get(&[("traceparent", &traceparent("03")), ("baggage", "a=b")]);
                let mut operation = serve(&server, &request);
                assert!(operation.details_mut().is_none());
                let span = operation.context().span().span_context().clone();
                assert_eq!(span.trace_id().to_string(), TRACE);
                assert_eq!(span.span_id().to_string() == SPAN, is_off);
                let own = span.span_id().to_string();
                assert_eq!(operation.enter(current_span), own);
                let baggage = operation.enter(|| Context::current().baggage().get("a").cloned());
                assert_eq!(baggage, Some("b".into()));
                operation.finish(Outcome::Error("nobody cares"));
                let response = operation.respond(Response::new(Full::new(Bytes::from("ab"))));
                let mut body = Box::pin(response.into_body());
                let frame = ready(poll_once(|cx| body.as_mut().poll_frame(cx)));
                assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "ab");
            }
            // The hooks of a request that leaves nothing behind are not asked.
            let request = get(&[]);
            drop(
                ServerRequest {
                    method: request.method(),
                    uri: request.uri(),
                    version: request.version(),
                    headers: request.headers(),
                    route: &|| panic!("asked for the route"),
                    peer: &|| panic!("asked for the peer"),
                    local: &|| None,
                    is_encrypted: &|| false,
                    treatment: Treatment::default(),
                }
                .start(&server.resolve()),
            );
            assert_eq!(memory.spans().len(), 0);
            assert_eq!(memory.metrics(), []);
        },
    );
}
