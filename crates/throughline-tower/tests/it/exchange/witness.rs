//! What the server does with the traced service, seen from between the two.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use throughline_testing::InMemory;
use throughline_tower::{Server, ServerLayer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::{Layer, Service};

/// What the server did with the traced service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    /// It called the service.
    Called,
    /// It got the head of the response.
    Head,
    /// It got some of the body.
    Data,
    /// It got the trailers.
    Trailers,
    /// It heard that there is no more.
    End,
    /// It got an error instead of the head or of a frame.
    Failed,
    /// The service or the body panicked.
    Panicked,
    /// It dropped the future that had not responded, or the body.
    Dropped,
}

/// Sees each event right after our layer does, with the number of spans that have ended then.
#[derive(Clone, Default)]
struct Witness {
    memory: InMemory,
    log: Option<UnboundedSender<(Event, usize)>>,
}

impl Witness {
    fn saw(&self, event: Event) {
        if let Some(log) = &self.log {
            log.send((event, self.memory.spans().len())).ok();
        }
    }

    fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            self.saw(Event::Panicked);
            resume_unwind(panic)
        })
    }
}

/// Our layer, with the witness around it.
#[derive(Clone)]
pub(crate) struct Traced {
    pub(crate) layer: ServerLayer,
    witness: Witness,
}

impl Traced {
    pub(crate) fn new(memory: &InMemory, layer: ServerLayer) -> (Self, Log) {
        let (log, coming) = unbounded_channel();
        let witness = Witness {
            memory: memory.clone(),
            log: Some(log),
        };
        let seen = Vec::new();
        (Self { layer, witness }, Log { seen, coming })
    }
}

impl<S> Layer<S> for Traced {
    type Service = Witnessed<Server<S>>;

    fn layer(&self, inner: S) -> Self::Service {
        Witnessed {
            inner: self.layer.layer(inner),
            witness: self.witness.clone(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Witnessed<S> {
    inner: S,
    witness: Witness,
}

impl<S, R, B> Service<Request<R>> for Witnessed<S>
where
    S: Service<Request<R>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<WitnessedBody<B>>;
    type Error = S::Error;
    type Future = WitnessedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let future = self.witness.watch(|| self.inner.call(request));
        self.witness.saw(Event::Called);
        WitnessedFuture {
            inner: Some(Box::pin(future)),
            witness: self.witness.clone(),
        }
    }
}

pub(crate) struct WitnessedFuture<F> {
    /// None once it has responded.
    inner: Option<Pin<Box<F>>>,
    witness: Witness,
}

impl<F, B, E> Future for WitnessedFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<WitnessedBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let future = this.inner.as_mut().unwrap();
        let Poll::Ready(result) = this.witness.watch(|| future.as_mut().poll(cx)) else {
            return Poll::Pending;
        };
        this.inner = None;
        let event = if result.is_ok() {
            Event::Head
        } else {
            Event::Failed
        };
        this.witness.saw(event);
        let witness = this.witness.clone();
        let body = |body| WitnessedBody {
            inner: Some(Box::pin(body)),
            witness,
        };
        Poll::Ready(result.map(|response| response.map(body)))
    }
}

impl<F> Drop for WitnessedFuture<F> {
    fn drop(&mut self) {
        if self.inner.take().is_some() {
            self.witness.saw(Event::Dropped);
        }
    }
}

pub(crate) struct WitnessedBody<B> {
    inner: Option<Pin<Box<B>>>,
    witness: Witness,
}

impl<B: Body> Body for WitnessedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = &mut *self;
        let body = this.inner.as_mut().unwrap();
        let polled = this.witness.watch(|| body.as_mut().poll_frame(cx));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => this.witness.saw(Event::End),
            Poll::Ready(Some(Err(_))) => this.witness.saw(Event::Failed),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => this.witness.saw(Event::Data),
            Poll::Ready(Some(Ok(_))) => this.witness.saw(Event::Trailers),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().unwrap().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().unwrap().size_hint()
    }
}

/// What a layer outside responds with in our place; no event of ours.
impl<B: Default> Default for WitnessedBody<B> {
    fn default() -> Self {
        Self {
            inner: Some(Box::pin(B::default())),
            witness: Witness::default(),
        }
    }
}

impl<B> Drop for WitnessedBody<B> {
    fn drop(&mut self) {
        drop(self.inner.take());
        self.witness.saw(Event::Dropped);
    }
}

/// What the witness saw, as far as it was looked at.
pub(crate) struct Log {
    seen: Vec<(Event, usize)>,
    coming: UnboundedReceiver<(Event, usize)>,
}

impl Log {
    /// Waits for an event.
    pub(crate) async fn until(&mut self, event: Event) {
        while let Some(next) = self.coming.recv().await {
            self.seen.push(next);
            if next.0 == event {
                return;
            }
        }
        panic!("never {event:?}, but {:?}", self.seen)
    }

    /// All that was seen, once nothing more can come.
    pub(crate) async fn whole(mut self) -> Vec<(Event, usize)> {
        while let Some(next) = self.coming.recv().await {
            self.seen.push(next);
        }
        self.seen
    }
}
