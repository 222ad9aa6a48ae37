//! CLIENT spans: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span>, and their metric.

mod errors;
mod extra;
mod hosts;
mod metrics;
mod old_names;
mod settings;
mod template;

pub use errors::{ErrorTypes, causes, is_tls};
pub use hosts::{Destinations, Hosts};
pub use metrics::ClientMetrics;
pub use settings::{ClientSettings, PeerFinder};
pub use template::UrlTemplate;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue, StringValue};

use super::endpoint::{default_port, split_host, text_of, unbracketed};
use super::method::KnownMethod;
use super::url::redact_url;
use super::*;
use crate::operation::{Details, HttpDetails, Operation, Outcome, RecordingSpan};
use crate::providers::{Parent, Resolved, SpanRequest};
use extra::{Extra, Sizes};

/// A request as a client sends it.
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// Tells the absolute URL, or an empty one that is not recorded. Asked only if the span records, and redacted then.
    pub url: &'a dyn Fn() -> Cow<'a, str>,
    /// The URL's host. What is recorded is that of a `Host` header, where there is one.
    pub host: &'a str,
    /// The URL's port, or its scheme's: the conventions require it of a client.
    pub port: Option<u16>,
    /// The URL's scheme, where it is known.
    pub scheme: Option<&'a str>,
    /// The headers, of which some may be recorded.
    pub headers: &'a HeaderMap,
    /// Finds out the size of the body, where it is known. Asked only if it may be recorded.
    pub body_size: &'a dyn Fn() -> Option<u64>,
    /// The template of the URL's path, where the application told it.
    pub template: Option<&'a UrlTemplate>,
    /// How often the request was sent before: 0 for the first time, which is not recorded.
    pub resend_count: u32,
    /// What is set for the client.
    pub settings: &'a Arc<ClientSettings>,
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
        let (host, port) = self.server();
        let host = (!host.is_empty()).then(|| StringValue::from(Arc::<str>::from(host)));
        let template = self.template.and_then(UrlTemplate::value);
        let extra = Extra::of(&self, resolved);
        let call = ClientCall {
            metrics: resolved.metrics().cloned(),
            method,
            host: host.clone(),
            port,
            template: template.cloned(),
            settings: Arc::clone(self.settings),
            response: None,
            peer: None,
            extra: None,
        };
        let request = SpanRequest {
            kind: SpanKind::Client,
            name: match template {
                None => Cow::Borrowed(method.in_span_name()),
                Some(template) => format!("{} {template}", method.in_span_name()).into(),
            },
            parent,
        };
        let attributes = || {
            let sensitive = &resolved.http().sensitive_query_keys;
            let mut attributes = self.attributes(method, (host, port), sensitive);
            if let Some(extra) = &extra {
                extra.start(&self, &mut attributes);
            }
            attributes
        };
        let mut operation = resolved.start(request, attributes, call);
        if let (Some(extra), Some(call)) = (extra, operation.details_mut()) {
            call.extra = Some(extra);
            // A meter is foreign code: a panic in it must not reach the request.
            let _ = catch_unwind(AssertUnwindSafe(|| call.add_active(1)));
        }
        operation
    }

    /// The server's host and port: "in all other cases" than that of a request target in absolute form, which only the
    /// connection knows of, those of the `Host` header (conventions, `server.address`).
    fn server(&self) -> (&str, Option<u16>) {
        let own = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        match own.and_then(split_host) {
            Some((host, port)) => (host, port.or_else(|| default_port(self.scheme?))),
            None => (unbracketed(self.host), self.port),
        }
    }

    fn attributes(
        self,
        method: KnownMethod,
        (host, port): (Option<StringValue>, Option<u16>),
        sensitive: &[Box<str>],
    ) -> Vec<KeyValue> {
        // Room for those of an ordinary call and of its end.
        let mut attributes = Vec::with_capacity(9);
        attributes.push(KeyValue::new(METHOD, method.as_str()));
        if method == KnownMethod::OTHER {
            let original = bounded(self.method.as_str()).to_owned();
            attributes.push(KeyValue::new(METHOD_ORIGINAL, original));
        }
        attributes.extend(host.map(|host| KeyValue::new(SERVER_ADDRESS, host)));
        if let Some(port) = port {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
        }
        let url = (self.url)();
        if !url.is_empty() {
            let mut redacted = match redact_url(&url, sensitive) {
                Cow::Owned(redacted) => redacted,
                Cow::Borrowed(_) => url.into_owned(),
            };
            // Only now: without what follows a password, nothing would tell that it is one.
            redacted.truncate(bounded(&redacted).len());
            attributes.push(KeyValue::new(URL_FULL, redacted));
        }
        let template = self.template.and_then(UrlTemplate::value);
        attributes.extend(template.map(|template| KeyValue::new(URL_TEMPLATE, template.clone())));
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
    template: Option<StringValue>,
    settings: Arc<ClientSettings>,
    /// The version is not known of a response that became an error.
    response: Option<(StatusCode, Option<Version>)>,
    peer: Option<SocketAddr>,
    /// None where all that is off by default is off.
    extra: Option<Box<Extra>>,
}

impl ClientCall {
    /// Notes the other end of the connection.
    pub fn connected_to(&mut self, peer: Option<SocketAddr>) {
        self.peer = peer;
    }

    /// Notes the other end of the connection as the client's settings [find it](PeerFinder) in those of a response.
    pub fn connected_by(&mut self, response: &Extensions) {
        if let Some(peer) = &self.settings.peer_address {
            self.peer = peer.of(response);
        }
    }

    /// Notes the status of a response that the client makes an error of: that of a redirect which it does not follow.
    pub fn answered(&mut self, status: StatusCode) {
        self.response = Some((status, None));
    }

    fn add_active(&self, change: i64) {
        if let (Some(extra), Some(metrics)) = (&self.extra, &self.metrics)
            && extra.counts_active()
        {
            metrics.active.add(change, &self.request_attributes());
        }
    }

    /// The metric attributes that are known when the call begins.
    fn request_attributes(&self) -> Vec<KeyValue> {
        // Room for these and for those of the end.
        let mut attributes = Vec::with_capacity(8);
        attributes.push(KeyValue::new(METHOD, self.method.as_str()));
        attributes.extend((self.host.clone()).map(|host| KeyValue::new(SERVER_ADDRESS, host)));
        if let Some(port) = self.port {
            attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
        }
        let template = self.template.clone();
        attributes.extend(template.map(|template| KeyValue::new(URL_TEMPLATE, template)));
        attributes.extend(self.extra.as_ref().and_then(|extra| extra.scheme()));
        attributes
    }

    /// Adds what is known of the response, for the span and the metrics.
    fn add_response(&self, failure: Option<Failure>, mut add: impl FnMut(KeyValue)) {
        if let Some((status, version)) = self.response {
            add(KeyValue::new(STATUS_CODE, i64::from(status.as_u16())));
            if let Some(version) = version.and_then(protocol_version) {
                add(KeyValue::new(PROTOCOL_VERSION, version));
            }
        }
        if let Some(failure) = failure {
            add(failure.error_type());
        }
    }

    /// Adds what the span ends with.
    fn add_end(&self, failure: Option<Failure>, mut add: impl FnMut(KeyValue)) {
        self.add_response(failure, &mut add);
        if let Some(peer) = self.peer {
            add(KeyValue::new(PEER_ADDRESS, text_of(peer.ip())));
            add(KeyValue::new(PEER_PORT, i64::from(peer.port())));
        }
    }
}

impl HttpDetails for ClientCall {
    fn responded(
        &mut self,
        status: StatusCode,
        version: Version,
        length: Option<u64>,
    ) -> Option<Outcome> {
        self.response = Some((status, Some(version)));
        let ended = self.method.ends_with_head(status);
        if let Some(extra) = &mut self.extra {
            // Where there is no body, its length was announced for another request.
            extra.responded(length.filter(|_| ended.is_none()));
        }
        ended
    }

    fn captured(&self, headers: &HeaderMap) -> Vec<KeyValue> {
        let extra = self.extra.as_ref();
        extra.map_or_else(Vec::new, |extra| extra.captured(headers))
    }

    fn error_type<E: 'static>(&self, error: &E) -> &'static str {
        self.settings.errors.of(error)
    }
}

impl Details for ClientCall {
    /// A call that its caller dropped is no error: "the cancellation SHOULD NOT be treated as an error" (conventions,
    /// "Status"). A response that was dropped unread has finished.
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>) {
        let is_whole = outcome == Outcome::Finished;
        let outcome = match outcome {
            Outcome::Cancelled => Outcome::Finished,
            outcome => outcome,
        };
        let status = self.response.map(|(status, _)| status);
        let sizes = Sizes {
            is_sent: status.is_some(),
            is_read: is_whole,
        };
        let failure = Failure::of(outcome, status, |status| status.as_u16() >= 400);
        if let Some(span) = span {
            self.add_end(failure, |attribute| span.set_attribute(attribute));
            if let Some(extra) = &self.extra {
                let mut known = Vec::new();
                self.add_end(failure, |attribute| known.push(attribute));
                span.set_attributes(extra.end(sizes, &known));
            }
            if let Some(failure) = failure {
                span.set_error(failure.description(status.is_some()));
            }
        }
        if let Some(metrics) = &self.metrics {
            let mut attributes = self.request_attributes();
            self.add_response(failure, |attribute| attributes.push(attribute));
            let seconds = elapsed.as_secs_f64();
            metrics.duration.record(seconds, &attributes);
            if let Some(extra) = &self.extra {
                self.add_active(-1);
                extra.measure(metrics, seconds, sizes, &attributes);
            }
        }
    }
}
