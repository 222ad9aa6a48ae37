use http::{HeaderMap, Uri};

use crate::redact::printable;

/// Shorter values are everyday words more often than credentials.
const SHORTEST: usize = 6;

/// What was sent to the server and must not come back in one of its messages: some servers repeat a token that they
/// refuse.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The header values that were marked as sensitive, their words (`Bearer …`), and the query's values.
    pub(super) fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let values = headers.values().filter(|value| value.is_sensitive());
        let values = values.filter_map(|value| value.to_str().ok());
        let query = uri.query().unwrap_or_default().split(['&', '=']);
        let mut secrets: Vec<String> = values
            .flat_map(|value| std::iter::once(value).chain(value.split_whitespace()))
            .chain(query)
            .filter(|secret| secret.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        // A part must not break up the whole before it is found.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// A server's words, fit for a log line.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        printable(&text)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_was_sent_is_hidden() {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_static("Bearer letmein-letmein");
        value.set_sensitive(true);
        headers.insert("authorization", value);
        headers.insert("user-agent", HeaderValue::from_static("throughline"));
        let secrets = Secrets::of(&headers, &Uri::from_static("http://h/v1?key=hushhush&a=1"));
        let check = |text: &str, expected: &str| assert_eq!(secrets.hide_in(text), expected);
        check("no", "no");
        check("Bearer letmein-letmein is unknown", "*** is unknown");
        check("token letmein-letmein is unknown", "token *** is unknown");
        check("a=1 hushhush\nthroughline", "a=1 *** throughline");
        check("http://user:pass@h/", "http://h/");
    }
}
