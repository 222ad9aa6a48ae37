//! The future of a response.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use throughline_core::http_semconv::{Labels, Route, ServerCall, error_type_of};
use throughline_core::{Operation, Outcome};

use crate::ResponseBody;
use crate::connection::WeakConnectionSpan;
use crate::options::Options;

pin_project! {
    /// The future of a traced response: runs the inner one in the span's context.
    ///
    /// Dropped before its end, it ends the span as cancelled.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Dropped first, so that what the inner future does in its destructors lies within the span.
        #[pin]
        inner: F,
        // Until the response takes it over. None from the beginning where an outer layer has the request's span.
        operation: Option<Operation<ServerCall>>,
        options: Option<Arc<Options>>,
        connection: Option<WeakConnectionSpan>,
        // What to tell that outer layer.
        route_for_outer: Option<Route>,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn traced(
        inner: F,
        operation: Operation<ServerCall>,
        options: Option<Arc<Options>>,
        connection: Option<WeakConnectionSpan>,
    ) -> Self {
        Self {
            inner,
            operation: Some(operation),
            options,
            connection,
            route_for_outer: None,
        }
    }

    pub(crate) fn nested(inner: F, route: Option<Route>) -> Self {
        Self {
            inner,
            operation: None,
            options: None,
            connection: None,
            route_for_outer: route,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.operation {
            Some(operation) => operation.enter(|| this.inner.poll(cx)),
            None => this.inner.poll(cx),
        };
        let result = ready!(polled);
        Poll::Ready(match (result, this.operation.take()) {
            (Ok(mut response), Some(mut operation)) => {
                if let Some(call) = operation.details_mut() {
                    if call.route().is_none()
                        && let Some(&route) = response.extensions().get::<Route>()
                    {
                        call.matched(route);
                    }
                    if let Some(labels) = response.extensions().get::<Labels>() {
                        call.add_labels(labels);
                    }
                }
                if let Some(options) = this.options {
                    options.responded(&mut operation, &mut response);
                }
                let upgraded = |mut operation: Operation<_>| match this.connection {
                    None => operation.finish(Outcome::Upgraded),
                    Some(connection) => connection.upgraded(operation),
                };
                Ok(operation.respond_or_upgrade(response, upgraded))
            }
            (Err(error), Some(mut operation)) => {
                operation.finish(Outcome::Error(error_type_of::<E>()));
                Err(error)
            }
            (Ok(mut response), None) => {
                if let Some(route) = *this.route_for_outer {
                    response.extensions_mut().insert(route);
                }
                Ok(response.map(ResponseBody::without_operation))
            }
            (Err(error), None) => Err(error),
        })
    }
}
