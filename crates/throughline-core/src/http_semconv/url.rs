//! Secrets stay out of `url.query` and `url.full`.

use std::borrow::Cow;

/// The query parameters whose values the conventions ask to redact:
/// <https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/>.
pub const SENSITIVE_QUERY_KEYS: &[&str] = &[
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
];

pub(super) const REDACTED: &str = "REDACTED";

/// The query string (without `?`) with the values of `sensitive` keys replaced by `REDACTED`. Keys are case-sensitive.
///
/// ```
/// use throughline_core::http_semconv::{SENSITIVE_QUERY_KEYS, redact_query};
///
/// assert_eq!(redact_query("q=1&sig=a%2Fb", SENSITIVE_QUERY_KEYS), "q=1&sig=REDACTED");
/// ```
#[must_use]
pub fn redact_query<'a, K: AsRef<str>>(query: &'a str, sensitive: &[K]) -> Cow<'a, str> {
    let whole = query;
    // A fragment is no part of the query, but where one was written it is not part of a value either.
    let (query, fragment) = whole.split_at(whole.find('#').unwrap_or(whole.len()));
    let secret = |parameter: &str| {
        let (key, _) = parameter.split_once('=')?;
        let is_key = |sensitive: &K| sensitive.as_ref() == key;
        sensitive.iter().any(is_key).then_some(key.len())
    };
    if !query
        .split('&')
        .any(|parameter| secret(parameter).is_some())
    {
        return Cow::Borrowed(whole);
    }
    let mut redacted = String::with_capacity(query.len() + fragment.len() + REDACTED.len());
    for (i, parameter) in query.split('&').enumerate() {
        if i > 0 {
            redacted.push('&');
        }
        match secret(parameter) {
            Some(key) => {
                redacted.push_str(&parameter[..=key]);
                redacted.push_str(REDACTED);
            }
            None => redacted.push_str(parameter),
        }
    }
    redacted.push_str(fragment);
    Cow::Owned(redacted)
}

/// The URL with its user information and the values of `sensitive` query keys replaced by `REDACTED`.
///
/// User information is looked for after `scheme://`, or after `//` where the scheme is not known; the query in whatever has
/// one.
///
/// ```
/// use throughline_core::http_semconv::{SENSITIVE_QUERY_KEYS, redact_url};
///
/// assert_eq!(
///     redact_url("https://user:secret@example.com/a?sig=b", SENSITIVE_QUERY_KEYS),
///     "https://REDACTED:REDACTED@example.com/a?sig=REDACTED",
/// );
/// ```
#[must_use]
pub fn redact_url<'a, K: AsRef<str>>(url: &'a str, sensitive: &[K]) -> Cow<'a, str> {
    let authority = match url.starts_with("//") {
        true => Some(2),
        false => (url.as_bytes().windows(3))
            .position(|window| window == b"://")
            .map(|scheme| scheme + 3),
    };
    let without_user = |authority: usize| {
        let rest = &url[authority..];
        let is_end = |byte| matches!(byte, b'/' | b'?' | b'#');
        let length = rest.bytes().position(is_end).unwrap_or(rest.len());
        let at = rest[..length].rfind('@').filter(|at| at + 1 < length)?;
        let safe = format!("{}{REDACTED}:{REDACTED}{}", &url[..authority], &rest[at..]);
        Some(Cow::Owned(safe))
    };
    let redacted = authority
        .and_then(without_user)
        .unwrap_or(Cow::Borrowed(url));
    let fragment = redacted.find('#').unwrap_or(redacted.len());
    let Some(query) = redacted[..fragment].find('?').map(|mark| mark + 1) else {
        return redacted;
    };
    match redact_query(&redacted[query..], sensitive) {
        Cow::Borrowed(_) => redacted,
        Cow::Owned(safe) => format!("{}{safe}", &redacted[..query]).into(),
    }
}
