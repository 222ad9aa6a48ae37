//! What an application sets for its HTTP instrumentations.

use std::sync::{Arc, LazyLock};

use super::headers::CapturedHeaders;
use super::method::KnownMethods;
use super::network::IpNetwork;
use super::path::PathPatterns;
use super::url::SENSITIVE_QUERY_KEYS;

/// What an application sets for its HTTP instrumentations: all of them by [`Installation::http`](crate::Installation),
/// one of them by its setters.
///
/// ```
/// use throughline_core::http_semconv::HttpSettings;
///
/// let mut settings = HttpSettings::default();
/// settings.sensitive_query_keys.push("token".into());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpSettings {
    /// The values of `http.request.method`. Default: the methods of RFC 9110, PATCH and QUERY.
    pub known_methods: KnownMethods,
    /// Whether the names of the conventions before 1.23 (`http.method`, …) are recorded beside the stable ones: `http/dup`.
    /// Default: false.
    pub old_names: bool,
    /// The query parameters whose values are redacted. Default: [`SENSITIVE_QUERY_KEYS`].
    pub sensitive_query_keys: Vec<Box<str>>,
    /// The request headers that a server records. Default: none.
    pub server_request_headers: CapturedHeaders,
    /// The response headers that a server records. Default: none.
    pub server_response_headers: CapturedHeaders,
    /// The request headers that a client records. Default: none.
    pub client_request_headers: CapturedHeaders,
    /// The response headers that a client records. Default: none.
    pub client_response_headers: CapturedHeaders,
    /// The paths that a server neither traces nor measures. Default: none.
    pub server_excluded_urls: PathPatterns,
    /// The networks of the proxies whose `Forwarded` and `X-Forwarded-…` headers a server believes. Default: none.
    pub server_trusted_proxies: Vec<IpNetwork>,
    /// Whether a server records the metric `http.server.active_requests`. Default: false.
    pub server_active_requests: bool,
    /// Whether a server records the sizes of bodies, on spans and as metrics. Default: false.
    pub server_body_sizes: bool,
    /// Whether a server records `client.port`, `network.transport` and `network.local.*`. Default: false.
    pub server_network_details: bool,
    /// Whether a server records `user_agent.synthetic.type`, on spans and metrics. Default: false.
    pub server_synthetic_user_agents: bool,
    /// The `server.address` and `server.port` of a server's metrics. Default: none.
    pub server_metric_endpoint: Option<(Arc<str>, Option<u16>)>,
    /// Whether a client records `url.scheme`, on spans and metrics. Default: false.
    pub client_url_scheme: bool,
    /// Whether a client records `user_agent.original`. Default: false.
    pub client_user_agent: bool,
    /// Whether a client records the sizes of bodies that are known before they are sent, on spans and as metrics.
    /// Default: false.
    pub client_body_sizes: bool,
    /// Whether a client records the metric `http.client.active_requests`. Default: false.
    pub client_active_requests: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            known_methods: KnownMethods::default(),
            old_names: false,
            sensitive_query_keys: SENSITIVE_QUERY_KEYS.iter().map(|&key| key.into()).collect(),
            server_request_headers: CapturedHeaders::default(),
            server_response_headers: CapturedHeaders::default(),
            client_request_headers: CapturedHeaders::default(),
            client_response_headers: CapturedHeaders::default(),
            server_excluded_urls: PathPatterns::default(),
            server_trusted_proxies: Vec::new(),
            server_active_requests: false,
            server_body_sizes: false,
            server_network_details: false,
            server_synthetic_user_agents: false,
            server_metric_endpoint: None,
            client_url_scheme: false,
            client_user_agent: false,
            client_body_sizes: false,
            client_active_requests: false,
        }
    }
}

impl HttpSettings {
    /// Gives captured headers their old names, too.
    pub(crate) fn add_old_names(&mut self) {
        self.server_request_headers.add_old_names();
        self.server_response_headers.add_old_names();
        self.client_request_headers.add_old_names();
        self.client_response_headers.add_old_names();
    }

    /// Whether a server has anything to do that it does not by default, but for what every request asks for anyway.
    pub(crate) fn has_server_options(&self) -> bool {
        !self.server_request_headers.is_empty()
            || !self.server_response_headers.is_empty()
            || !self.server_excluded_urls.is_empty()
            || !self.server_trusted_proxies.is_empty()
            || self.old_names
            || self.server_active_requests
            || self.server_body_sizes
            || self.server_network_details
            || self.server_synthetic_user_agents
            || self.server_metric_endpoint.is_some()
    }

    /// The same of a client.
    pub(crate) fn has_client_options(&self) -> bool {
        self.old_names
            || !self.client_request_headers.is_empty()
            || !self.client_response_headers.is_empty()
            || self.client_url_scheme
            || self.client_user_agent
            || self.client_body_sizes
            || self.client_active_requests
    }

    /// The default, made once in a process.
    pub(crate) fn shared_default() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<HttpSettings>> = LazyLock::new(Arc::default);
        Arc::clone(&DEFAULT)
    }
}
