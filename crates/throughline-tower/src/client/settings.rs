//! The layer's settings: what to record.

use std::net::SocketAddr;

use http::{Extensions, HeaderName, Method};
use throughline_core::http_semconv::{CapturedHeaders, KnownMethods, PeerFinder};

use super::layer::ClientLayer;

/// What to record. Lists of methods and headers take the place of those that the application installed for all; what is
/// redacted or switched on here comes on top.
impl ClientLayer {
    /// Takes these methods for known, and no others: any other is `_OTHER` in `http.request.method`, and `HTTP` in the
    /// span's name. Default: what is installed, else the methods of RFC 9110, PATCH and QUERY.
    ///
    /// For `WebDAV` and other extensions of HTTP. A process has room for 32 methods that are not standard.
    #[must_use]
    pub fn known_methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let methods = KnownMethods::new(methods);
        self.change(move |http| http.known_methods = methods.clone())
    }

    /// Records these headers of requests, as `http.request.header.<name>`. Default: what is installed, else none.
    ///
    /// For a tenant, an id of somebody else's. The value is an array of the header's values: 32 at most, of each the first
    /// KiB. `authorization`, `proxy-authorization`, `cookie`, `set-cookie` and `x-api-key` are recorded as `REDACTED`.
    ///
    /// ```
    /// use throughline_tower::http::HeaderName;
    /// use throughline_tower::ClientLayer;
    ///
    /// let layer = ClientLayer::new().capture_request_headers([HeaderName::from_static("x-tenant")]);
    /// ```
    #[must_use]
    pub fn capture_request_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = CapturedHeaders::of_requests(names);
        self.change(move |http| http.client_request_headers = captured.clone())
    }

    /// Records these headers of responses, as `http.response.header.<name>`, by the same rules. Default: what is
    /// installed, else none.
    #[must_use]
    pub fn capture_response_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let captured = CapturedHeaders::of_responses(names);
        self.change(move |http| http.client_response_headers = captured.clone())
    }

    /// Redacts the values of these query parameters, too. Default: what is installed, and the seven of the conventions
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

    /// Records `url.scheme`, on spans and metrics. Default: off.
    #[must_use]
    pub fn url_scheme(self) -> Self {
        self.change(|http| http.client_url_scheme = true)
    }

    /// Records `user_agent.original`, for applications that speak for several. Default: off.
    #[must_use]
    pub fn user_agent(self) -> Self {
        self.change(|http| http.client_user_agent = true)
    }

    /// Records `network.peer.address` and `network.peer.port`: what `find` finds in the extensions of a response. Default:
    /// neither, since no type that all clients share tells them.
    ///
    /// ```
    /// use hyper_util::client::legacy::connect::HttpInfo;
    /// use throughline_tower::ClientLayer;
    ///
    /// let layer = ClientLayer::new()
    ///     .peer_address(|response| Some(response.get::<HttpInfo>()?.remote_addr()));
    /// ```
    #[must_use]
    pub fn peer_address(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.settings().peer_address = Some(PeerFinder::new(find));
        self
    }

    /// Records the sizes of bodies that are known before they are sent: `http.request.body.size` and
    /// `http.response.body.size`, and the metrics `http.client.request.body.size` and `http.client.response.body.size`.
    /// Default: off.
    #[must_use]
    pub fn body_sizes(self) -> Self {
        self.change(|http| http.client_body_sizes = true)
    }

    /// Records the metric `http.client.active_requests`. Default: off.
    #[must_use]
    pub fn active_requests(self) -> Self {
        self.change(|http| http.client_active_requests = true)
    }

    /// Records the names before semantic conventions 1.23, too: `http.method` beside `http.request.method`, the metric
    /// `http.client.duration` beside `http.client.request.duration`, and so on. Default: what is installed, else the stable
    /// names alone.
    ///
    /// For the time in which dashboards and alerts still ask for the old ones; it makes spans twice as large. With
    /// `throughline::init()`, `OTEL_SEMCONV_STABILITY_OPT_IN=http/dup` does it for all.
    #[must_use]
    pub fn old_names(self) -> Self {
        self.change(|http| http.old_names = true)
    }
}
