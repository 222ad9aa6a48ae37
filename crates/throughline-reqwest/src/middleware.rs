//! The middleware.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;

use http::Extensions;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{FutureExt, Tracer, TracerProvider};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use throughline_core::http_semconv::{
    ClientCall, ClientMetrics, ClientRequest, ClientSettings, Destinations, HttpSettings,
};
use throughline_core::{Instrumentation, MeterSource, Operation, TracerSource};

use crate::errors::error_types;
use crate::redirect::{Following, Hop, Kept, Redirect, Then};
use crate::response::with_operation;

/// Opens one CLIENT span per request under the current context and sends the trace context along.
///
/// Its place is the innermost: inside a middleware that retries, each try has a span, as the conventions ask, and
/// `http.request.resend_count` counts them.
#[derive(Clone, Debug)]
pub struct TracingMiddleware {
    instrumentation: Instrumentation<ClientMetrics>,
    settings: Arc<ClientSettings>,
    /// None: reqwest follows redirects below.
    redirects: Option<Arc<Following>>,
}

/// In the extensions of a request: how often it was sent.
#[derive(Clone, Copy, Debug)]
struct TimesSent(u32);

impl TracingMiddleware {
    /// A middleware that uses the providers that `throughline::init()` installed, else the OpenTelemetry globals.
    ///
    /// It may be built before either of them is there.
    #[must_use]
    pub fn new() -> Self {
        let mut settings = ClientSettings::default();
        settings.errors = error_types();
        Self {
            instrumentation: Instrumentation::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            ),
            settings: Arc::new(settings),
            redirects: None,
        }
    }

    /// Takes spans from `provider`. Default: the installed or the global provider.
    ///
    /// For tests side by side in one process, and for applications with several providers.
    #[must_use]
    pub fn tracer_provider<P>(mut self, provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        self.instrumentation
            .set_tracers(TracerSource::new(provider));
        self
    }

    /// Takes metrics from `provider`. Default: the installed or the global provider.
    #[must_use]
    pub fn meter_provider(mut self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        self.instrumentation.set_meters(MeterSource::new(provider));
        self
    }

    pub(crate) fn change(
        mut self,
        change: impl Fn(&mut HttpSettings) + Send + Sync + 'static,
    ) -> Self {
        self.instrumentation.change_http(change);
        self
    }

    pub(crate) fn settings(&mut self) -> &mut ClientSettings {
        Arc::make_mut(&mut self.settings)
    }

    /// The same above a client that follows none itself, with the headers of propagation for `destinations`.
    pub(crate) fn following_redirects(mut self, to: Destinations, following: Following) -> Self {
        self.settings().destinations = Some(to);
        self.redirects = Some(Arc::new(following));
        self
    }

    /// Sends one request, with a span of its own.
    async fn send(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
        hop: Hop,
    ) -> Result<Response> {
        let mut operation = self.start(&mut request, extensions, hop);
        let sent = next.run(request, extensions);
        let result = match hop.then.map(Redirect::new) {
            None => operation.within(sent).await,
            Some(redirect) => {
                let context = operation.context().with_value(redirect);
                let sent = sent.with_context(context.clone());
                let result = operation.within(sent).await;
                let redirect = context.get::<Redirect>().filter(|_| result.is_err());
                if let Some(status) = redirect.and_then(Redirect::status)
                    && let Some(call) = operation.details_mut()
                {
                    call.answered(status);
                }
                result
            }
        };
        match result {
            // Nothing is recorded, so nothing waits for the body's end.
            Ok(response) if operation.details_mut().is_none() => Ok(response),
            Ok(response) => {
                if let Some(call) = operation.details_mut() {
                    call.connected_to(response.remote_addr());
                }
                Ok(with_operation(response, operation))
            }
            Err(error) => {
                operation.fail(&error);
                Err(error)
            }
        }
    }

    /// Sends a request and those that its responses redirect to.
    async fn follow(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
        following: &Following,
    ) -> Result<Response> {
        following.add_defaults(request.headers_mut());
        let first = request.url().clone();
        let mut has_left = false;
        let mut hops = 0;
        loop {
            let hop = Hop::new(hops, (&first, request.url()), has_left, following);
            has_left = hop.has_left;
            // Before our headers are in it.
            let kept = Kept::of(&request);
            let response = self.send(request, extensions, next.clone(), hop).await?;
            request = match kept.redirected(&response, following.sends_referer) {
                Some(next) if hop.then == Some(Then::Follow) => next,
                _ => return Ok(response),
            };
            hops += 1;
        }
    }

    /// Starts the operation and writes its context into the headers.
    fn start(
        &self,
        request: &mut Request,
        extensions: &mut Extensions,
        hop: Hop,
    ) -> Operation<ClientCall> {
        let sent_before = extensions.get::<TimesSent>().map_or(0, |times| times.0);
        extensions.insert(TimesSent(sent_before.saturating_add(1)));
        let resolved = self.instrumentation.resolve();
        let mut headers = mem::take(request.headers_mut());
        let url = request.url();
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default();
        let operation = ClientRequest {
            method: request.method(),
            url: &|| url.as_str().into(),
            host,
            port,
            scheme: Some(url.scheme()),
            headers: &headers,
            body_size: &|| request.body()?.as_bytes().map(|bytes| bytes.len() as u64),
            template: extensions.get().filter(|_| hop.is_first_url),
            resend_count: sent_before,
            settings: &self.settings,
        }
        .start(&resolved);
        let propagation = resolved.propagation();
        let context = operation.context();
        (self.settings).inject(
            propagation,
            context,
            (host, port),
            hop.is_foreign,
            &mut headers,
        );
        if let Some(following) = &self.redirects {
            following.keep_away(&hop, &mut headers);
        }
        *request.headers_mut() = headers;
        operation
    }
}

impl Default for TracingMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for TracingMiddleware {
    // What `#[async_trait]` would make of it, but for one future less around the others: it would hold the request once more.
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send + 'f>>
    where
        Self: 'f,
        's: 'f,
        'e: 'f,
        'n: 'f,
    {
        match &self.redirects {
            None => Box::pin(self.send(request, extensions, next, Hop::ONLY)),
            Some(following) => Box::pin(self.follow(request, extensions, next, following)),
        }
    }
}
