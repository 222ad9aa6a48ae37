//! The service.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Request, Response, Uri};
use http_body::Body;
use throughline_core::http_semconv::{ClientRequest, default_port};
use tower_service::Service;

use super::ClientResponseBody;
use super::future::ClientResponseFuture;
use super::layer::Config;
use super::resends::Resends;

/// A client whose requests are traced; made by [`ClientLayer`](crate::ClientLayer).
#[derive(Clone, Debug)]
pub struct Client<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> Client<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Client<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>, Error: 'static>,
    ReqBody: Body,
    ResBody: Body<Error: 'static>,
{
    type Response = Response<ClientResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ClientResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let config = &self.config;
        let resolved = config.instrumentation.resolve();
        let written = written_host(&head.uri, &head.headers);
        let authority = head.uri.authority().or(written.as_ref());
        let host = authority.map_or("", Authority::host);
        let port = (authority.and_then(Authority::port_u16))
            .or_else(|| default_port(head.uri.scheme_str()?));
        let mut operation = ClientRequest {
            method: &head.method,
            url: &|| full_url(&head.uri, written.as_ref()),
            host,
            port,
            scheme: head.uri.scheme_str(),
            headers: &head.headers,
            body_size: &|| body.size_hint().exact(),
            template: head.extensions.get(),
            resend_count: head.extensions.get().map_or(0, Resends::count),
            settings: &config.settings,
        }
        .start(&resolved);
        let (propagation, context) = (resolved.propagation(), operation.context());
        (config.settings).inject(propagation, context, (host, port), false, &mut head.headers);
        let request = Request::from_parts(head, body);
        let inner = operation.enter(|| self.inner.call(request));
        ClientResponseFuture::new(inner, operation)
    }
}

/// The host of a request whose target does not tell it, as on a single connection of hyper's.
fn written_host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if uri.authority().is_some() {
        return None;
    }
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

/// The absolute URL; `//host/path` where the scheme is not known, and empty where the host is not.
fn full_url<'a>(uri: &'a Uri, written: Option<&'a Authority>) -> Cow<'a, str> {
    match (uri.authority(), written) {
        (Some(_), _) if uri.scheme().is_some() => uri.to_string().into(),
        // The target of a CONNECT.
        (Some(_), _) => format!("//{uri}").into(),
        (None, Some(host)) => format!("//{host}{uri}").into(),
        (None, None) => "".into(),
    }
}
