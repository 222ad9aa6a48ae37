//! The layer's settings: what to record.

use std::sync::Arc;

use http::{HeaderName, Method};
use throughline_core::http_semconv::{CapturedHeaders, IpNetwork, KnownMethods};

use crate::layer::ServerLayer;

/// What to record, beside and in place of what the application installed for all.
impl ServerLayer {
    /// Takes these methods for known, and no others: any other is `_OTHER` in `http.request.method`, and `HTTP` in the
    /// span's name. Default: what is installed, else the methods of RFC 9110, PATCH and QUERY.
    ///
    /// For `WebDAV` and other extensions of HTTP. A process has room for 32 methods that are not standard.
    ///
    /// ```
    /// use http::Method;
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().known_methods([Method::GET, Method::from_bytes(b"PROPFIND")?]);
    /// # Ok::<(), http::method::InvalidMethod>(())
    /// ```
    #[must_use]
    pub fn known_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let methods = KnownMethods::new(methods);
        self.change(move |http| http.known_methods = methods.clone())
    }

    /// Records these headers of requests, as `http.request.header.<name>`. Default: what is installed, else none.
    ///
    /// For a tenant, a client's version, an id of somebody else's. The value is an array of the header's values: 32 at
    /// most, of each the first KiB. `authorization`, `proxy-authorization`, `cookie`, `set-cookie`, `x-api-key` and
    /// what is marked as sensitive (`HeaderValue::is_sensitive`) are recorded as `REDACTED`.
    ///
    /// ```
    /// use http::HeaderName;
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().capture_request_headers([HeaderName::from_static("x-tenant")]);
    /// ```
    #[must_use]
    pub fn capture_request_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = CapturedHeaders::of_requests(names);
        self.change(move |http| http.server_request_headers = captured.clone())
    }

    /// Records these headers of responses, as `http.response.header.<name>`, by the same rules. Default: what is
    /// installed, else none.
    #[must_use]
    pub fn capture_response_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = CapturedHeaders::of_responses(names);
        self.change(move |http| http.server_response_headers = captured.clone())
    }

    /// Redacts the values of these query parameters, too. Default: what is installed, else the seven of the conventions
    /// (`sig`, `X-Amz-Signature` and the like). Keys are case-sensitive.
    ///
    /// For secrets of your own in queries: `token`, `code`, `password`.
    #[must_use]
    pub fn sensitive_query_keys<K: Into<Box<str>>>(
        self,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let keys: Vec<Box<str>> = keys.into_iter().map(Into::into).collect();
        self.change(move |http| http.sensitive_query_keys.extend_from_slice(&keys))
    }

    /// Believes what proxies in these networks say of the request that they passed on: `Forwarded` (RFC 7239), or
    /// without it `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-Port`. Default: none.
    ///
    /// For a server behind a load balancer or an ingress: without it `client.address` is the proxy's. It decides on
    /// `client.address`, `client.port`, `url.scheme`, `server.address` and `server.port`, of which `X-Forwarded-Port` counts
    /// where the host has none. The headers are read from the
    /// right, hop by hop, as long as the hop is in one of the networks, beginning with the connection's other end: that
    /// must be known, by axum's `ConnectInfo` or a [`PeerAddress`](crate::PeerAddress), else nothing is believed. Name the
    /// networks of proxies only: whoever is in one of them can say anything. Each proxy must set or remove each of the
    /// headers; one that passes on a `Forwarded` which it does not know passes on what the client wrote.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().trusted_proxies(["10.0.0.0/8".parse()?, "fd00::/8".parse()?]);
    /// # Ok::<(), throughline_tower::ParseNetworkError>(())
    /// ```
    #[must_use]
    pub fn trusted_proxies(self, networks: impl IntoIterator<Item = IpNetwork>) -> Self {
        let networks: Vec<_> = networks.into_iter().collect();
        self.change(move |http| http.server_trusted_proxies.clone_from(&networks))
    }

    /// Records the sizes of bodies: `http.request.body.size`, where the request announces it by `content-length`, and
    /// `http.response.body.size`, as counted, on the span and as the metrics `http.server.request.body.size` and
    /// `http.server.response.body.size`. Default: none of them.
    ///
    /// For capacity planning, and for the request that uploads too much. Compressed bodies count as they are sent, where
    /// the compression is inside of this layer.
    #[must_use]
    pub fn body_sizes(self) -> Self {
        self.change(|http| http.server_body_sizes = true)
    }

    /// Records the metric `http.server.active_requests`. Default: it does not, as the conventions say.
    ///
    /// For autoscaling, and to see requests that hang.
    #[must_use]
    pub fn active_requests(self) -> Self {
        self.change(|http| http.server_active_requests = true)
    }

    /// Records `client.port`, where it is known; `network.transport`, where the connection has an address (`quic` for HTTP/3, else `tcp`), and
    /// `network.local.address` and `network.local.port`, where the request's extensions have a
    /// [`LocalAddress`](crate::LocalAddress). Default: none of them.
    ///
    /// For hosts with several addresses or ports.
    #[must_use]
    pub fn network_details(self) -> Self {
        self.change(|http| http.server_network_details = true)
    }

    /// Records `user_agent.synthetic.type`, on spans and metrics: `bot` where the user agent has a word that ends in `bot`, `crawler`, `spider`
    /// or `slurp`, `test` where one ends in `alwayson`, `synthetics` or `healthcheck`. Default: it does not.
    ///
    /// For telling people from machines that say what they are.
    #[must_use]
    pub fn synthetic_user_agents(self) -> Self {
        self.change(|http| http.server_synthetic_user_agents = true)
    }

    /// Records this `server.address`, and `server.port` where it is given, on all metrics. Default: none.
    ///
    /// For several servers in one process. What requests say of their server never is on metrics: it has no bound.
    ///
    /// ```
    /// use throughline_tower::ServerLayer;
    ///
    /// let layer = ServerLayer::new().metric_server("api.example.com", Some(443));
    /// ```
    #[must_use]
    pub fn metric_server(self, address: impl Into<Arc<str>>, port: impl Into<Option<u16>>) -> Self {
        let endpoint = (address.into(), port.into());
        self.change(move |http| http.server_metric_endpoint = Some(endpoint.clone()))
    }

    /// Records the names before semantic conventions 1.23, too: `http.method` beside `http.request.method`, the metric
    /// `http.server.duration` beside `http.server.request.duration`, and so on. Default: what is installed, else the stable
    /// names alone.
    ///
    /// For the time in which dashboards and alerts still ask for the old ones; it makes spans twice as large. With
    /// `throughline::init()`, `OTEL_SEMCONV_STABILITY_OPT_IN=http/dup` does it for all.
    #[must_use]
    pub fn old_names(self) -> Self {
        self.change(|http| http.old_names = true)
    }
}
