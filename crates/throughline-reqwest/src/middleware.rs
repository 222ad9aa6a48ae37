//! The middleware.

use std::mem;
use std::sync::Arc;

use http::Extensions;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use throughline_core::http_semconv::{ClientCall, ClientMetrics, ClientRequest, ClientSettings};
use throughline_core::{Instrumentation, MeterSource, Operation, Outcome, TracerSource};

use crate::response::with_operation;

/// Opens one CLIENT span per request under the current context and sends the trace context along.
///
/// Its place is the innermost: inside a middleware that retries, each try has a span, as the conventions ask, and
/// `http.request.resend_count` counts them.
#[derive(Clone, Debug)]
pub struct TracingMiddleware {
    instrumentation: Instrumentation<ClientMetrics>,
    settings: Arc<ClientSettings>,
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
        Self {
            instrumentation: Instrumentation::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            ),
            settings: Arc::default(),
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

    /// Starts the operation and writes its context into the headers.
    fn start(&self, request: &mut Request, extensions: &mut Extensions) -> Operation<ClientCall> {
        let sent_before = extensions.get::<TimesSent>().map_or(0, |times| times.0);
        extensions.insert(TimesSent(sent_before.saturating_add(1)));
        let resolved = self.instrumentation.resolve();
        let mut headers = mem::take(request.headers_mut());
        let url = request.url();
        let operation = ClientRequest {
            method: request.method(),
            url: &|| url.as_str().into(),
            host: url.host_str().unwrap_or_default(),
            port: url.port_or_known_default(),
            scheme: Some(url.scheme()),
            headers: &headers,
            body_size: &|| request.body()?.as_bytes().map(|bytes| bytes.len() as u64),
            template: extensions.get(),
            resend_count: sent_before,
            settings: &self.settings,
        }
        .start(&resolved);
        let propagation = resolved.propagation();
        propagation.inject(operation.context(), &mut headers);
        *request.headers_mut() = headers;
        operation
    }
}

impl Default for TracingMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait::async_trait]
impl Middleware for TracingMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let mut operation = self.start(&mut request, extensions);
        match operation.within(next.run(request, extensions)).await {
            // Nothing is recorded, so nothing waits for the body's end.
            Ok(response) if operation.details_mut().is_none() => Ok(response),
            Ok(response) => Ok(with_operation(response, operation)),
            Err(error) => {
                operation.finish(Outcome::Error(error_type(&error)));
                Err(error)
            }
        }
    }
}

/// The `error.type` of a request that got no response. Never the error's text, which holds the URL.
fn error_type(error: &Error) -> &'static str {
    match error {
        Error::Middleware(_) => "middleware",
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "connect",
        error if error.is_redirect() => "redirect",
        error if error.is_builder() => "builder",
        error if error.is_decode() => "decode",
        error if error.is_body() => "body",
        error if error.is_request() => "request",
        _ => "_OTHER",
    }
}
