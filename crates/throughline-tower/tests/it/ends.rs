//! Every way in which a request ends: one span, one measurement, one outcome.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::{Status, Tracer, TracerProvider};
use tokio::sync::mpsc::unbounded_channel;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::{
    ACTIVE, AnyBody, BROKEN, Broken, Fed, Step, assert_recorded_once, block_on, full, get, layer,
    metric, only_span, poll_pending, serve, status_code, steps, steps_to_end,
};

/// What becomes of the response's body.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// Reads until there is no more frame.
    ToTheEnd,
    /// Reads that many frames, then drops the body.
    Frames(usize),
    /// Drops the body.
    Nothing,
}

async fn check(method: &str, response: Response<AnyBody>, reader: Reader, mark: &str) {
    println!("{method} {response:?} {reader:?}");
    let memory = InMemory::new();
    let status = response.status().as_u16();
    let mut response = Some(response);
    let service = layer(&memory).layer(service_fn(move |_: Request<()>| {
        let response = response.take().unwrap();
        async { Ok::<_, Infallible>(response) }
    }));
    let request = Request::builder().method(method).body(()).unwrap();
    let mut body = service.oneshot(request).await.unwrap().into_body();
    match reader {
        Reader::ToTheEnd => while let Some(Ok(_)) = body.frame().await {},
        Reader::Frames(count) => {
            for _ in 0..count {
                body.frame().await.unwrap().unwrap();
            }
        }
        Reader::Nothing => {}
    }
    drop(body);
    assert_recorded_once(&memory, &format!("SERVER {method}{mark}"));
    assert_eq!(status_code(&memory), Some(status.into()));
}

fn with_status(status: u16, body: AnyBody) -> Response<AnyBody> {
    Response::builder().status(status).body(body).unwrap()
}

#[tokio::test]
async fn only_server_errors_are_errors() {
    for status in [200, 302, 400, 404, 405, 429, 499] {
        let response = with_status(status, full("text"));
        check("GET", response, Reader::ToTheEnd, "").await;
    }
    for status in [500, 501, 503, 599, 600, 999] {
        for reader in [Reader::ToTheEnd, Reader::Nothing] {
            let mark = format!(" [error {status}]");
            let response = with_status(status, full("text"));
            check("POST", response, reader, &mark).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_was_read_has_finished_and_one_that_was_not_is_cancelled() {
    use Reader::{Frames, Nothing, ToTheEnd};
    use Step::{Data, Trailers};
    let ok = |body| with_status(200, body);
    let announced = |length: &str, body| {
        let builder = Response::builder().header("content-length", length);
        builder.body(body).unwrap()
    };
    let cancelled = " [error cancelled]";
    let two = || steps([Data("12345"), Data("67890")]);

    check("GET", ok(full("")), Nothing, "").await;
    check("GET", ok(full("text")), ToTheEnd, "").await;
    check("GET", ok(full("text")), Frames(1), "").await;
    check("GET", ok(full("text")), Nothing, cancelled).await;

    check("GET", ok(steps([])), ToTheEnd, "").await;
    check("GET", ok(two()), ToTheEnd, "").await;
    check("GET", ok(two()), Frames(2), cancelled).await;
    check("GET", ok(two()), Frames(1), cancelled).await;
    check("GET", ok(two()), Nothing, cancelled).await;

    // It says that it is at its end, and hyper asks no more.
    let two_to_end = || steps_to_end([Data("12345"), Data("67890")]);
    check("GET", ok(steps_to_end([])), Nothing, "").await;
    check("GET", ok(two_to_end()), Frames(2), "").await;
    check("GET", ok(two_to_end()), Frames(1), cancelled).await;
    let trailers_to_end = || steps_to_end([Data("12345"), Trailers]);
    check("GET", ok(trailers_to_end()), Frames(2), "").await;
    check("GET", ok(trailers_to_end()), Frames(1), cancelled).await;

    // All that was announced went out.
    check("GET", announced("10", two()), Frames(2), "").await;
    check("GET", announced("10", two()), Frames(1), cancelled).await;
    check("GET", announced("10", two()), Nothing, cancelled).await;
    check("GET", announced("99", two()), ToTheEnd, "").await;
    check("GET", announced("7", two()), Frames(2), "").await;
    check("GET", announced("0", two()), Nothing, "").await;
    check("GET", announced("many", two()), Frames(2), cancelled).await;

    let trailers = || steps([Data("12345"), Trailers]);
    check("GET", ok(trailers()), ToTheEnd, "").await;
    check("GET", ok(trailers()), Frames(2), "").await;
    check("GET", ok(trailers()), Frames(1), cancelled).await;
    let trailers = full("text").with_trailers(async { Some(Ok(http::HeaderMap::new())) });
    check("GET", ok(trailers.boxed_unsync()), ToTheEnd, "").await;
}

#[tokio::test]
async fn a_response_without_http_body_ends_with_its_head() {
    let endless = || steps([Step::Wait]);
    for (method, status, mark) in [
        ("HEAD", 200, ""),
        ("HEAD", 404, ""),
        ("HEAD", 500, " [error 500]"),
        ("GET", 204, ""),
        ("GET", 304, ""),
        ("GET", 101, ""),
        ("CONNECT", 200, ""),
    ] {
        check(
            method,
            with_status(status, endless()),
            Reader::Nothing,
            mark,
        )
        .await;
        check(
            method,
            with_status(status, full("text")),
            Reader::ToTheEnd,
            mark,
        )
        .await;
    }
    let refused = with_status(403, endless());
    check("CONNECT", refused, Reader::Nothing, " [error cancelled]").await;
}

#[tokio::test]
async fn the_span_of_a_response_without_body_has_ended_before_the_body_is_dropped() {
    for status in [101, 204, 304] {
        let memory = InMemory::new();
        let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(with_status(status, steps([Step::Wait])))
        }));
        let response = service.oneshot(get("/")).await.unwrap();
        assert_recorded_once(&memory, "SERVER GET");
        drop(response);
        assert_recorded_once(&memory, "SERVER GET");
    }
}

#[tokio::test]
async fn a_body_that_fails_is_an_error_of_its_type() {
    let failing = || steps([Step::Data("12345"), Step::Fail]);
    let mark = format!(" [error {BROKEN}]");
    check("GET", with_status(200, failing()), Reader::ToTheEnd, &mark).await;
    check(
        "GET",
        with_status(500, failing()),
        Reader::ToTheEnd,
        " [error 500]",
    )
    .await;

    // An error without a type of its own.
    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        let body = steps([Step::Fail]).map_err(Box::<dyn std::error::Error + Send + Sync>::from);
        Ok::<_, Infallible>(Response::new(body))
    }));
    let response = service.oneshot(get("/")).await.unwrap();
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Broken(1)));
    assert_recorded_once(&memory, "SERVER GET [error _OTHER]");
}

#[tokio::test]
async fn a_body_goes_through_unchanged() {
    let memory = InMemory::new();
    let frames = [Step::Data("12345"), Step::Data("67890"), Step::Trailers];
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(steps(frames)))
    }));
    let response = service.oneshot(get("/")).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["checksum"], "1");
    assert_eq!(collected.to_bytes(), "1234567890");

    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(full("text")))
    }));
    let body = service.oneshot(get("/")).await.unwrap().into_body();
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(4));
    assert!(!http_body::Body::is_end_stream(&body));
}

#[tokio::test]
async fn the_inner_service_error_is_passed_on_and_is_an_error_of_its_type() {
    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        Err::<Response<AnyBody>, _>(Broken(7))
    }));
    assert_eq!(service.oneshot(get("/")).await.err(), Some(Broken(7)));
    assert_recorded_once(&memory, &format!("SERVER GET [error {BROKEN}]"));
    assert_eq!(status_code(&memory), None);
}

#[tokio::test]
async fn a_service_that_is_not_ready_is_asked_and_its_error_passed_on() {
    #[derive(Clone)]
    struct NeverReady;
    impl Service<Request<()>> for NeverReady {
        type Response = Response<AnyBody>;
        type Error = Broken;
        type Future = std::future::Pending<Result<Self::Response, Broken>>;

        fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Broken>> {
            Poll::Ready(Err(Broken(3)))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("called although it is not ready")
        }
    }
    let memory = InMemory::new();
    let service = layer(&memory).layer(NeverReady);
    assert_eq!(service.oneshot(get("/")).await.err(), Some(Broken(3)));
    assert_eq!(memory.spans(), []);
}

/// A service whose response never comes.
fn pending_service(
    memory: &InMemory,
) -> impl Service<
    Request<()>,
    Response = Response<throughline_tower::ResponseBody<AnyBody>>,
    Error = Infallible,
> {
    layer(memory).layer(service_fn(|_: Request<()>| {
        pending::<Result<Response<AnyBody>, Infallible>>()
    }))
}

#[test]
fn a_dropped_future_is_cancelled() {
    let memory = InMemory::new();
    let mut service = pending_service(&memory);
    drop(service.call(get("/unpolled")));
    assert_recorded_once(&memory, "SERVER GET [error cancelled]");

    let memory = InMemory::new();
    let mut service = pending_service(&memory);
    {
        let mut future = pin!(service.call(get("/polled")));
        poll_pending(future.as_mut());
        poll_pending(future.as_mut());
        assert_eq!(memory.spans(), []);
    }
    assert_recorded_once(&memory, "SERVER GET [error cancelled]");
    assert_eq!(status_code(&memory), None);
    let description = Status::error("dropped before the response");
    assert_eq!(only_span(&memory).status, description);
}

#[test]
fn ten_megabytes_dropped_on_their_way_are_cancelled() {
    block_on(async {
        let memory = InMemory::new();
        let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
            let (send, receive) = unbounded_channel();
            for _ in 0..160 {
                send.send(Bytes::from_static(&[b'x'; 64 * 1024])).unwrap();
            }
            Ok::<_, Infallible>(Response::new(Fed(receive)))
        }));
        let mut body = service.oneshot(get("/")).await.unwrap().into_body();
        for _ in 0..3 {
            body.frame().await.unwrap().unwrap();
        }
        assert_eq!(memory.spans(), []);
        drop(body);
        assert_recorded_once(&memory, "SERVER GET [error cancelled]");
        let description = Status::error("dropped before the end of the response body");
        assert_eq!(only_span(&memory).status, description);
        assert_eq!(status_code(&memory), Some(200));
    });
}

#[tokio::test]
async fn the_duration_includes_the_body() {
    let memory = InMemory::new();
    let (send, receive) = unbounded_channel();
    let mut receive = Some(receive);
    let service = layer(&memory).layer(service_fn(move |_: Request<()>| {
        let body = Fed(receive.take().unwrap());
        async { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let response = service.oneshot(get("/")).await.unwrap();
    let responded = Instant::now();
    send.send("first".into()).unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    poll_pending(pin!(body.frame()));
    assert_eq!(memory.spans(), []);
    let before_last = responded.elapsed();
    send.send("last".into()).unwrap();
    drop(send);
    body.collect().await.unwrap();
    assert_recorded_once(&memory, "SERVER GET");
    assert!(only_span(&memory).duration() >= before_last);
}

#[tokio::test]
async fn spans_of_the_handler_lie_within() {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("application");
    serve(&layer(&memory), get("/"), |_| {
        tracer.start("call");
        async {
            tracer.start("poll");
            tokio::task::yield_now().await;
            tracer.start("second poll");
            Response::new(full("text"))
        }
    })
    .await;
    let trace = memory.trace();
    trace.assert_tree(
        "SERVER GET
           INTERNAL call
           INTERNAL poll
           INTERNAL second poll",
    );
    let server = trace.find("GET");
    for child in trace.children(server) {
        assert!(server.start <= child.start, "{trace}");
    }
}

/// Runs `work`, which panics, without a message on standard error.
fn panics<R>(work: impl FnOnce() -> R) {
    let unwound = catch_unwind(AssertUnwindSafe(work)).err();
    let message = unwound.and_then(|panic| panic.downcast_ref::<&str>().copied());
    assert_eq!(message, Some("on purpose"));
}

fn panic_in_call(_: Request<()>) -> std::future::Ready<Result<Response<AnyBody>, Infallible>> {
    panic!("on purpose")
}

async fn panic_in_poll(_: Request<()>) -> Result<Response<AnyBody>, Infallible> {
    panic!("on purpose")
}

#[test]
fn a_panic_goes_on_and_is_an_error() {
    let memory = InMemory::new();
    let mut service = layer(&memory).layer(service_fn(panic_in_call));
    panics(|| service.call(get("/")));
    assert_recorded_once(&memory, "SERVER GET [error panic]");
    assert_eq!(only_span(&memory).status, Status::error("panicked"));

    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(panic_in_poll));
    panics(|| block_on(service.oneshot(get("/"))));
    assert_recorded_once(&memory, "SERVER GET [error panic]");

    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(steps([Step::Data("12345"), Step::Panic])))
    }));
    let response = block_on(service.oneshot(get("/"))).unwrap();
    panics(|| block_on(response.into_body().collect()));
    assert_recorded_once(&memory, "SERVER GET [error panic]");
    assert_eq!(status_code(&memory), Some(200));
}

#[tokio::test]
async fn a_panic_that_an_outer_layer_catches_is_a_panic() {
    let memory = InMemory::new();
    let service = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(layer(&memory))
        .service_fn(panic_in_poll);
    let response = service.oneshot(get("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_recorded_once(&memory, "SERVER GET [error panic]");
    assert_eq!(status_code(&memory), None);
}

#[tokio::test]
async fn a_panic_that_an_inner_layer_catches_is_the_response_that_it_makes() {
    for read in [true, false] {
        let memory = InMemory::new();
        let service = ServiceBuilder::new()
            .layer(layer(&memory))
            .layer(CatchPanicLayer::new())
            .service_fn(panic_in_poll);
        let response = service.oneshot(get("/")).await.unwrap();
        if read {
            response.into_body().collect().await.unwrap();
        } else {
            drop(response);
        }
        assert_recorded_once(&memory, "SERVER GET [error 500]");
        assert_eq!(status_code(&memory), Some(500));
    }
}

#[tokio::test]
async fn a_request_is_active_until_it_ends() {
    let memory = InMemory::new();
    let active = |expected: f64| {
        let points = metric(&memory, ACTIVE).points;
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        assert_eq!(values, [expected]);
    };
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        active(1.0);
        Ok::<_, Infallible>(Response::new(full("text")))
    }));
    let response = service.oneshot(get("/")).await.unwrap();
    active(1.0);
    response.into_body().collect().await.unwrap();
    active(0.0);
}

/// Drops ten thousand requests at four different points.
pub(crate) fn drop_requests(layer: &throughline_tower::ServerLayer) {
    type Answer = Pin<Box<dyn Future<Output = Result<Response<AnyBody>, Infallible>>>>;
    let mut service = layer.layer(service_fn(|request: Request<()>| -> Answer {
        match *request.method() {
            Method::GET => Box::pin(pending()),
            _ => Box::pin(async { Ok(Response::new(steps([Step::Data("12345"), Step::Wait]))) }),
        }
    }));
    let post = || Request::post("/").body(()).unwrap();
    for _ in 0..2500 {
        drop(service.call(get("/")));
        poll_pending(pin!(service.call(get("/"))));
        drop(block_on(service.call(post())).unwrap());
        let mut body = block_on(service.call(post())).unwrap().into_body();
        block_on(body.frame()).unwrap().unwrap();
    }
}

#[test]
fn no_request_stays_active_after_ten_thousand_dropped_ones() {
    let memory = InMemory::new();
    drop_requests(&layer(&memory));
    assert_eq!(memory.spans().len(), 10_000);
    let points = metric(&memory, ACTIVE).points;
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    assert_eq!(values, [0.0, 0.0]);
}

#[tokio::test]
async fn a_handler_that_drops_the_request_body_does_not_end_its_span() {
    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(|request: Request<Empty<Bytes>>| {
        drop(request);
        assert_eq!(memory.spans(), []);
        async { Ok::<_, Infallible>(Response::new(full("text"))) }
    }));
    let request = Request::new(Empty::new());
    let response = service.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_recorded_once(&memory, "SERVER GET");
}
