//! A SERVER operation until its end.

use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version};
use opentelemetry::KeyValue;

use super::super::method::KnownMethod;
use super::super::route::Route;
use super::super::{CapturedHeaders, HttpSettings};
use super::super::{
    Failure, METHOD, PROTOCOL_VERSION, ROUTE, STATUS_CODE, URL_SCHEME, protocol_version,
};
use super::metrics::ServerMetrics;
use super::{ServerRequest, Start, scheme};
use crate::operation::{Details, HttpDetails, Outcome, RecordingSpan};
use crate::providers::Resolved;

/// "5xx, or any other code the client failed to interpret" (conventions, "Status").
fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 500
}

/// What a SERVER operation knows until it ends.
#[derive(Debug)]
pub struct ServerCall {
    pub(super) metrics: Option<Arc<ServerMetrics>>,
    pub(super) method: KnownMethod,
    pub(super) is_https: bool,
    version: Version,
    route: Option<Route>,
    /// Whether the route came after the span's start.
    late_route: bool,
    status: Option<StatusCode>,
    options: Option<Box<Options>>,
}

/// What an operation needs for settings that are off by default.
#[derive(Debug)]
struct Options {
    settings: Arc<HttpSettings>,
}

impl ServerCall {
    pub(super) fn new(
        request: &ServerRequest<'_>,
        start: &Start<'_>,
        resolved: &Resolved<ServerMetrics>,
    ) -> Self {
        let options = |settings: &Arc<HttpSettings>| {
            Box::new(Options {
                settings: Arc::clone(settings),
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

    pub(super) fn metric_attributes(&self, failure: Option<Failure>) -> Vec<KeyValue> {
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
    pub(super) fn metric_key(&self, failure: Option<Failure>) -> Option<u64> {
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

    fn response_headers(&self) -> Option<&CapturedHeaders> {
        let options = self.options.as_ref()?;
        Some(&options.settings.server_response_headers)
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
