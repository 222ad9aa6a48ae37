//! What is recorded of a call that is off by default: opt-in attributes and metrics, captured headers, old names.

use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT as USER_AGENT_HEADER;
use opentelemetry::KeyValue;

use super::old_names::old_names;
use super::{ClientMetrics, ClientRequest};
use crate::http_semconv::settings::HttpSettings;
use crate::http_semconv::{REQUEST_SIZE, RESPONSE_SIZE, URL_SCHEME, USER_AGENT, bounded};
use crate::providers::Resolved;

/// What a call knows for that, where any of it is on.
#[derive(Debug)]
pub(super) struct Extra {
    http: Arc<HttpSettings>,
    scheme: Option<String>,
    request_size: Option<i64>,
    response_size: Option<i64>,
}

/// Which bodies went over the connection in full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The request's: there is a response to it.
    pub(super) is_sent: bool,
    /// The response's.
    pub(super) is_read: bool,
}

impl Extra {
    pub(super) fn of(
        request: &ClientRequest<'_>,
        resolved: &Resolved<ClientMetrics>,
    ) -> Option<Box<Self>> {
        let http = resolved.http();
        if !http.has_client_options() {
            return None;
        }
        let request_size = (request.body_size)().filter(|&size| size > 0);
        Some(Box::new(Self {
            http: Arc::clone(http),
            scheme: request.scheme.map(str::to_owned),
            request_size: request_size.and_then(|size| size.try_into().ok()),
            response_size: None,
        }))
    }

    pub(super) fn responded(&mut self, body_length: Option<u64>) {
        self.response_size = body_length.and_then(|length| length.try_into().ok());
    }

    pub(super) fn captured(&self, headers: &HeaderMap) -> Vec<KeyValue> {
        let captured = &self.http.client_response_headers;
        captured
            .attributes(headers, &self.http.sensitive_query_keys)
            .collect()
    }

    pub(super) fn counts_active(&self) -> bool {
        self.http.client_active_requests
    }

    /// `url.scheme`, for the span and all metrics.
    pub(super) fn scheme(&self) -> Option<KeyValue> {
        let scheme = self.scheme.clone().filter(|_| self.http.client_url_scheme);
        scheme.map(|scheme| KeyValue::new(URL_SCHEME, scheme))
    }

    /// Adds to the attributes that the span starts with.
    pub(super) fn start(&self, request: &ClientRequest<'_>, attributes: &mut Vec<KeyValue>) {
        attributes.extend(self.scheme());
        if self.http.client_user_agent || self.http.old_names {
            let agent = request.headers.get(USER_AGENT_HEADER);
            let agent = agent.and_then(|value| value.to_str().ok());
            let agent = agent.filter(|agent| !agent.is_empty());
            attributes
                .extend(agent.map(|agent| KeyValue::new(USER_AGENT, bounded(agent).to_owned())));
        }
        let captured = &self.http.client_request_headers;
        attributes.extend(captured.attributes(request.headers, &self.http.sensitive_query_keys));
        attributes.extend(self.old_names(attributes));
    }

    /// What the span ends with beside `known`, which it has already.
    pub(super) fn end(&self, sizes: Sizes, known: &[KeyValue]) -> Vec<KeyValue> {
        let (request, response) = self.sizes(sizes);
        let sizes = [(REQUEST_SIZE, request), (RESPONSE_SIZE, response)];
        let sizes = sizes
            .into_iter()
            .filter_map(|(key, size)| Some(KeyValue::new(key, size?)));
        let mut attributes: Vec<_> = sizes.collect();
        let old = self.old_names(&[known, &attributes].concat());
        if !self.http.client_body_sizes {
            attributes.clear();
        }
        attributes.extend(old);
        attributes
    }

    /// The sizes of the request's and of the response's body, where they are known and meant what they said.
    fn sizes(&self, sizes: Sizes) -> (Option<i64>, Option<i64>) {
        (
            self.request_size.filter(|_| sizes.is_sent),
            self.response_size.filter(|_| sizes.is_read),
        )
    }

    /// The old names of `attributes`, where they are wanted.
    fn old_names(&self, attributes: &[KeyValue]) -> Vec<KeyValue> {
        match self.http.old_names {
            true => old_names(attributes, self.scheme.as_deref()),
            false => Vec::new(),
        }
    }

    /// Records the metrics that are off by default. `attributes` are those of the duration.
    pub(super) fn measure(
        &self,
        metrics: &ClientMetrics,
        seconds: f64,
        sizes: Sizes,
        attributes: &[KeyValue],
    ) {
        if self.http.client_body_sizes {
            let size = |size: i64| u64::try_from(size).unwrap_or_default();
            let (request, response) = self.sizes(sizes);
            if let Some(request) = request {
                metrics.request_size.record(size(request), attributes);
            }
            if let Some(response) = response {
                metrics.response_size.record(size(response), attributes);
            }
        }
        if self.http.old_names {
            metrics
                .old_duration
                .record(seconds * 1000.0, &self.old_names(attributes));
        }
    }
}
