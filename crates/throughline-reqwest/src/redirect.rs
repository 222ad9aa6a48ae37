//! Redirects, followed above reqwest: each hop is a request of its own, with its span and only the headers it may have.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use opentelemetry::Context;
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response, Url};

/// How redirects are followed, and what goes along.
#[derive(Clone, Debug)]
pub(crate) struct Following {
    /// How many at most.
    pub(crate) max: usize,
    pub(crate) sends_referer: bool,
    /// What each call begins with, where it has no such headers itself.
    pub(crate) headers: HeaderMap,
    /// What reqwest adds below, where it finds no such header, and must not after a redirect to another host.
    below: Vec<HeaderName>,
}

impl Default for Following {
    /// As many as reqwest follows, with a referer.
    fn default() -> Self {
        Self {
            max: 10,
            sends_referer: true,
            headers: HeaderMap::new(),
            below: Vec::new(),
        }
    }
}

impl Following {
    /// The same above `client`.
    ///
    /// Which headers a client has by default, reqwest tells in its `Debug` only: their names stand in quotes there, and
    /// quotes in values are escaped.
    pub(crate) fn above(mut self, client: &Client) -> Self {
        let client = format!("{client:?}");
        let names = SECRETS.into_iter().chain(OF_PROPAGATION);
        self.below = names
            .filter(|name| client.contains(&format!("\"{name}\": ")))
            .collect();
        self
    }

    /// Adds the default headers that `headers` has not.
    pub(crate) fn add_defaults(&self, headers: &mut HeaderMap) {
        for name in self.headers.keys() {
            if !headers.contains_key(name) {
                for value in self.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
        }
    }

    /// Leaves no place for what reqwest would add and a hop must not have: an empty header is all that keeps it away.
    pub(crate) fn keep_away(&self, hop: &Hop, headers: &mut HeaderMap) {
        for name in &self.below {
            let is_kept_away = match OF_PROPAGATION.contains(name) {
                true => hop.is_foreign,
                false => hop.has_left,
            };
            if is_kept_away && !headers.contains_key(name) {
                headers.insert(name, HeaderValue::from_static(""));
            }
        }
    }
}

/// The place of a request among those that redirects made of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    /// What becomes of a redirect. None: reqwest decides.
    pub(crate) then: Option<Then>,
    /// Whether a redirect led to its host, from another one.
    pub(crate) is_foreign: bool,
    /// Whether any redirect until now led to another origin.
    pub(crate) has_left: bool,
    /// Whether its URL is that of the first, which the caller's template is of.
    pub(crate) is_first_url: bool,
}

impl Hop {
    /// The only one.
    pub(crate) const ONLY: Self = Self {
        then: None,
        is_foreign: false,
        has_left: false,
        is_first_url: true,
    };

    /// A request to `url`, after so many redirects of one to `first` and, if `has_left`, some of them to another origin.
    pub(crate) fn new(
        hops: usize,
        (first, url): (&Url, &Url),
        has_left: bool,
        following: &Following,
    ) -> Self {
        let then = match following.max {
            0 => Then::Return,
            max if hops >= max => Then::Fail,
            _ => Then::Follow,
        };
        Self {
            then: Some(then),
            is_foreign: url.host_str() != first.host_str(),
            has_left: has_left || !is_same_origin(first, url),
            is_first_url: url == first,
        }
    }
}

/// What becomes of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Follow,
    /// One too many.
    Fail,
    /// It is the response.
    Return,
}

/// In the context of a request while reqwest has it, for [`policy`].
pub(crate) struct Redirect {
    then: Then,
    /// Of the response that reqwest makes an error of.
    status: OnceLock<StatusCode>,
}

impl Redirect {
    pub(crate) fn new(then: Then) -> Self {
        let status = OnceLock::new();
        Self { then, status }
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.status.get().copied()
    }
}

/// reqwest's own part: it follows nothing, and makes the errors of redirects, which nobody else can.
pub(crate) fn policy() -> Policy {
    Policy::custom(|attempt| {
        Context::map_current(|context| {
            let Some(redirect) = context.get::<Redirect>() else {
                return attempt.stop();
            };
            // It is set once: reqwest follows nothing.
            let _ = redirect.status.set(attempt.status());
            match redirect.then {
                Then::Return => attempt.stop(),
                Then::Fail => attempt.error(TooManyRedirects),
                Then::Follow if is_http(attempt.url()) => attempt.stop(),
                // It does not, and says why.
                Then::Follow => attempt.follow(),
            }
        })
    })
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

#[derive(Debug)]
struct TooManyRedirects;

impl fmt::Display for TooManyRedirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many redirects")
    }
}

impl Error for TooManyRedirects {}

/// What the next request is made of, kept while one is on its way.
pub(crate) struct Kept {
    request: Request,
    /// Whether its body is gone, since it can be sent only once.
    lost_body: bool,
    sent: Instant,
}

impl Kept {
    pub(crate) fn of(request: &Request) -> Self {
        let whole = request.try_clone();
        Self {
            lost_body: whole.is_none(),
            request: whole.unwrap_or_else(|| without_body(request)),
            sent: Instant::now(),
        }
    }

    /// The request that `response` asks for, by the rules of reqwest (RFC 9110, section 15.4). None where it asks for none,
    /// for one that reqwest cannot send, or for a body that is gone.
    pub(crate) fn redirected(self, response: &Response, sends_referer: bool) -> Option<Request> {
        let mut request = self.request;
        let drops_body = match response.status() {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method() == Method::POST,
            StatusCode::SEE_OTHER => true,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
            _ => return None,
        };
        if self.lost_body && !drops_body {
            return None;
        }
        let location = str::from_utf8(response.headers().get(LOCATION)?.as_bytes()).ok()?;
        let next = request.url().join(location).ok().filter(is_http)?;
        next.as_str().parse::<Uri>().ok()?;
        if drops_body {
            if request.method() != Method::HEAD {
                *request.method_mut() = Method::GET;
            }
            *request.body_mut() = None;
            remove(request.headers_mut(), &OF_BODIES);
        }
        let previous = request.url().clone();
        if !is_same_origin(&previous, &next) {
            remove(request.headers_mut(), &SECRETS);
        }
        if sends_referer {
            match referer(previous, &next) {
                Some(referer) => request.headers_mut().insert(REFERER, referer),
                None => request.headers_mut().remove(REFERER),
            };
        }
        // The time that a call may take is that of all its hops.
        if let Some(timeout) = request.timeout_mut() {
            *timeout = timeout.saturating_sub(self.sent.elapsed());
        }
        *request.url_mut() = next;
        Some(request)
    }
}

/// What describes a body, and goes with it.
const OF_BODIES: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
];

/// What is meant for one host.
const SECRETS: [HeaderName; 5] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("cookie2"),
    PROXY_AUTHORIZATION,
    WWW_AUTHENTICATE,
];

/// What a caller may have written in place of ours.
const OF_PROPAGATION: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

fn is_same_origin(a: &Url, b: &Url) -> bool {
    let origin = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    a.host_str() == b.host_str() && origin(a) == origin(b)
}

/// The previous URL without user information, and for another origin without path and query
/// (`strict-origin-when-cross-origin`, W3C Referrer Policy, section 3.7). None where it was encrypted and the next is not.
fn referer(mut previous: Url, next: &Url) -> Option<HeaderValue> {
    if next.scheme() == "http" && previous.scheme() == "https" {
        return None;
    }
    let _ = previous.set_username("");
    let _ = previous.set_password(None);
    previous.set_fragment(None);
    if !is_same_origin(&previous, next) {
        previous.set_path("");
        previous.set_query(None);
    }
    previous.as_str().parse().ok()
}

fn without_body(request: &Request) -> Request {
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    *copy.headers_mut() = request.headers().clone();
    *copy.version_mut() = request.version();
    *copy.timeout_mut() = request.timeout().copied();
    copy
}
