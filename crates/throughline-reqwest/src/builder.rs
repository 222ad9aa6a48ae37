//! A client of our own making.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use reqwest::Url;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
use throughline_core::http_semconv::{Destinations, Hosts};

use crate::TracingMiddleware;
use crate::redirect::{self, Following};

/// Builds a traced client that follows redirects above reqwest; made by [`builder`](crate::builder).
///
/// Each hop is a request of its own: it has a span, with `http.request.resend_count`, and the headers of propagation go
/// only where they may. They go to every host, but for baggage: that does not follow a redirect to another host unless
/// [`baggage_to`](Self::baggage_to) names it.
///
/// Ten redirects are followed, or as many as [`redirects`](Self::redirects) says, by the rules of reqwest; secret headers
/// that were removed on the way to another host stay removed. It [replaces](Self::build) the redirect policy of the
/// `reqwest::ClientBuilder`. A timeout of a request is that of all its
/// hops, a timeout of the client that of each.
///
/// ```
/// # fn main() -> reqwest::Result<()> {
/// let client = throughline_reqwest::builder(reqwest::Client::builder())
///     .propagate_to(["*.internal", "localhost"])
///     .baggage_to(["orders.internal"])
///     .build()?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[must_use]
#[derive(Debug)]
pub struct Builder {
    client: reqwest::ClientBuilder,
    tracing: TracingMiddleware,
    destinations: Destinations,
    following: Following,
    outer: Outer,
}

/// The middlewares around ours.
#[derive(Default)]
struct Outer(Vec<Arc<dyn Middleware>>);

impl fmt::Debug for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} middlewares", self.0.len())
    }
}

impl Builder {
    pub(crate) fn new(client: reqwest::ClientBuilder) -> Self {
        Self {
            client,
            tracing: TracingMiddleware::new(),
            destinations: Destinations::default(),
            following: Following::default(),
            outer: Outer::default(),
        }
    }

    /// Traces with `tracing`, for what it sets. Default: `TracingMiddleware::new()`.
    pub fn tracing(mut self, tracing: TracingMiddleware) -> Self {
        self.tracing = tracing;
        self
    }

    /// Adds a middleware around the tracing one, inside of those that were added before. One that retries has a span a try
    /// and hop.
    pub fn with(mut self, middleware: impl Middleware) -> Self {
        self.outer.0.push(Arc::new(middleware));
        self
    }

    /// Sends trace headers and baggage to these hosts only: names, addresses, `*.suffix` for all names below one, any of
    /// them with a port, or `*`; [`Hosts`] has the rules. Anything else allows no host.
    ///
    /// For clients that call others than one's own services, or are redirected there. Headers that the caller put into a
    /// request stay, but for a redirect to another host: there, those of propagation are removed. Default: all hosts.
    pub fn propagate_to<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations.propagate_to = Some(in_ascii(hosts));
        self
    }

    /// Sends neither trace headers nor baggage to these hosts, even if they are on another list. What is
    /// [no host](Hosts) denies all of them. Default: none.
    pub fn propagate_except<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations.propagate_except = in_ascii(hosts);
        self
    }

    /// Sends baggage to these hosts only, among those that get trace headers. Default: to all that do, but for one that a
    /// redirect led to from another host.
    ///
    /// Baggage holds what the application put there, and what came with the request that it serves.
    pub fn baggage_to<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.destinations.baggage_to = Some(in_ascii(hosts));
        self
    }

    /// Adds these headers to each call that has none of the same name. Default: none.
    ///
    /// This is the place for headers that every call has, not `reqwest::ClientBuilder::default_headers`: these are the
    /// call's own, so they are removed on a redirect to another origin where they are secret, and can be recorded.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.following.headers = headers;
        self
    }

    /// Follows so many redirects of a call at most; one more is an error, as it is reqwest's. With 0 none is followed, and
    /// a redirect is the response. Default: 10.
    pub fn redirects(mut self, max: usize) -> Self {
        self.following.max = max;
        self
    }

    /// Whether a redirected request has a `Referer`: the previous URL without user information, and of another origin the
    /// origin alone. Default: true. reqwest's own setting does not count.
    pub fn referer(mut self, sends_referer: bool) -> Self {
        self.following.sends_referer = sends_referer;
        self
    }

    /// Builds the client.
    ///
    /// Its redirect policy takes the place of that of the `reqwest::ClientBuilder`, which nobody can read. **A policy that
    /// guarded something is gone**: set [`redirects(0)`](Self::redirects) for one that followed nothing, and also for one
    /// that looked at where a redirect leads, and follow yourself what may be followed.
    ///
    /// A secret header among the default headers of the `reqwest::ClientBuilder` (`authorization`, `cookie`,
    /// `proxy-authorization`, or one of propagation) is added below. To keep it from other origins a redirected request has
    /// an empty header of that name, which some servers refuse; with [`default_headers`](Self::default_headers) it has none.
    ///
    /// # Errors
    ///
    /// Those of [`reqwest::ClientBuilder::build`].
    pub fn build(self) -> reqwest::Result<ClientWithMiddleware> {
        let client = self.client.redirect(redirect::policy()).build()?;
        let following = self.following.above(&client);
        let outer = self.outer.0.into_iter();
        let builder = outer.fold(ClientBuilder::new(client), ClientBuilder::with_arc);
        let following = (self.tracing).following_redirects(self.destinations, following);
        Ok(builder.with(following).build())
    }
}

fn in_ascii<H: AsRef<str>>(patterns: impl IntoIterator<Item = H>) -> Hosts {
    let patterns = patterns.into_iter();
    Hosts::new(patterns.map(|pattern| as_in_urls(pattern.as_ref()).into_owned()))
}

/// A pattern as its host stands in URLs: of `bücher.example` it is `xn--bcher-kva.example`. All of ASCII is left to the list.
fn as_in_urls(pattern: &str) -> Cow<'_, str> {
    if pattern.is_ascii() || pattern.contains('@') {
        return pattern.into();
    }
    let Ok(url) = Url::parse(&format!("http://{pattern}")) else {
        return pattern.into();
    };
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) if pattern.contains(':') => format!("{host}:{port}").into(),
        _ => host.to_owned().into(),
    }
}
