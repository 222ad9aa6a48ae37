//! The attributes that a SERVER span starts with.

use std::borrow::Cow;

use http::Version;
use http::header::USER_AGENT as USER_AGENT_HEADER;
use opentelemetry::KeyValue;

use super::super::endpoint::{server_endpoint, text_of};
use super::super::method::KnownMethod;
use super::super::settings::HttpSettings;
use super::super::url::redact_query;
use super::super::{
    CLIENT_ADDRESS, CLIENT_PORT, LOCAL_ADDRESS, LOCAL_PORT, METHOD, METHOD_ORIGINAL, PEER_ADDRESS,
    PEER_PORT, PROTOCOL_VERSION, REQUEST_SIZE, ROUTE, SERVER_ADDRESS, SERVER_PORT, SYNTHETIC_TYPE,
    TRANSPORT, URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT, bounded, protocol_version,
};
use super::synthetic::synthetic_type;
use super::{ServerRequest, Start, scheme, size};
use crate::body::announced_length;

impl ServerRequest<'_> {
    pub(super) fn attributes(self, start: &Start<'_>) -> Vec<KeyValue> {
        // Room for the ten or so attributes of an ordinary request and for those of its end.
        let mut attributes = Vec::with_capacity(14);
        attributes.push(KeyValue::new(METHOD, start.method.as_str()));
        if start.method == KnownMethod::OTHER && self.method.as_str() != start.method.as_str() {
            let original = bounded(self.method.as_str()).to_owned();
            attributes.push(KeyValue::new(METHOD_ORIGINAL, original));
        }
        attributes.push(KeyValue::new(URL_SCHEME, scheme(start.is_https)));
        // Empty is absent, here and below: CONNECT has no path, and `/?` no query.
        if !self.uri.path().is_empty() {
            attributes.push(KeyValue::new(URL_PATH, self.path().to_owned()));
        }
        if let Some(query) = self.query(start.settings) {
            attributes.push(KeyValue::new(URL_QUERY, query.into_owned()));
        }
        if let Some(version) = protocol_version(self.version) {
            attributes.push(KeyValue::new(PROTOCOL_VERSION, version));
        }
        if let Some(route) = start.route {
            attributes.push(KeyValue::new(ROUTE, route.template()));
        }
        let server = (start.forwarded.server).or_else(|| server_endpoint(self.uri, self.headers));
        if let Some((host, port)) = server {
            attributes.push(KeyValue::new(SERVER_ADDRESS, host.to_owned()));
            if let Some(port) = port.or(start.forwarded.port) {
                attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
            }
        }
        if let Some(peer) = (self.peer)() {
            let address = text_of(peer.ip());
            let client = match start.forwarded.client {
                None => address.clone(),
                Some((client, _)) => text_of(client),
            };
            attributes.push(KeyValue::new(CLIENT_ADDRESS, client));
            attributes.push(KeyValue::new(PEER_ADDRESS, address));
            attributes.push(KeyValue::new(PEER_PORT, i64::from(peer.port())));
        }
        if let Some(user_agent) = self.user_agent() {
            attributes.push(KeyValue::new(USER_AGENT, user_agent.to_owned()));
        }
        if let Some(options) = start.options {
            self.optional_attributes(options, start, &mut attributes);
            if options.old_names {
                self.old_attributes(start, &mut attributes);
            }
        }
        attributes
    }

    #[cold]
    fn optional_attributes(
        self,
        options: &HttpSettings,
        start: &Start<'_>,
        attributes: &mut Vec<KeyValue>,
    ) {
        let captured = &options.server_request_headers;
        attributes.extend(captured.attributes(self.headers, &options.sensitive_query_keys));
        if options.server_body_sizes
            && let Some(bytes) = announced_length(self.headers)
        {
            attributes.push(KeyValue::new(REQUEST_SIZE, size(bytes)));
        }
        if options.server_network_details {
            let (local, peer) = ((self.local)(), (self.peer)());
            let client_port = match start.forwarded.client {
                Some((_, port)) => port,
                None => peer.map(|peer| peer.port()),
            };
            attributes.extend(client_port.map(|port| KeyValue::new(CLIENT_PORT, i64::from(port))));
            // What has an address with a port is no local socket.
            if local.or(peer).is_some() {
                let is_quic = self.version == Version::HTTP_3;
                let transport = if is_quic { "quic" } else { "tcp" };
                attributes.push(KeyValue::new(TRANSPORT, transport));
            }
            if let Some(local) = local {
                attributes.push(KeyValue::new(LOCAL_ADDRESS, text_of(local.ip())));
                attributes.push(KeyValue::new(LOCAL_PORT, i64::from(local.port())));
            }
        }
        let kind = self.synthetic_type(options);
        attributes.extend(kind.map(|kind| KeyValue::new(SYNTHETIC_TYPE, kind)));
    }

    /// What the user agent is, where that is asked for.
    pub(super) fn synthetic_type(&self, options: &HttpSettings) -> Option<&'static str> {
        let user_agent = self.user_agent();
        synthetic_type(user_agent.filter(|_| options.server_synthetic_user_agents)?)
    }

    pub(super) fn path(&self) -> &str {
        bounded(self.uri.path())
    }

    /// The query without its secrets.
    pub(super) fn query(&self, settings: &HttpSettings) -> Option<Cow<'_, str>> {
        let query = self.uri.query().filter(|query| !query.is_empty())?;
        Some(redact_query(bounded(query), &settings.sensitive_query_keys))
    }

    pub(super) fn user_agent(&self) -> Option<&str> {
        let user_agent = self.headers.get(USER_AGENT_HEADER)?.to_str().ok()?;
        (!user_agent.is_empty()).then(|| bounded(user_agent))
    }
}
