//! The layer, its service, the future and the body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::{Request, Response};
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use throughline_bench::Input;
use tower::layer::layer_fn;
use tower::{Layer, Service};

use super::context::SpanContext;
use super::span::Span;

/// Makes a SERVER span of each request whose parent is sampled.
pub(crate) fn layer<S>(input: Input) -> impl Layer<S, Service = Floor<S>> + Clone {
    let roots = input != Input::AlwaysOff;
    layer_fn(move |inner| Floor { inner, roots })
}

#[derive(Clone)]
pub(crate) struct Floor<S> {
    inner: S,
    /// Whether a request without a parent is sampled.
    roots: bool,
}

impl<S, B, C> Service<Request<B>> for Floor<S>
where
    S: Service<Request<B>, Response = Response<C>>,
{
    type Response = Response<Body<C>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let parent = SpanContext::extract(request.headers());
        let context = parent.map_or_else(|| SpanContext::root(self.roots), SpanContext::child);
        let span = context
            .sampled
            .then(|| Span::start(context, parent, &request));
        ResponseFuture {
            inner: context.scope(|| self.inner.call(request)),
            context,
            span,
        }
    }
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        context: SpanContext,
        span: Option<Span>,
    }
}

impl<F, C, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<C>, E>>,
{
    type Output = Result<Response<Body<C>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.context.scope(|| this.inner.poll(cx)))?;
        let mut span = this.span.take();
        if let Some(span) = &mut span {
            span.respond(response.status());
        }
        Poll::Ready(Ok(response.map(|inner| Body { inner, span })))
    }
}

pin_project! {
    pub(crate) struct Body<C> {
        #[pin]
        inner: C,
        span: Option<Span>,
    }
}

impl<C: http_body::Body> http_body::Body for Body<C> {
    type Data = C::Data;
    type Error = C::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<C::Data>, C::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if frame.is_none() {
            *this.span = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
