//! Services, bodies and assertions that several modules need.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use throughline_testing::opentelemetry::Value;
use throughline_testing::{InMemory, MetricRecord, SpanRecord};
use throughline_tower::ServerLayer;
use tokio::sync::mpsc::UnboundedReceiver;
use tower::{Layer, ServiceExt, service_fn};

/// A layer that records in `memory` alone.
pub(crate) fn layer(memory: &InMemory) -> ServerLayer {
    plain_layer(memory).active_requests()
}

/// The same with nothing that is off by default.
pub(crate) fn plain_layer(memory: &InMemory) -> ServerLayer {
    ServerLayer::new()
        .tracer_provider(memory.tracer_provider())
        .meter_provider(memory.meter_provider())
}

/// A GET request without body; the URI's authority, if any, goes into the `Host` header.
pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

/// Runs `handler` on `request` below `layer`, and reads the response to its end.
pub(crate) async fn serve<B, F>(
    layer: &ServerLayer,
    request: Request<()>,
    handler: impl Fn(Request<()>) -> F,
) -> Response<Bytes>
where
    B: Body,
    B::Error: fmt::Debug + 'static,
    F: Future<Output = Response<B>>,
{
    let service = layer.layer(service_fn(|request| {
        let response = handler(request);
        async { Ok::<_, Infallible>(response.await) }
    }));
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// A handler that answers with 200 and an empty body.
pub(crate) async fn ok(_: Request<()>) -> Response<Empty<Bytes>> {
    Response::default()
}

/// The error of the bodies and services here.
#[derive(Debug, PartialEq)]
pub(crate) struct Broken(pub(crate) u32);

/// What `error.type` says of it.
pub(crate) const BROKEN: &str = "it::support::Broken";

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

pub(crate) type AnyBody = UnsyncBoxBody<Bytes, Broken>;

/// A body whose length is known and which says when it is at its end.
pub(crate) fn full(content: &'static str) -> AnyBody {
    Full::from(content)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of unknown length that does as it is told, and never says that it is at its end.
pub(crate) fn steps(steps: impl IntoIterator<Item = Step>) -> AnyBody {
    let steps = steps.into_iter().collect();
    let says_end = false;
    Steps { steps, says_end }.boxed_unsync()
}

/// The same, but it says when it is at its end.
pub(crate) fn steps_to_end(steps: impl IntoIterator<Item = Step>) -> AnyBody {
    let steps = steps.into_iter().collect();
    let says_end = true;
    Steps { steps, says_end }.boxed_unsync()
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Data(&'static str),
    Trailers,
    Fail,
    Panic,
    /// There is nothing more yet, and never will be.
    Wait,
}

struct Steps {
    steps: VecDeque<Step>,
    says_end: bool,
}

impl Body for Steps {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = match self.steps.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Data(data)) => Ok(Frame::data(data.into())),
            Some(Step::Trailers) => {
                let trailer = ("checksum".parse().unwrap(), HeaderValue::from_static("1"));
                Ok(Frame::trailers(HeaderMap::from_iter([trailer])))
            }
            Some(Step::Fail) => Err(Broken(1)),
            Some(Step::Panic) => panic!("on purpose"),
            Some(Step::Wait) => {
                self.steps.push_front(Step::Wait);
                return Poll::Pending;
            }
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.says_end && self.steps.is_empty()
    }
}

/// A body of unknown length whose data comes from elsewhere.
pub(crate) struct Fed(pub(crate) UnboundedReceiver<Bytes>);

impl Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let polled = self.0.poll_recv(cx);
        polled.map(|data| data.map(|data| Ok(Frame::data(data))))
    }
}

/// Waits for `future` on this thread, without any runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls `future` once, which must not be ready.
pub(crate) fn poll_pending<F: Future>(future: Pin<&mut F>) {
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(future.poll(&mut cx).is_pending());
}

/// The only span.
#[track_caller]
pub(crate) fn only_span(memory: &InMemory) -> SpanRecord {
    let spans = memory.spans();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans.into_iter().next().unwrap()
}

/// The metric `name`.
#[track_caller]
pub(crate) fn metric(memory: &InMemory, name: &str) -> MetricRecord {
    let metrics = memory.metrics();
    let found = metrics.iter().find(|metric| metric.name == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {metrics:#?}"))
        .clone()
}

pub(crate) const DURATION: &str = "http.server.request.duration";
pub(crate) const ACTIVE: &str = "http.server.active_requests";

/// How many requests are active, over all points.
#[track_caller]
pub(crate) fn active(memory: &InMemory) -> f64 {
    let points = metric(memory, ACTIVE).points;
    points.iter().map(|point| point.value).sum()
}

/// Asserts that one request was recorded, as the line `expected` of a tree, and that the metrics say the same.
#[track_caller]
pub(crate) fn assert_recorded_once(memory: &InMemory, expected: &str) {
    memory.trace().assert_tree(expected);
    let span = only_span(memory);
    assert_eq!(active(memory), 0.0);
    let points = metric(memory, DURATION).points;
    let [point] = &points[..] else {
        panic!("one point instead of {points:#?}")
    };
    assert_eq!(point.count, Some(1));
    assert_eq!(point.value, span.duration().as_secs_f64());
    for key in ["error.type", "http.response.status_code", "http.route"] {
        assert_eq!(point.attributes.get(key), span.attribute(key), "{key}");
    }
}

/// The status code of the only span.
#[track_caller]
pub(crate) fn status_code(memory: &InMemory) -> Option<i64> {
    match only_span(memory).attribute("http.response.status_code") {
        Some(Value::I64(status)) => Some(*status),
        Some(other) => panic!("a status that is no integer: {other:?}"),
        None => None,
    }
}
