//! `http.request.method`: the known methods and the rest.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::{Method, StatusCode};

use crate::operation::Outcome;

/// A method of low cardinality: a standard one (RFC 9110, PATCH of RFC 5789 and QUERY), none of them, or one that the
/// application named.
///
/// Two are equal that are recorded alike.
#[derive(Clone, Copy)]
pub(super) struct KnownMethod {
    number: u8,
    /// The number of the standard method that it is: a HEAD that is recorded as `_OTHER` still has no body.
    standard: u8,
}

/// By number.
const NAMES: [&str; 11] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY",
    "_OTHER",
];

/// How many methods of their own the applications of a process may name: more than IANA registers.
const MAX_CUSTOM: usize = 32;

/// The applications' methods, whose numbers begin after those of [`NAMES`].
static CUSTOM: [OnceLock<&'static str>; MAX_CUSTOM] = [const { OnceLock::new() }; MAX_CUSTOM];

impl KnownMethod {
    pub(super) const GET: Self = Self::new(0);
    const POST: Self = Self::new(1);
    const PUT: Self = Self::new(2);
    const PATCH: Self = Self::new(3);
    const DELETE: Self = Self::new(4);
    const HEAD: Self = Self::new(5);
    const OPTIONS: Self = Self::new(6);
    const CONNECT: Self = Self::new(7);
    const TRACE: Self = Self::new(8);
    const QUERY: Self = Self::new(9);
    pub(super) const OTHER: Self = Self::new(10);

    /// How many there are: the size of a table by [`index`](Self::index).
    pub(super) const COUNT: usize = NAMES.len() + MAX_CUSTOM;

    const fn new(number: u8) -> Self {
        Self {
            number,
            standard: number,
        }
    }

    /// The standard method. Method names are case-sensitive (RFC 9110, section 9.1).
    fn standard(method: &Method) -> Self {
        match *method {
            Method::GET => Self::GET,
            Method::POST => Self::POST,
            Method::PUT => Self::PUT,
            Method::PATCH => Self::PATCH,
            Method::DELETE => Self::DELETE,
            Method::HEAD => Self::HEAD,
            Method::OPTIONS => Self::OPTIONS,
            Method::CONNECT => Self::CONNECT,
            Method::TRACE => Self::TRACE,
            _ if method.as_str() == "QUERY" => Self::QUERY,
            _ => Self::OTHER,
        }
    }

    /// The method, in the process for ever. None past [`MAX_CUSTOM`] that are not standard.
    fn intern(method: &Method) -> Option<Self> {
        let standard = Self::standard(method);
        if standard != Self::OTHER {
            return Some(standard);
        }
        let is_it = |name: &OnceLock<&'static str>| {
            *name.get_or_init(|| Box::leak(method.as_str().into())) == method.as_str()
        };
        let number = NAMES.len() + CUSTOM.iter().position(is_it)?;
        u8::try_from(number).ok().map(Self::new)
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.number)
    }

    /// The value of `http.request.method`.
    pub(super) fn as_str(self) -> &'static str {
        let index = self.index();
        let custom = || CUSTOM[index - NAMES.len()].get().copied();
        NAMES
            .get(index)
            .copied()
            .or_else(custom)
            .unwrap_or("_OTHER")
    }

    /// The method in a span's name.
    pub(super) fn in_span_name(self) -> &'static str {
        if self == Self::OTHER {
            "HTTP"
        } else {
            self.as_str()
        }
    }

    /// The outcome of a request whose response ends with its head: no body follows to HEAD, 1xx, 204 and 304, and none
    /// that is HTTP's after a switch of protocols (RFC 9110, section 6.4.1).
    pub(super) fn ends_with_head(self, status: StatusCode) -> Option<Outcome> {
        let upgraded = status == StatusCode::SWITCHING_PROTOCOLS
            || (self.standard == Self::CONNECT.number && status.is_success());
        let bodiless = self.standard == Self::HEAD.number
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

impl PartialEq for KnownMethod {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl fmt::Debug for KnownMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The methods that `http.request.method` may have; any other is `_OTHER`. Default: those of RFC 9110, PATCH and QUERY.
///
/// ```
/// use http::Method;
/// use throughline_core::http_semconv::KnownMethods;
///
/// let webdav = KnownMethods::new([Method::GET, Method::from_bytes(b"PROPFIND")?]);
/// assert_eq!(webdav.to_string(), "GET,PROPFIND");
/// # Ok::<(), http::method::InvalidMethod>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KnownMethods(Option<Arc<[KnownMethod]>>);

impl KnownMethods {
    /// These and no others, as they are written: "the list MUST be a full override of the default one" (conventions,
    /// "HTTP request method"). The methods of a process that are not standard have a bound of 32; past it they stay
    /// `_OTHER`.
    #[must_use]
    pub fn new(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut known = Vec::new();
        for method in methods {
            if let Some(method) = KnownMethod::intern(&method)
                && !known.contains(&method)
            {
                known.push(method);
            }
        }
        Self(Some(known.into()))
    }

    /// Whether `method` is one of them.
    #[must_use]
    pub fn contains(&self, method: &Method) -> bool {
        self.of(method) != KnownMethod::OTHER
    }

    pub(super) fn of(&self, method: &Method) -> KnownMethod {
        let standard = KnownMethod::standard(method);
        match &self.0 {
            None => standard,
            Some(known) => KnownMethod {
                number: find(known, standard, method).number,
                standard: standard.number,
            },
        }
    }
}

#[cold]
fn find(known: &[KnownMethod], standard: KnownMethod, method: &Method) -> KnownMethod {
    let is_it = |known: &KnownMethod| *known == standard || known.as_str() == method.as_str();
    let found = known.iter().copied().find(is_it);
    found.unwrap_or(KnownMethod::OTHER)
}

impl fmt::Display for KnownMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = match &self.0 {
            None => NAMES[..KnownMethod::OTHER.index()].to_vec(),
            Some(known) => known.iter().map(|method| method.as_str()).collect(),
        };
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(known: &KnownMethods, method: &str, expected: &str) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(known.of(&method).as_str(), expected);
    }

    #[test]
    fn a_list_replaces_the_standard_one() {
        let standard = KnownMethods::default();
        check(&standard, "QUERY", "QUERY");
        check(&standard, "PURGE", "_OTHER");
        check(&standard, "_OTHER", "_OTHER");

        let purge = Method::from_bytes(b"PURGE").unwrap();
        let own = KnownMethods::new([Method::GET, purge.clone(), purge]);
        check(&own, "GET", "GET");
        check(&own, "PURGE", "PURGE");
        check(&own, "purge", "_OTHER");
        check(&own, "POST", "_OTHER");
        check(&own, "QUERY", "_OTHER");
        check(&KnownMethods::new([]), "GET", "_OTHER");
    }

    #[test]
    fn the_rules_of_http_do_not_depend_on_what_is_recorded() {
        let none = KnownMethods::new([]);
        assert_eq!(none.of(&Method::HEAD), KnownMethod::OTHER);
        let ends = |method, status| none.of(&method).ends_with_head(status);
        assert_eq!(ends(Method::HEAD, StatusCode::OK), Some(Outcome::Finished));
        assert_eq!(
            ends(Method::CONNECT, StatusCode::OK),
            Some(Outcome::Upgraded)
        );
        assert_eq!(ends(Method::GET, StatusCode::OK), None);
    }
}
