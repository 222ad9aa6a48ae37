//! `http.request.header.<name>` and `http.response.header.<name>`.

use std::fmt;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONTENT_LOCATION, COOKIE, LOCATION, PROXY_AUTHORIZATION, REFERER, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use super::boundary;
use super::url::{REDACTED, redact_url};

/// How many values of a header are recorded, and how many bytes of each.
const MAX_VALUES: usize = 32;
const MAX_VALUE: usize = 1024;

/// The headers that are recorded as attributes: an array of all values of a header, 32 of them and 1 KiB of each at most.
///
/// The values of `authorization`, `proxy-authorization`, `cookie`, `set-cookie` and `x-api-key` are recorded as
/// `REDACTED`, and so is one that is [marked as sensitive](HeaderValue::is_sensitive). URLs in `referer`, `location` and
/// `content-location` are redacted as those of requests are. Default: no header.
#[derive(Clone, Default)]
pub struct CapturedHeaders(Option<Arc<[Captured]>>);

#[derive(Clone)]
struct Captured {
    name: HeaderName,
    key: Key,
    /// The key before conventions 1.23, where that is recorded, too, and is another one.
    old_key: Option<Key>,
    is_secret: bool,
    is_url: bool,
}

impl CapturedHeaders {
    /// Headers of requests.
    #[must_use]
    pub fn of_requests(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self::new("http.request.header.", names)
    }

    /// Headers of responses.
    #[must_use]
    pub fn of_responses(names: impl IntoIterator<Item = HeaderName>) -> Self {
        Self::new("http.response.header.", names)
    }

    fn new(prefix: &str, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        let captured = names.into_iter().map(|name| Captured {
            key: Key::from(Arc::from(format!("{prefix}{name}"))),
            old_key: None,
            is_secret: is_secret(&name),
            is_url: [REFERER, LOCATION, CONTENT_LOCATION].contains(&name),
            name,
        });
        let captured: Arc<[_]> = captured.collect();
        Self((!captured.is_empty()).then_some(captured))
    }

    /// Records them under their old names, too: with `_` in place of `-`.
    pub(super) fn add_old_names(&mut self) {
        let Some(captured) = &mut self.0 else { return };
        for captured in Arc::make_mut(captured) {
            // The prefixes have no dash.
            let old_key = captured.key.as_str().replace('-', "_");
            captured.old_key = (old_key != captured.key.as_str()).then(|| Key::from(old_key));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The attributes of those that are there. URLs in them are without user information and the values of `sensitive`
    /// query keys.
    pub fn attributes(
        &self,
        headers: &HeaderMap,
        sensitive: &[Box<str>],
    ) -> impl Iterator<Item = KeyValue> {
        let captured = self.0.as_deref().unwrap_or_default().iter();
        captured.flat_map(|captured| captured.attributes(headers, sensitive))
    }
}

impl Captured {
    fn attributes(
        &self,
        headers: &HeaderMap,
        sensitive: &[Box<str>],
    ) -> impl Iterator<Item = KeyValue> {
        let values = headers.get_all(&self.name).iter().take(MAX_VALUES);
        let values: Vec<StringValue> = values
            .map(|value| match self.is_secret || value.is_sensitive() {
                true => REDACTED.into(),
                false if self.is_url => url(value, sensitive).into(),
                false => text(value).into(),
            })
            .collect();
        let is_there = !values.is_empty();
        let keys = [Some(&self.key), self.old_key.as_ref()].into_iter();
        let keys = keys.flatten().filter(move |_| is_there);
        let array = Value::Array(Array::String(values));
        keys.map(move |key| KeyValue::new(key.clone(), array.clone()))
    }
}

fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name) || name == "x-api-key"
}

/// A URL without its secrets. The whole of it is looked at: without what follows a password, nothing tells that it is one.
fn url(value: &HeaderValue, sensitive: &[Box<str>]) -> String {
    let url = String::from_utf8_lossy(value.as_bytes());
    let mut safe = redact_url(&url, sensitive).into_owned();
    safe.truncate(boundary(safe.as_bytes(), MAX_VALUE));
    safe
}

/// A value's first [`MAX_VALUE`] bytes; what is not UTF-8 is replaced.
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    String::from_utf8_lossy(&bytes[..boundary(bytes, MAX_VALUE)]).into_owned()
}

/// As they are written in a configuration: `accept,x-tenant`.
impl fmt::Display for CapturedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captured = self.0.as_deref().unwrap_or_default().iter();
        let names: Vec<_> = captured.map(|captured| captured.name.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Debug for CapturedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}
