//! SERVER spans: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span>, and their metrics.

mod attributes;
mod call;
mod labels;
mod metrics;
mod old_names;
mod synthetic;

pub use call::{Finish, FinishHook, ServerCall};
pub use labels::Labels;
pub use metrics::ServerMetrics;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{HeaderMap, Method, Uri, Version, uri};
use opentelemetry::trace::SpanKind;

use super::forwarded::Forwarded;
use super::method::KnownMethod;
use super::route::Route;
use super::settings::HttpSettings;
use crate::operation::Operation;
use crate::providers::{Parent, Resolved, SpanRequest};

/// A request as a server sees it when it begins.
#[derive(Clone, Copy)]
pub struct ServerRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request target.
    pub uri: &'a Uri,
    /// The protocol version.
    pub version: Version,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// Finds out the route, where it is known already. Asked only if anything records.
    pub route: &'a dyn Fn() -> Option<Route>,
    /// Finds out the address of the connection's other end, where it is known. Asked only if the span records,
    /// or if anything does and there are [trusted proxies](HttpSettings::server_trusted_proxies).
    pub peer: &'a dyn Fn() -> Option<SocketAddr>,
    /// Finds out the address of the connection's own end, where it is known. Asked only if the span records, and where
    /// [that is asked for](HttpSettings::server_network_details).
    pub local: &'a dyn Fn() -> Option<SocketAddr>,
    /// Finds out whether the connection is encrypted, where the request target does not say so. Asked only if anything
    /// records.
    pub is_encrypted: &'a dyn Fn() -> bool,
    /// What becomes of it.
    pub treatment: Treatment,
}

/// What becomes of a request. Default: it continues the caller's trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// The caller is a stranger: the request begins a trace, with a link to the caller's, whose baggage is not carried on
    /// either.
    pub is_public: bool,
    /// It has neither span nor metrics. What is carried on is the caller's context, or nothing of a stranger's.
    pub is_left_out: bool,
}

impl fmt::Debug for ServerRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the headers nor the query, which may hold secrets.
        f.debug_struct("ServerRequest")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

/// What is known of a request when its span starts.
struct Start<'a> {
    settings: &'a HttpSettings,
    /// The settings again, where a server has any that are off by default.
    options: Option<&'a HttpSettings>,
    method: KnownMethod,
    is_https: bool,
    route: Option<Route>,
    forwarded: Forwarded<'a>,
}

impl ServerRequest<'_> {
    /// Extracts the caller's context and starts the SERVER operation under it. The current context is no parent.
    #[must_use]
    pub fn start(self, resolved: &Resolved<ServerMetrics>) -> Operation<ServerCall> {
        let options = resolved.server_options();
        let remote = resolved.propagation().extract(self.headers);
        let is_excluded = |http: &HttpSettings| http.server_excluded_urls.matches(self.uri.path());
        let parent = match self.treatment.is_public {
            true => Parent::Nothing(remote.span),
            false => Parent::Remote(remote),
        };
        if self.treatment.is_left_out || options.is_some_and(|options| is_excluded(options)) {
            return Operation::carrying(parent.into_context());
        }
        if !resolved.may_record(&parent) {
            return resolved.carry(parent);
        }
        let forwarded = options.map_or_else(Forwarded::default, |options| {
            let trusted = &options.server_trusted_proxies[..];
            Forwarded::believed(self.headers, self.peer, trusted)
        });
        let start = Start {
            settings: resolved.http(),
            options: options.map(|options| &**options),
            method: resolved.http().known_methods.of(self.method),
            is_https: forwarded.is_https.unwrap_or_else(|| self.is_https()),
            route: (self.route)(),
            forwarded,
        };
        let call = ServerCall::new(&self, &start, resolved);
        let name = match start.route {
            Some(route) => route.span_name(start.method),
            None => start.method.in_span_name(),
        };
        let request = SpanRequest {
            kind: SpanKind::Server,
            name: Cow::Borrowed(name),
            parent,
        };
        let mut operation = resolved.start(request, || self.attributes(&start), call);
        if options.is_some()
            && let Some(call) = operation.details_mut()
        {
            // A meter is foreign code: a panic in it must not reach the request.
            let _ = catch_unwind(AssertUnwindSafe(|| call.add_active(1)));
        }
        operation
    }
}

impl ServerRequest<'_> {
    fn is_https(&self) -> bool {
        match self.uri.scheme() {
            Some(scheme) => *scheme == uri::Scheme::HTTPS,
            None => (self.is_encrypted)(),
        }
    }
}

fn scheme(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

/// A number of bytes as an attribute.
fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
