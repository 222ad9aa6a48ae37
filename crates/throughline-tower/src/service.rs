//! The service.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use throughline_core::http_semconv::{ServerRequest, Treatment};
use tower_service::Service;

use crate::ResponseBody;
use crate::future::ResponseFuture;
use crate::head::{Encrypted, LocalAddress};
use crate::layer::{Config, peer, target};

/// A service whose requests are traced; made by [`ServerLayer`](crate::ServerLayer).
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    config: Arc<Config>,
}

/// In the extensions of a request: an outer layer has its span already.
#[derive(Clone, Copy, Debug)]
struct HasSpan;

impl<S> Server<S> {
    pub(crate) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Server<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body<Error: 'static>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if request.extensions_mut().insert(HasSpan).is_some() {
            let route = self.config.route_of(&request);
            return ResponseFuture::nested(self.inner.call(request), route);
        }
        let options = self.config.options.as_ref();
        let resolved = self.config.instrumentation.resolve();
        let mut operation = ServerRequest {
            method: request.method(),
            uri: target(&request),
            version: request.version(),
            headers: request.headers(),
            route: &|| self.config.route_of(&request),
            peer: &|| peer(request.extensions()),
            local: &|| {
                request
                    .extensions()
                    .get()
                    .map(|&LocalAddress(address)| address)
            },
            is_encrypted: &|| request.extensions().get::<Encrypted>().is_some(),
            treatment: options.map_or_else(Treatment::default, |o| o.treatment(&request)),
        }
        .start(&resolved);
        let connection = options.and_then(|options| {
            options.started(&mut operation, &request);
            options.connection(&mut request)
        });
        let inner = operation.enter(|| self.inner.call(request));
        ResponseFuture::traced(inner, operation, options.cloned(), connection)
    }
}
