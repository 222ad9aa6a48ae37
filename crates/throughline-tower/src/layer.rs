//! The layer and its configuration.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Extensions, Request, Uri};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use throughline_core::http_semconv::{HttpSettings, Route, ServerMetrics};
use throughline_core::{Instrumentation, MeterSource, TracerSource};
use tower_layer::Layer;

use crate::head::{PeerAddress, RequestHead};
use crate::options::Options;
use crate::service::Server;

/// Opens one SERVER span per request, continuing the caller's trace.
///
/// Its place is outside of everything whose time counts and inside of what decides on the route: with axum,
/// `Router::layer` sees the matched route, for fallbacks too. A request that passes two of these layers has one span,
/// the outer one's; a route that only the inner one sees is told to the outer one.
#[derive(Clone, Debug)]
pub struct ServerLayer(Arc<Config>);

#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) instrumentation: Instrumentation<ServerMetrics>,
    route: Option<RouteHook>,
    /// What is off by default.
    pub(crate) options: Option<Arc<Options>>,
}

type RouteHook = Arc<dyn Fn(RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync>;

impl ServerLayer {
    /// A layer that uses the providers that `throughline::init()` installed, else the OpenTelemetry globals.
    ///
    /// It may be built before either of them is there.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Config {
            instrumentation: Instrumentation::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            ),
            route: None,
            options: None,
        }))
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
        let tracers = TracerSource::new(provider);
        self.config().instrumentation.set_tracers(tracers);
        self
    }

    /// Takes metrics from `provider`. Default: the installed or the global provider.
    #[must_use]
    pub fn meter_provider(mut self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        let meters = MeterSource::new(provider);
        self.config().instrumentation.set_meters(meters);
        self
    }

    /// Asks `hook` for the route template of a request, before axum's matched path is looked at.
    ///
    /// For services whose route nobody else tells: `nest_service`, a router of your own. What it returns becomes
    /// `http.route` and part of the span's name and must be of low cardinality: a template, never the path. Past a
    /// thousand different ones in a process a route is left out. A service that knows its route only later puts a
    /// [`Route`] into the extensions of its response.
    ///
    /// The hook runs once at most per request and layer. Default: none. One that panics has told none.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().route(|request| {
    ///     request.uri.path().starts_with("/assets/").then_some("/assets/{*path}".into())
    /// });
    /// ```
    #[must_use]
    pub fn route(
        mut self,
        hook: impl Fn(RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.config().route = Some(Arc::new(hook));
        self
    }

    pub(crate) fn change(
        mut self,
        change: impl Fn(&mut HttpSettings) + Send + Sync + 'static,
    ) -> Self {
        self.config().instrumentation.change_http(change);
        self
    }

    pub(crate) fn options(&mut self) -> &mut Options {
        Arc::make_mut(self.config().options.get_or_insert_default())
    }

    fn config(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.0)
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server::new(inner, Arc::clone(&self.0))
    }
}

impl Config {
    /// The route of a request, as far as it is known before the request is served.
    pub(crate) fn route_of<B>(&self, request: &Request<B>) -> Option<Route> {
        let ask = |hook: &RouteHook| {
            let asked = AssertUnwindSafe(|| hook(RequestHead::of(request)));
            catch_unwind(asked).unwrap_or_default()
        };
        let hooked = self.route.as_ref().and_then(ask);
        match hooked {
            Some(template) => Route::intern(&template),
            None => matched_path(request.extensions()).and_then(Route::intern),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("instrumentation", &self.instrumentation)
            .field("route", &self.route.is_some())
            .field("options", &self.options)
            .finish()
    }
}

#[cfg(feature = "axum")]
fn matched_path(extensions: &Extensions) -> Option<&str> {
    let path = extensions.get::<axum::extract::MatchedPath>()?;
    Some(path.as_str())
}

#[cfg(not(feature = "axum"))]
fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

/// The request target as it was sent: axum shortens it for nested services.
#[cfg(feature = "axum")]
pub(crate) fn target<B>(request: &Request<B>) -> &Uri {
    let original = request.extensions().get::<axum::extract::OriginalUri>();
    original.map_or(request.uri(), |original| &original.0)
}

#[cfg(not(feature = "axum"))]
pub(crate) fn target<B>(request: &Request<B>) -> &Uri {
    request.uri()
}

/// The address of the connection's other end: that of axum's `ConnectInfo`, else that of a [`PeerAddress`].
#[cfg(feature = "axum")]
pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
    info.map(|info| info.0)
        .or_else(|| extensions.get().map(|&PeerAddress(address)| address))
}

#[cfg(not(feature = "axum"))]
pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get().map(|&PeerAddress(address)| address)
}
