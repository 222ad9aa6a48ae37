//! The layer and its configuration.

use std::error::Error;
use std::sync::Arc;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use throughline_core::http_semconv::{
    ClientMetrics, ClientSettings, Destinations, Hosts, HttpSettings,
};
use throughline_core::{Instrumentation, MeterSource, TracerSource};
use tower_layer::Layer;

use super::service::Client;

/// Opens one CLIENT span per request under the current context and sends the trace context along.
///
/// For any service that sends `http` requests: the client of hyper-util, a connection of hyper, a stack of tower's. Its
/// place is next to that: inside of `tower::retry` and of what follows redirects, each request that is sent has a span,
/// as the conventions ask.
///
#[doc = include_str!("../../CLIENT.md")]
#[derive(Clone, Debug)]
pub struct ClientLayer(Arc<Config>);

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) instrumentation: Instrumentation<ClientMetrics>,
    pub(crate) settings: Arc<ClientSettings>,
}

impl ClientLayer {
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
            settings: Arc::default(),
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

    /// Tells errors of type `E` apart: what `rule` returns becomes `error.type`, and must be of low cardinality. It is asked
    /// of the service's error, of the body's, and of what they come from.
    ///
    /// Default: `timeout` and `connect` where an [`io::Error`](std::io::Error) says so, for boxed errors and those that
    /// have a rule; else the error's type.
    ///
    /// ```
    /// use hyper_util::client::legacy;
    /// use throughline_tower::ClientLayer;
    ///
    /// let layer = ClientLayer::new()
    ///     .error_type(|error: &legacy::Error| error.is_connect().then_some("connect"))
    ///     .error_type(|error: &hyper::Error| error.is_incomplete_message().then_some("incomplete"));
    /// ```
    #[must_use]
    pub fn error_type<E: Error + 'static>(
        mut self,
        rule: impl Fn(&E) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let errors = &mut self.settings().errors;
        *errors = std::mem::take(errors).with(rule);
        self
    }

    /// Sends trace headers and baggage to these hosts only: names, addresses, `*.suffix` for all names below one, any of
    /// them with a port, or `*`; [`Hosts`] has the rules. Anything else allows no host.
    ///
    /// For clients that call others than one's own services, who should not learn of trace ids and baggage. Headers that the
    /// caller put into a request stay. Default: all hosts.
    ///
    /// ```
    /// use throughline_tower::ClientLayer;
    ///
    /// let layer = ClientLayer::new().propagate_to(["*.internal", "localhost"]).baggage_to(["orders.internal"]);
    /// ```
    #[must_use]
    pub fn propagate_to<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations().propagate_to = Some(Hosts::new(hosts));
        self
    }

    /// Sends neither trace headers nor baggage to these hosts, even if they are on another list. What is
    /// [no host](Hosts) denies all of them, and a host that is not known is denied. Default: none.
    #[must_use]
    pub fn propagate_except<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations().propagate_except = Hosts::new(hosts);
        self
    }

    /// Sends baggage to these hosts only, among those that get trace headers. Default: to all that do.
    ///
    /// Baggage holds what the application put there, and what came with the request that it serves.
    #[must_use]
    pub fn baggage_to<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations().baggage_to = Some(Hosts::new(hosts));
        self
    }

    fn destinations(&mut self) -> &mut Destinations {
        self.settings().destinations.get_or_insert_default()
    }

    fn config(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.0)
    }

    pub(super) fn change(
        mut self,
        change: impl Fn(&mut HttpSettings) + Send + Sync + 'static,
    ) -> Self {
        self.config().instrumentation.change_http(change);
        self
    }

    pub(super) fn settings(&mut self) -> &mut ClientSettings {
        Arc::make_mut(&mut self.config().settings)
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client::new(inner, Arc::clone(&self.0))
    }
}
