//! Redirects, followed above reqwest: each hop is a request of its own, with its span and only the headers it may have.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, LOCATION,
    PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use opentelemetry::Context;
use reqwest::redirect::Policy;
use reqwest::{Request, Response, Url};

/// How many redirects are followed: as many as reqwest does.
pub(crate) const MAX: usize = 10;

/// In the context of a request: a redirect of it is not followed any more.
pub(crate) struct IsLast;

/// reqwest's own part: it follows nothing, and makes the error of too many redirects, which nobody else can.
pub(crate) fn policy() -> Policy {
    Policy::custom(|attempt| {
        if Context::map_current(|context| context.get::<IsLast>().is_some()) {
            attempt.error(TooManyRedirects)
        } else {
            attempt.stop()
        }
    })
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
    /// or for a body that is gone.
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
        let next = request.url().join(location).ok()?;
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
            request.headers_mut().remove("cookie2");
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
const SECRETS: [HeaderName; 4] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE];

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

fn is_same_origin(a: &Url, b: &Url) -> bool {
    let origin = |url: &Url| (url.scheme().to_owned(), url.port_or_known_default());
    a.host_str() == b.host_str() && origin(a) == origin(b)
}

/// The previous URL without its secrets, unless it was encrypted and the next one is not.
fn referer(mut previous: Url, next: &Url) -> Option<HeaderValue> {
    if next.scheme() == "http" && previous.scheme() == "https" {
        return None;
    }
    let _ = previous.set_username("");
    let _ = previous.set_password(None);
    previous.set_fragment(None);
    previous.as_str().parse().ok()
}

fn without_body(request: &Request) -> Request {
    let mut copy = Request::new(request.method().clone(), request.url().clone());
    *copy.headers_mut() = request.headers().clone();
    *copy.version_mut() = request.version();
    *copy.timeout_mut() = request.timeout().copied();
    copy
}
