//! CLIENT spans: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span>, and their metric.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Version};
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue, StringValue};

use super::endpoint::unbracketed;
use super::method::KnownMethod;
use super::url::{SENSITIVE_QUERY_KEYS, redact_url};
use super::*;
use crate::operation::{Details, HttpDetails, Operation, Outcome, RecordingSpan};
use crate::providers::{Instruments, Parent, Resolved, SpanRequest};

/// A request as a client sends it.
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The absolute URL. It is redacted before it is recorded.
    pub url: &'a str,
    /// The URL's host.
    pub host: &'a str,
    /// The URL's port, or its scheme's: the conventions require it of a client.
    pub port: Option<u16>,
    /// How often the request was sent before: 0 for the first time, which is not recorded.
    pub resend_count: u32,
}

impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL, which may hold secrets.
        f.debug_struct("ClientRequest")
            .field("method", self.method)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl ClientRequest<'_> {
    /// Starts the CLIENT operation under the current context. The caller injects the operation's context into the
    /// headers.
    #[must_use]
    pub fn start(self, resolved: &Resolved<ClientMetrics>) -> Operation<ClientCall> {
        let parent = Parent::Local(Context::current());
        if !resolved.may_record(&parent) {
            return resolved.carry(parent);
        }
        let method = resolved.http().known_methods.of(self.method);
        let host = unbracketed(self.host);
        let host = (!host.is_empty()).then(|| StringValue::from(Arc::<str>::from(host)));
        let call = ClientCall {
            metrics: resolved.metrics().cloned(),
            method,
            host: host.clone(),
            port: self.port,
            response: None,
        };
        let request = SpanRequest {
            kind: SpanKind::Client,
            name: Cow::Borrowed(method.in_span_name()),
            parent,
        };
        resolved.start(request, || self.attributes(method, host), call)
    }

    fn attributes(self, method: KnownMethod, host: Option<StringValue>) -> Vec<KeyValue> {
        // Room for these and for those of the end.
        let mut attributes = Vec::with_capacity(9);
        attributes.push(KeyValue::new(METHOD, method.as_str()));
        if method == KnownMethod::OTHER {
            let original = self.method.as_str().to_owned();
            attributes.push(KeyValue::new(METHOD_ORIGINAL, original));
        }
        attributes.extend(host.map(|host| KeyValue::new(SERVER_ADDRESS, host)));
        if let Some(port) = self.port {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
        }
        let url = redact_url(self.url, SENSITIVE_QUERY_KEYS).into_owned();
        attributes.push(KeyValue::new(URL_FULL, url));
        if self.resend_count > 0 {
            attributes.push(KeyValue::new(RESEND_COUNT, i64::from(self.resend_count)));
        }
        attributes
    }
}

/// What a CLIENT operation knows until it ends.
#[derive(Debug)]
pub struct ClientCall {
    metrics: Option<Arc<ClientMetrics>>,
    method: KnownMethod,
    host: Option<StringValue>,
    port: Option<u16>,
    response: Option<(StatusCode, Version)>,
}

impl ClientCall {
    fn metric_attributes(&self, failure: Option<Failure>) -> Vec<KeyValue> {
        let mut attributes = vec![KeyValue::new(METHOD, self.method.as_str())];
        attributes.extend((self.host.clone()).map(|host| KeyValue::new(SERVER_ADDRESS, host)));
        if let Some(port) = self.port {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
        }
        attributes.extend(self.response_attributes(failure));
        attributes
    }

    fn response_attributes(&self, failure: Option<Failure>) -> impl Iterator<Item = KeyValue> {
        let version = self
            .response
            .and_then(|(_, version)| protocol_version(version));
        let attributes = [
            (self.response)
                .map(|(status, _)| KeyValue::new(STATUS_CODE, i64::from(status.as_u16()))),
            version.map(|version| KeyValue::new(PROTOCOL_VERSION, version)),
            failure.map(Failure::error_type),
        ];
        attributes.into_iter().flatten()
    }
}

impl HttpDetails for ClientCall {
    fn responded(&mut self, status: StatusCode, version: Version) -> Option<Outcome> {
        self.response = Some((status, version));
        self.method.ends_with_head(status)
    }
}

impl Details for ClientCall {
    /// A call that its caller dropped is no error: "the cancellation SHOULD NOT be treated as an error" (conventions,
    /// "Status"). A response that was dropped unread has finished.
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>) {
        let outcome = match outcome {
            Outcome::Cancelled => Outcome::Finished,
            outcome => outcome,
        };
        let status = self.response.map(|(status, _)| status);
        let failure = Failure::of(outcome, status, |status| status.as_u16() >= 400);
        if let Some(span) = span {
            span.set_attributes(self.response_attributes(failure));
            if let Some(failure) = failure {
                span.set_error(failure.description(status.is_some()));
            }
        }
        if let Some(metrics) = &self.metrics {
            let attributes = self.metric_attributes(failure);
            metrics.duration.record(elapsed.as_secs_f64(), &attributes);
        }
    }
}

/// `http.client.request.duration`, in seconds:
/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client>.
#[derive(Debug)]
pub struct ClientMetrics {
    duration: Histogram<f64>,
}

impl Instruments for ClientMetrics {
    /// Records the plain way: the addresses that an application calls have no bound, and an outgoing call costs many
    /// times what recording it does.
    fn new(meter: &Meter, _binds: bool) -> Self {
        Self {
            duration: metrics::duration(
                meter,
                "http.client.request.duration",
                "Duration of HTTP client requests.",
            ),
        }
    }
}
