//! The future of a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use throughline_core::Operation;
use throughline_core::http_semconv::ClientCall;

use super::ClientResponseBody;

pin_project! {
    /// The future of a traced call: runs the inner one in the span's context.
    ///
    /// Dropped before its end, it ends the span, which is no error.
    #[derive(Debug)]
    pub struct ClientResponseFuture<F> {
        // Dropped first, so that what the inner future does in its destructors lies within the span.
        #[pin]
        inner: F,
        // Until the response takes it over.
        operation: Option<Operation<ClientCall>>,
    }
}

impl<F> ClientResponseFuture<F> {
    pub(super) fn new(inner: F, operation: Operation<ClientCall>) -> Self {
        Self {
            inner,
            operation: Some(operation),
        }
    }
}

impl<F, B, E> Future for ClientResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Error: 'static>,
    E: 'static,
{
    type Output = Result<Response<ClientResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(operation) = this.operation else {
            // Polled again after its end, which is up to the inner future.
            let result = ready!(this.inner.poll(cx));
            return Poll::Ready(result.map(|ok| ok.map(ClientResponseBody::without_operation)));
        };
        let result = ready!(operation.enter(|| this.inner.poll(cx)));
        if let Err(error) = &result {
            operation.fail(error);
        }
        Poll::Ready(match (result, this.operation.take()) {
            (Ok(response), Some(mut operation)) => {
                if let Some(call) = operation.details_mut() {
                    call.connected_by(response.extensions());
                }
                Ok(operation.respond(response))
            }
            (result, _) => result.map(|ok| ok.map(ClientResponseBody::without_operation)),
        })
    }
}
