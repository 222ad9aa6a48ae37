//! SERVER spans: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span>, and their metrics.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::USER_AGENT as USER_AGENT_HEADER;
use http::{HeaderMap, Method, StatusCode, Uri, Version, uri};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, BoundUpDownCounter, Histogram, Meter, UpDownCounter};
use opentelemetry::trace::SpanKind;

use super::endpoint::server_endpoint;
use super::method::KnownMethod;
use super::route::{Fnv, Route};
use super::url::{SENSITIVE_QUERY_KEYS, redact_query};
use super::*;
use crate::operation::{Details, HttpDetails, Operation, Outcome, RecordingSpan};
use crate::providers::{Instruments, Parent, Resolved, SpanRequest};

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
    /// Finds out the address of the connection's other end, where it is known. Asked only if the span records.
    pub peer: &'a dyn Fn() -> Option<SocketAddr>,
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

impl ServerRequest<'_> {
    /// Extracts the caller's context and starts the SERVER operation under it. The current context is no parent.
    #[must_use]
    pub fn start(self, resolved: &Resolved<ServerMetrics>) -> Operation<ServerCall> {
        let parent = Parent::Remote(resolved.propagation().extract(self.headers));
        if !resolved.may_record(&parent) {
            return resolved.carry(parent);
        }
        let method = resolved.http().known_methods.of(self.method);
        let is_https = self.uri.scheme() == Some(&uri::Scheme::HTTPS);
        let route = (self.route)();
        let call = ServerCall {
            metrics: resolved.metrics().cloned(),
            method,
            is_https,
            version: self.version,
            route,
            late_route: false,
            status: None,
        };
        let name = match route {
            Some(route) => route.span_name(method),
            None => method.in_span_name(),
        };
        let request = SpanRequest {
            kind: SpanKind::Server,
            name: Cow::Borrowed(name),
            parent,
        };
        let mut operation =
            resolved.start(request, || self.attributes(method, is_https, route), call);
        if let Some(call) = operation.details_mut()
            && let Some(metrics) = &call.metrics
        {
            // A meter is foreign code: a panic in it must not reach the request.
            let _ = catch_unwind(AssertUnwindSafe(|| metrics.add_active(call, 1)));
        }
        operation
    }

    fn attributes(
        self,
        method: KnownMethod,
        is_https: bool,
        route: Option<Route>,
    ) -> Vec<KeyValue> {
        // Room for the ten or so attributes of an ordinary request and for those of its end.
        let mut attributes = Vec::with_capacity(14);
        attributes.push(KeyValue::new(METHOD, method.as_str()));
        if method == KnownMethod::OTHER {
            let original = self.method.as_str().to_owned();
            attributes.push(KeyValue::new(METHOD_ORIGINAL, original));
        }
        attributes.push(KeyValue::new(URL_SCHEME, scheme(is_https)));
        // Empty is absent, here and below: CONNECT has no path, and `/?` no query.
        if !self.uri.path().is_empty() {
            attributes.push(KeyValue::new(URL_PATH, self.uri.path().to_owned()));
        }
        if let Some(query) = self.uri.query().filter(|query| !query.is_empty()) {
            let query = redact_query(query, SENSITIVE_QUERY_KEYS).into_owned();
            attributes.push(KeyValue::new(URL_QUERY, query));
        }
        if let Some(version) = protocol_version(self.version) {
            attributes.push(KeyValue::new(PROTOCOL_VERSION, version));
        }
        if let Some(route) = route {
            attributes.push(KeyValue::new(ROUTE, route.template()));
        }
        if let Some((host, port)) = server_endpoint(self.uri, self.headers) {
            attributes.push(KeyValue::new(SERVER_ADDRESS, host.to_owned()));
            if let Some(port) = port {
                attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
            }
        }
        if let Some(peer) = (self.peer)() {
            let address = peer.ip().to_string();
            attributes.push(KeyValue::new(CLIENT_ADDRESS, address.clone()));
            attributes.push(KeyValue::new(PEER_ADDRESS, address));
            attributes.push(KeyValue::new(PEER_PORT, i64::from(peer.port())));
        }
        let user_agent = self.headers.get(USER_AGENT_HEADER);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        if let Some(user_agent) = user_agent.filter(|value| !value.is_empty()) {
            attributes.push(KeyValue::new(USER_AGENT, user_agent.to_owned()));
        }
        attributes
    }
}

/// "5xx, or any other code the client failed to interpret" (conventions, "Status").
fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 500
}

fn scheme(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

/// What a SERVER operation knows until it ends.
#[derive(Debug)]
pub struct ServerCall {
    metrics: Option<Arc<ServerMetrics>>,
    method: KnownMethod,
    is_https: bool,
    version: Version,
    route: Option<Route>,
    /// Whether the route came after the span's start.
    late_route: bool,
    status: Option<StatusCode>,
}

impl ServerCall {
    /// The route, where it is known.
    #[must_use]
    pub fn route(&self) -> Option<Route> {
        self.route
    }

    /// Notes the route, where it was not known when the request began. The first one counts.
    pub fn matched(&mut self, route: Route) {
        if self.route.is_none() {
            self.route = Some(route);
            self.late_route = true;
        }
    }

    fn metric_attributes(&self, failure: Option<Failure>) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new(METHOD, self.method.as_str()),
            KeyValue::new(URL_SCHEME, scheme(self.is_https)),
        ];
        if let Some(version) = protocol_version(self.version) {
            attributes.push(KeyValue::new(PROTOCOL_VERSION, version));
        }
        if let Some(route) = self.route {
            attributes.push(KeyValue::new(ROUTE, route.template()));
        }
        if let Some(status) = self.status {
            attributes.push(KeyValue::new(STATUS_CODE, i64::from(status.as_u16())));
        }
        if let Some(failure) = failure {
            attributes.push(failure.error_type());
        }
        attributes
    }

    /// The metric attributes in one number. None where `error.type` can be anything.
    fn metric_key(&self, failure: Option<Failure>) -> Option<u64> {
        let failure = match failure {
            None => 0,
            Some(Failure::Status(_)) => 1,
            Some(Failure::Cancelled) => 2,
            Some(Failure::Panicked) => 3,
            Some(Failure::Other(_)) => return None,
        };
        let version = match self.version {
            Version::HTTP_09 => 1,
            Version::HTTP_10 => 2,
            Version::HTTP_11 => 3,
            Version::HTTP_2 => 4,
            Version::HTTP_3 => 5,
            _ => 0,
        };
        let route = self.route.map_or(0, Route::id);
        let status = self.status.map_or(0, |status| status.as_u16());
        Some(
            u64::from(route) << 32
                | u64::from(status) << 16
                | (self.method.index() as u64) << 8
                | version << 4
                | u64::from(self.is_https) << 3
                | failure,
        )
    }
}

impl HttpDetails for ServerCall {
    fn responded(&mut self, status: StatusCode, _version: Version) -> Option<Outcome> {
        self.status = Some(status);
        self.method.ends_with_head(status)
    }
}

impl Details for ServerCall {
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>) {
        let failure = Failure::of(outcome, self.status, is_error);
        if let Some(span) = span {
            let status = self.status.map(|status| i64::from(status.as_u16()));
            let late_route = self.route.filter(|_| self.late_route);
            if let Some(route) = late_route {
                span.set_name(route.span_name(self.method));
            }
            let attributes = [
                status.map(|status| KeyValue::new(STATUS_CODE, status)),
                late_route.map(|route| KeyValue::new(ROUTE, route.template())),
                failure.map(Failure::error_type),
            ];
            span.set_attributes(attributes.into_iter().flatten());
            if let Some(failure) = failure {
                span.set_error(failure.description(self.status.is_some()));
            }
        }
        if let Some(metrics) = &self.metrics {
            metrics.add_active(&self, -1);
            metrics.record_duration(&self, failure, elapsed);
        }
    }
}

/// How many combinations of attributes are kept bound; past it they are recorded the plain way.
const MAX_BOUND: usize = 4096;

type BoundDurations = HashMap<u64, BoundHistogram<f64>, BuildHasherDefault<Fnv>>;

/// `http.server.request.duration`, in seconds, and `http.server.active_requests`:
/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-server>.
#[derive(Debug)]
pub struct ServerMetrics {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    bound: Option<Bound>,
}

/// Instruments bound to their attributes, where the provider has them.
#[derive(Debug)]
struct Bound {
    /// By [`ServerCall::metric_key`]; copied when a combination is new, so that recording takes no lock of ours.
    durations: ArcSwap<BoundDurations>,
    /// By method, for http and for https.
    active: [[OnceLock<BoundUpDownCounter<i64>>; KnownMethod::COUNT]; 2],
}

impl Instruments for ServerMetrics {
    fn new(meter: &Meter, binds: bool) -> Self {
        Self {
            duration: metrics::duration(
                meter,
                "http.server.request.duration",
                "Duration of HTTP server requests.",
            ),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            bound: binds.then(|| Bound {
                durations: ArcSwap::default(),
                active: [const { [const { OnceLock::new() }; KnownMethod::COUNT] }; 2],
            }),
        }
    }
}

impl ServerMetrics {
    fn add_active(&self, call: &ServerCall, change: i64) {
        let attributes = || {
            [
                KeyValue::new(METHOD, call.method.as_str()),
                KeyValue::new(URL_SCHEME, scheme(call.is_https)),
            ]
        };
        match &self.bound {
            Some(bound) => bound.active[usize::from(call.is_https)][call.method.index()]
                .get_or_init(|| self.active.bind(&attributes()))
                .add(change),
            None => self.active.add(change, &attributes()),
        }
    }

    fn record_duration(&self, call: &ServerCall, failure: Option<Failure>, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        if let (Some(bound), Some(key)) = (&self.bound, call.metric_key(failure)) {
            if let Some(histogram) = bound.durations.load().get(&key) {
                return histogram.record(seconds);
            }
            if let Some(histogram) = self.bind_duration(bound, key, call, failure) {
                return histogram.record(seconds);
            }
        }
        self.duration
            .record(seconds, &call.metric_attributes(failure));
    }

    fn bind_duration(
        &self,
        bound: &Bound,
        key: u64,
        call: &ServerCall,
        failure: Option<Failure>,
    ) -> Option<BoundHistogram<f64>> {
        if bound.durations.load().len() >= MAX_BOUND {
            return None;
        }
        let histogram = self.duration.bind(&call.metric_attributes(failure));
        bound.durations.rcu(|durations| {
            let mut durations = BoundDurations::clone(durations);
            durations.insert(key, histogram.clone());
            durations
        });
        Some(histogram)
    }
}
