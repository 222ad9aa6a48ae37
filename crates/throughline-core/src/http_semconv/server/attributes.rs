//! The attributes that a SERVER span starts with.

use http::header::USER_AGENT as USER_AGENT_HEADER;
use opentelemetry::KeyValue;

use super::super::endpoint::server_endpoint;
use super::super::method::KnownMethod;
use super::super::settings::HttpSettings;
use super::super::url::redact_query;
use super::super::{
    CLIENT_ADDRESS, CLIENT_PORT, METHOD, METHOD_ORIGINAL, PEER_ADDRESS, PEER_PORT,
    PROTOCOL_VERSION, ROUTE, SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_QUERY, URL_SCHEME,
    USER_AGENT, protocol_version,
};
use super::{ServerRequest, Start, scheme};

impl ServerRequest<'_> {
    pub(super) fn attributes(self, start: &Start<'_>) -> Vec<KeyValue> {
        // Room for the ten or so attributes of an ordinary request and for those of its end.
        let mut attributes = Vec::with_capacity(14);
        attributes.push(KeyValue::new(METHOD, start.method.as_str()));
        if start.method == KnownMethod::OTHER {
            let original = self.method.as_str().to_owned();
            attributes.push(KeyValue::new(METHOD_ORIGINAL, original));
        }
        attributes.push(KeyValue::new(URL_SCHEME, scheme(start.is_https)));
        // Empty is absent, here and below: CONNECT has no path, and `/?` no query.
        if !self.uri.path().is_empty() {
            attributes.push(KeyValue::new(URL_PATH, self.uri.path().to_owned()));
        }
        if let Some(query) = self.uri.query().filter(|query| !query.is_empty()) {
            let query = redact_query(query, &start.settings.sensitive_query_keys).into_owned();
            attributes.push(KeyValue::new(URL_QUERY, query));
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
        let user_agent = self.headers.get(USER_AGENT_HEADER);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        if let Some(user_agent) = user_agent.filter(|value| !value.is_empty()) {
            attributes.push(KeyValue::new(USER_AGENT, user_agent.to_owned()));
        }
        if let Some(options) = start.options {
            self.optional_attributes(options, &mut attributes);
        }
        attributes
    }

    #[cold]
    fn optional_attributes(self, options: &HttpSettings, attributes: &mut Vec<KeyValue>) {
        attributes.extend(options.server_request_headers.attributes(self.headers));
    }
}
