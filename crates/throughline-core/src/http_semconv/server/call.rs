//! A SERVER operation until its end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};
use opentelemetry::KeyValue;

use super::super::HttpSettings;
use super::super::method::KnownMethod;
use super::super::route::Route;
use super::super::{
    Failure, METHOD, PROTOCOL_VERSION, RESPONSE_SIZE, ROUTE, SERVER_ADDRESS, SERVER_PORT,
    STATUS_CODE, SYNTHETIC_TYPE, URL_SCHEME, protocol_version,
};
use super::labels::Labels;
use super::metrics::ServerMetrics;
use super::{ServerRequest, Start, scheme, size};
use crate::body::announced_length;
use crate::operation::{Details, HttpDetails, Outcome, RecordingSpan};
use crate::providers::Resolved;

/// "5xx, or any other code the client failed to interpret" (conventions, "Status").
fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 500
}

/// What a SERVER operation knows until it ends.
pub struct ServerCall {
    pub(super) metrics: Option<Arc<ServerMetrics>>,
    pub(super) method: KnownMethod,
    pub(super) is_https: bool,
    pub(super) version: Version,
    pub(super) route: Option<Route>,
    /// Whether the route came after the span's start.
    late_route: bool,
    pub(super) status: Option<StatusCode>,
    options: Option<Box<Options>>,
}

/// What an application adds to a span that ends.
pub type FinishHook = Arc<dyn Fn(Finish, &RecordingSpan<'_>) + Send + Sync>;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Finish {
    /// The outcome. A status may still say that it failed.
    pub outcome: Outcome,
    /// The status of the response, where there was one.
    pub status: Option<StatusCode>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What an operation needs for what is off by default.
#[derive(Default)]
struct Options {
    settings: Option<Arc<HttpSettings>>,
    /// Whether the span's name is the application's.
    is_named: bool,
    on_finish: Option<FinishHook>,
    /// Of the request's body, as it was announced, where sizes are recorded.
    request_size: Option<u64>,
    /// Of the response's body, so far.
    response_size: u64,
    /// What the user agent is, where that is recorded.
    synthetic_type: Option<&'static str>,
    /// What the handler said.
    labels: Labels,
    /// Whether the request was encrypted as it came here, whatever proxies say of it before.
    was_https: bool,
}

impl fmt::Debug for ServerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCall")
            .field("method", &self.method)
            .field("route", &self.route)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl ServerCall {
    pub(super) fn new(
        request: &ServerRequest<'_>,
        start: &Start<'_>,
        resolved: &Resolved<ServerMetrics>,
    ) -> Self {
        let options = |settings: &Arc<HttpSettings>| {
            Box::new(Options {
                settings: Some(Arc::clone(settings)),
                request_size: announced_length(request.headers),
                synthetic_type: request.synthetic_type(settings),
                was_https: settings.old_names && request.is_https(),
                ..Options::default()
            })
        };
        Self {
            metrics: resolved.metrics().cloned(),
            method: start.method,
            is_https: start.is_https,
            version: request.version,
            route: start.route,
            late_route: false,
            status: None,
            options: resolved.server_options().map(options),
        }
    }

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

    /// Keeps the name that the span has: it is the application's.
    pub fn keep_name(&mut self) {
        self.options.get_or_insert_default().is_named = true;
    }

    /// Calls `hook` when the operation finishes, where its span records. A panic in it does not reach the request.
    pub fn on_finish(&mut self, hook: FinishHook) {
        self.options.get_or_insert_default().on_finish = Some(hook);
    }

    /// Adds what the handler said.
    pub fn add_labels(&mut self, labels: &Labels) {
        self.options.get_or_insert_default().labels = labels.clone();
    }

    pub(super) fn metric_attributes(&self, failure: Option<Failure>) -> Vec<KeyValue> {
        let mut attributes = self.active_attributes();
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
        if let Some(options) = &self.options {
            let kind = options.synthetic_type;
            attributes.extend(kind.map(|kind| KeyValue::new(SYNTHETIC_TYPE, kind)));
            attributes.extend(options.labels.iter());
        }
        attributes
    }

    /// Those that are known when a request begins.
    pub(super) fn active_attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new(METHOD, self.method.as_str()),
            KeyValue::new(URL_SCHEME, scheme(self.is_https)),
        ];
        if let Some((address, port)) = self.metric_endpoint() {
            attributes.push(KeyValue::new(SERVER_ADDRESS, Arc::clone(address)));
            attributes.extend(port.map(|port| KeyValue::new(SERVER_PORT, i64::from(port))));
        }
        attributes
    }

    /// The settings, where some are not the default's.
    fn settings(&self) -> Option<&HttpSettings> {
        self.options.as_ref()?.settings.as_deref()
    }

    pub(super) fn metric_endpoint(&self) -> Option<&(Arc<str>, Option<u16>)> {
        self.settings()?.server_metric_endpoint.as_ref()
    }

    /// Of the response's body, so far, where old names are recorded.
    pub(super) fn old_response_size(&self) -> Option<u64> {
        let options = self.options.as_ref()?;
        let is_on = options.settings.as_ref()?.old_names;
        is_on.then_some(options.response_size)
    }

    /// The sizes of the bodies of the request and of the response, as far as they are known and recorded.
    fn sizes(&self) -> Option<(Option<u64>, Option<u64>)> {
        let options = self.options.as_ref()?;
        let is_on = options.settings.as_ref()?.server_body_sizes;
        let response_size = self.status.map(|_| options.response_size);
        is_on.then_some((options.request_size, response_size))
    }

    pub(super) fn was_https(&self) -> bool {
        (self.options.as_ref()).is_some_and(|options| options.was_https)
    }

    /// Counts the request as active, or not any more, where that is recorded.
    pub(super) fn add_active(&self, change: i64) {
        if let Some(metrics) = &self.metrics
            && self
                .settings()
                .is_some_and(|http| http.server_active_requests)
        {
            metrics.add_active(self, change);
        }
    }

    /// The metric attributes in one number. None where one of them can be anything.
    pub(super) fn metric_key(&self, failure: Option<Failure>) -> Option<u64> {
        if let Some(options) = &self.options
            && (options.synthetic_type.is_some() || !options.labels.is_empty())
        {
            return None;
        }
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
    fn responded(
        &mut self,
        status: StatusCode,
        _version: Version,
        _length: Option<u64>,
    ) -> Option<Outcome> {
        self.status = Some(status);
        self.method.ends_with_head(status)
    }

    fn captured(&self, headers: &HeaderMap) -> Vec<KeyValue> {
        let Some(http) = self.settings() else {
            return Vec::new();
        };
        let captured = &http.server_response_headers;
        captured
            .attributes(headers, &http.sensitive_query_keys)
            .collect()
    }
}

impl Details for ServerCall {
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>) {
        let failure = Failure::of(outcome, self.status, is_error);
        if let Some(span) = span {
            if let Some(status) = self.status {
                span.set_attribute(KeyValue::new(STATUS_CODE, i64::from(status.as_u16())));
            }
            if let Some(route) = self.route.filter(|_| self.late_route) {
                span.set_attribute(KeyValue::new(ROUTE, route.template()));
                if !(self.options.as_ref()).is_some_and(|options| options.is_named) {
                    span.set_name(route.span_name(self.method));
                }
            }
            if let Some(failure) = failure {
                span.set_attribute(failure.error_type());
            }
            if let Some((_, Some(bytes))) = self.sizes() {
                span.set_attribute(KeyValue::new(RESPONSE_SIZE, size(bytes)));
            }
            if let Some(options) = &self.options {
                span.set_attributes(options.labels.iter());
            }
            if let Some(old) = self.old_attributes() {
                span.set_attributes(old);
            }
            if let Some(failure) = failure {
                span.set_error(failure.description(self.status.is_some()));
            }
            if let Some(options) = &self.options
                && let Some(hook) = &options.on_finish
            {
                let finish = Finish {
                    outcome,
                    status: self.status,
                    elapsed,
                };
                let _ = catch_unwind(AssertUnwindSafe(|| hook(finish, &span)));
            }
        }
        if let Some(metrics) = &self.metrics {
            self.add_active(-1);
            metrics.record_duration(&self, failure, elapsed);
            if let Some(sizes) = self.sizes() {
                metrics.record_sizes(sizes, &self.metric_attributes(failure));
            }
            if self.settings().is_some_and(|settings| settings.old_names) {
                metrics.record_old_duration(elapsed, &self.old_metric_attributes());
            }
        }
    }

    fn passed(&mut self, bytes: u64) {
        if let Some(options) = &mut self.options {
            options.response_size += bytes;
        }
    }
}
