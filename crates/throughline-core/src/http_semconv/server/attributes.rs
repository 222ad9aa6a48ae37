//! The attributes that a SERVER span starts with.

use std::borrow::Cow;

use http::Version;
use http::header::USER_AGENT as USER_AGENT_HEADER;
use opentelemetry::KeyValue;

use super::super::endpoint::server_endpoint;
use super::super::method::KnownMethod;
use super::super::settings::HttpSettings;
use super::super::url::redact_query;
use super::super::{
    CLIENT_ADDRESS, CLIENT_PORT, LOCAL_ADDRESS, LOCAL_PORT, METHOD, METHOD_ORIGINAL, PEER_ADDRESS,
    PEER_PORT, PROTOCOL_VERSION, REQUEST_SIZE, ROUTE, SERVER_ADDRESS, SERVER_PORT, SYNTHETIC_TYPE,
    TRANSPORT, URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT, bounded, protocol_version,
};
use super::synthetic::synthetic_type;
use super::{ServerRequest, Start, scheme};
use crate::body::announced_length;

impl ServerRequest<'_> {
    pub(super) fn attributes(self, start: &Start<'_>) -> Vec<KeyValue> {
        // Room for the ten or so attributes of an ordinary request and for those of its end.
        let mut attributes = Vec::with_capacity(14);
        attributes.push(KeyValue::new(METHOD, start.method.as_str()));
        if start.method == KnownMethod::OTHER {
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
            if let Some(port) = port {
                attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
            }
        }
        if let Some(peer) = (self.peer)() {
            let address = peer.ip().to_string();
            match start.forwarded.client {
                None => attributes.push(KeyValue::new(CLIENT_ADDRESS, address.clone())),
                Some((client, port)) => {
                    attributes.push(KeyValue::new(CLIENT_ADDRESS, client.to_string()));
                    attributes.extend(port.map(|port| KeyValue::new(CLIENT_PORT, i64::from(port))));
                }
            }
            attributes.push(KeyValue::new(PEER_ADDRESS, address));
            attributes.push(KeyValue::new(PEER_PORT, i64::from(peer.port())));
        }
        if let Some(user_agent) = self.user_agent() {
            attributes.push(KeyValue::new(USER_AGENT, user_agent.to_owned()));
        }
        if let Some(options) = start.options {
            self.optional_attributes(options, &mut attributes);
            if options.old_names {
                self.old_attributes(start, &mut attributes);
            }
        }
        attributes
    }

    #[cold]
    fn optional_attributes(self, options: &HttpSettings, attributes: &mut Vec<KeyValue>) {
        attributes.extend(options.server_request_headers.attributes(self.headers));
        if options.server_body_sizes
            && let Some(size) = announced_length(self.headers).and_then(|size| size.try_into().ok())
        {
            attributes.push(KeyValue::new::<_, i64>(REQUEST_SIZE, size));
        }
        if options.server_network_details {
            let local = (self.local)();
            // What has an address with a port is no local socket.
            if local.or_else(self.peer).is_some() {
                let is_quic = self.version == Version::HTTP_3;
                let transport = if is_quic { "quic" } else { "tcp" };
                attributes.push(KeyValue::new(TRANSPORT, transport));
            }
            if let Some(local) = local {
                attributes.push(KeyValue::new(LOCAL_ADDRESS, local.ip().to_string()));
                attributes.push(KeyValue::new(LOCAL_PORT, i64::from(local.port())));
            }
        }
        if options.server_synthetic_user_agents
            && let Some(user_agent) = self.user_agent()
            && let Some(kind) = synthetic_type(user_agent)
        {
            attributes.push(KeyValue::new(SYNTHETIC_TYPE, kind));
        }
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
