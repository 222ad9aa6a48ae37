//! `http.request.method`: the known methods and the rest.

use http::{Method, StatusCode};

use crate::operation::Outcome;

/// A method of low cardinality: the ones of RFC 9110, PATCH (RFC 5789) and QUERY, or none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum KnownMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
    Connect,
    Trace,
    Query,
    Other,
}

impl KnownMethod {
    /// How many there are: the size of a table by `method as usize`.
    pub(super) const COUNT: usize = Self::Other as usize + 1;

    /// Method names are case-sensitive (RFC 9110, section 9.1).
    pub(super) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            Method::HEAD => Self::Head,
            Method::OPTIONS => Self::Options,
            Method::CONNECT => Self::Connect,
            Method::TRACE => Self::Trace,
            _ if method.as_str() == "QUERY" => Self::Query,
            _ => Self::Other,
        }
    }

    /// The value of `http.request.method`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Connect => "CONNECT",
            Self::Trace => "TRACE",
            Self::Query => "QUERY",
            Self::Other => "_OTHER",
        }
    }

    /// The method in a span's name.
    pub(super) fn in_span_name(self) -> &'static str {
        match self {
            Self::Other => "HTTP",
            known => known.as_str(),
        }
    }

    /// The outcome of a request whose response ends with its head: no body follows to HEAD, 1xx, 204 and 304, and none
    /// that is HTTP's after a switch of protocols (RFC 9110, section 6.4.1).
    pub(super) fn ends_with_head(self, status: StatusCode) -> Option<Outcome> {
        let upgraded = status == StatusCode::SWITCHING_PROTOCOLS
            || (self == Self::Connect && status.is_success());
        let bodiless = self == Self::Head
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        if upgraded {
            Some(Outcome::Upgraded)
        } else {
            bodiless.then_some(Outcome::Finished)
        }
    }
}
