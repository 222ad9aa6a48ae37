//! `http/dup`: the names before conventions 1.23 beside the stable ones, as the migration guide maps them:
//! <https://opentelemetry.io/docs/specs/semconv/non-normative/http-migration/>.

use http::Version;
use opentelemetry::{KeyValue, StringValue};

use super::super::endpoint::{default_port, server_endpoint, text_of};
use super::super::{bounded, protocol_version};
use super::call::ServerCall;
use super::{ServerRequest, Start, scheme, size};
use crate::body::announced_length;

/// The boundaries of `http.server.duration`, in milliseconds.
pub(super) const BOUNDARIES: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];

impl ServerRequest<'_> {
    /// Those of a span that starts. What trusted proxies forwarded was no part of most of them.
    pub(super) fn old_attributes(&self, start: &Start<'_>, attributes: &mut Vec<KeyValue>) {
        let is_https = self.is_https();
        attributes.push(KeyValue::new(
            "http.method",
            bounded(self.method.as_str()).to_owned(),
        ));
        attributes.push(KeyValue::new("http.scheme", scheme(is_https)));
        let mut target = self.path().to_owned();
        if let Some(query) = self.query(start.settings) {
            target.push('?');
            target.push_str(&query);
        }
        if !target.is_empty() {
            attributes.push(KeyValue::new("http.target", target));
        }
        attributes.push(KeyValue::new("net.protocol.name", "http"));
        if let Some(version) = old_version(self.version) {
            attributes.push(KeyValue::new("net.protocol.version", version));
            attributes.push(KeyValue::new("http.flavor", version));
        }
        if let Some(user_agent) = self.user_agent() {
            attributes.push(KeyValue::new("http.user_agent", user_agent.to_owned()));
        }
        if let Some((client, _)) = start.forwarded.client {
            attributes.push(KeyValue::new("http.client_ip", text_of(client)));
        }
        if let Some((host, port)) = server_endpoint(self.uri, self.headers) {
            attributes.push(KeyValue::new("net.host.name", host.to_owned()));
            attributes.extend(host_port(port, is_https));
        }
        if let Some(peer) = (self.peer)() {
            attributes.push(KeyValue::new("net.sock.peer.addr", text_of(peer.ip())));
            attributes.push(KeyValue::new("net.sock.peer.port", i64::from(peer.port())));
        }
        if let Some(local) = (self.local)().filter(|_| start.settings.server_network_details) {
            attributes.push(KeyValue::new("net.sock.host.addr", text_of(local.ip())));
            attributes.push(KeyValue::new("net.sock.host.port", i64::from(local.port())));
        }
        if let Some(length) = announced_length(self.headers) {
            attributes.push(KeyValue::new("http.request_content_length", size(length)));
        }
    }
}

impl ServerCall {
    /// Those of a span that ends.
    pub(super) fn old_attributes(&self) -> Option<[KeyValue; 2]> {
        let (status, response_size) = (self.status?, self.old_response_size()?);
        Some([
            KeyValue::new("http.status_code", i64::from(status.as_u16())),
            KeyValue::new("http.response_content_length", size(response_size)),
        ])
    }

    /// Those of `http.server.duration`. The methods are the known ones, and of the server it says what is configured:
    /// both would have no bound.
    pub(super) fn old_metric_attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("http.method", self.method.as_str()),
            KeyValue::new("http.scheme", scheme(self.was_https())),
            KeyValue::new("net.protocol.name", "http"),
        ];
        if let Some(version) = old_version(self.version) {
            attributes.push(KeyValue::new("net.protocol.version", version));
        }
        if let Some(route) = self.route {
            attributes.push(KeyValue::new("http.route", route.template()));
        }
        if let Some(status) = self.status {
            attributes.push(KeyValue::new(
                "http.status_code",
                i64::from(status.as_u16()),
            ));
        }
        if let Some((address, port)) = self.metric_endpoint() {
            let address = StringValue::from(address.clone());
            attributes.push(KeyValue::new("net.host.name", address));
            attributes.extend(host_port(*port, self.was_https()));
        }
        attributes
    }
}

/// `2.0` and `3.0`, which are `2` and `3` today.
fn old_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_2 => Some("2.0"),
        Version::HTTP_3 => Some("3.0"),
        version => protocol_version(version),
    }
}

/// The port was recorded where it was not that of the scheme.
fn host_port(port: Option<u16>, is_https: bool) -> Option<KeyValue> {
    let port = port.filter(|&port| default_port(scheme(is_https)) != Some(port))?;
    Some(KeyValue::new("net.host.port", i64::from(port)))
}
