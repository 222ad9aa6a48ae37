//! What a handler says of its request.

use opentelemetry::KeyValue;

/// How many labels a request may have.
const MAX: usize = 16;

/// The namespaces of what the conventions say of a request.
const TAKEN: [&str; 7] = [
    "client.",
    "error.",
    "http.",
    "network.",
    "server.",
    "url.",
    "user_agent.",
];

/// In the extensions of a response: attributes that its handler adds to the span of the request and to all its metrics, but
/// for `http.server.active_requests`.
///
/// They **must** be of low cardinality: each combination of their values is a time series of each metric. Of more than 16
/// the rest is left out, and so are names that begin as those of the conventions do: `client.`, `error.`, `http.`,
/// `network.`, `server.`, `url.`, `user_agent.`. A request without a response (it was dropped, or panicked) has none.
///
/// ```
/// use http::Response;
/// use opentelemetry::KeyValue;
/// use throughline_core::http_semconv::Labels;
///
/// let mut response = Response::new(());
/// response.extensions_mut().insert(Labels::new([KeyValue::new("shop.customer.tier", "gold")]));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels(Vec<KeyValue>);

impl Labels {
    /// Each of `labels`.
    #[must_use]
    pub fn new(labels: impl IntoIterator<Item = KeyValue>) -> Self {
        let is_free = |label: &KeyValue| {
            let key = label.key.as_str();
            !TAKEN.iter().any(|taken| key.starts_with(taken))
        };
        Self(labels.into_iter().filter(is_free).take(MAX).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = KeyValue> {
        self.0.iter().cloned()
    }
}
