//! The layer's setters for what is off by default: which requests are traced, and what the application adds.

use std::sync::Arc;

use throughline_core::RecordingSpan;
use throughline_core::http_semconv::{Finish, PathPatterns};

use crate::head::{RequestHead, ResponseHead};
use crate::layer::ServerLayer;

/// Which requests are traced.
impl ServerLayer {
    /// Traces and measures only the requests for which `predicate` is true. Default: all.
    ///
    /// For health checks and the like. A request that is left out has neither span nor metrics; the caller's context is
    /// carried on, so that calls of its handler belong to the caller's trace, unless it is a stranger's. A predicate that
    /// panics has said yes.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().filter(|request| !request.headers.contains_key("x-probe"));
    /// ```
    #[must_use]
    pub fn filter(
        mut self,
        predicate: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options().filter = Some(Arc::new(predicate));
        self
    }

    /// Leaves out the requests to these paths, as [`filter`](Self::filter) does, beside those that are installed.
    /// Default: what is installed, else none.
    ///
    /// `/health` is that path and no other, `/internal/*` every path that begins with `/internal/`. Paths are compared as
    /// they were sent, without decoding. What [is none](PathPatterns::is_pattern) matches nothing.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().exclude_paths(["/health", "/internal/*"]);
    /// ```
    #[must_use]
    pub fn exclude_paths<P: Into<Box<str>>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        let patterns = PathPatterns::new(paths);
        self.change(move |http| http.server_excluded_urls.extend(&patterns))
    }

    /// Begins a trace for each request, with a link to the caller's span in place of a parent. Default: the caller's
    /// trace is continued.
    ///
    /// For servers that strangers call: neither their trace ids nor their sampling decisions nor their baggage are taken
    /// over.
    #[must_use]
    pub fn public_endpoint(self) -> Self {
        self.public_endpoint_if(|_| true)
    }

    /// The same for the requests for which `predicate` is true. One that panics has said yes.
    ///
    /// For servers that are called by services of their own and by strangers.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().public_endpoint_if(|request| !request.uri.path().starts_with("/internal/"));
    /// ```
    #[must_use]
    pub fn public_endpoint_if(
        mut self,
        predicate: impl Fn(RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options().is_public = Some(Arc::new(predicate));
        self
    }
}

/// How long a span lives.
impl ServerLayer {
    /// Lets the span of a request that switches the protocol (101, or 2xx to `CONNECT`) live as long as its connection,
    /// and [count as active](Self::active_requests) until then. Default: it ends with the response.
    ///
    /// For `WebSocket`s whose time on the line is of interest. No layer sees the connection itself, so whoever serves it
    /// takes the [`ConnectionSpan`](crate::ConnectionSpan) out of the request's extensions and holds it to the end; where
    /// nobody does, the span ends with the response. The span's context is that of the handler: take it along with
    /// `with_current_context()` of `opentelemetry::trace::FutureExt`.
    ///
    /// ```
    /// use throughline_tower::{ConnectionSpan, ServerLayer};
    ///
    /// let layer = ServerLayer::new().upgraded_connections();
    ///
    /// async fn handler(mut request: http::Request<()>) {
    ///     let span = request.extensions_mut().remove::<ConnectionSpan>();
    ///     let connection = async move {
    ///         // Serve it.
    ///         drop(span);
    ///     };
    /// }
    /// ```
    #[must_use]
    pub fn upgraded_connections(mut self) -> Self {
        self.options().upgraded_connections = true;
        self
    }
}

/// What the application adds to spans, and to responses. A hook runs once at most per request, and only where the span
/// records. A panic in it is caught. An attribute that the span has already is recorded again, so leave those of the
/// table to the layer.
impl ServerLayer {
    /// Calls `hook` when the span has started. Default: none.
    ///
    /// For attributes of the request, and for a name of your own, which no route replaces.
    ///
    /// ```
    /// use opentelemetry::KeyValue;
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().on_request(|request, span| {
    ///     if request.headers.contains_key("x-canary") {
    ///         span.set_attributes([KeyValue::new("app.canary", true)]);
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_request(
        mut self,
        hook: impl Fn(RequestHead<'_>, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.options().on_request = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` when the service has responded, before the body. Default: none.
    ///
    /// For what the service left in the extensions of its response.
    #[must_use]
    pub fn on_response(
        mut self,
        hook: impl Fn(ResponseHead<'_>, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.options().on_response = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` when the request has ended, however it did, right before its span ends. Default: none.
    ///
    /// For what depends on the outcome. It may run in a destructor: it must be short, and not block.
    ///
    /// ```
    /// use std::time::Duration;
    /// use opentelemetry::KeyValue;
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().on_finish(|finish, span| {
    ///     span.set_attributes([KeyValue::new("app.slow", finish.elapsed > Duration::from_secs(1))]);
    /// });
    /// ```
    #[must_use]
    pub fn on_finish(
        mut self,
        hook: impl Fn(Finish, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.options().on_finish = Some(Arc::new(hook));
        self
    }

    /// Tells the caller the span, sampled or not, in the header `traceresponse: 00-{trace}-{span}-{flags}`
    /// (<https://w3c.github.io/trace-context/#trace-context-http-response-headers-format>, a draft). Default: it does not.
    ///
    /// For callers that begin no trace and want to name one in a report. One that was there is replaced: it is that of
    /// another span.
    #[must_use]
    pub fn traceresponse(mut self) -> Self {
        self.options().trace_response.traceresponse = true;
        self
    }

    /// Tells the caller the span in `Server-Timing: traceparent;desc="00-{trace}-{span}-{flags}"`, beside the values
    /// that are there. Default: it does not.
    ///
    /// For browsers, whose scripts can read this header of a page.
    #[must_use]
    pub fn server_timing(mut self) -> Self {
        self.options().trace_response.server_timing = true;
        self
    }
}
