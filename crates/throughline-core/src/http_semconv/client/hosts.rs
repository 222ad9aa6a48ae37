//! Where headers may go.

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

use crate::http_semconv::endpoint::unbracketed;
use crate::propagation::{Propagation, remove_baggage};

/// A list of hosts: exact names or addresses, and `*.suffix` for all names below one. Case does not matter, ports are no part
/// of it.
///
/// ```
/// use throughline_core::http_semconv::Hosts;
///
/// let hosts = Hosts::new(["orders", "*.internal"]);
/// assert!(hosts.contains("orders") && hosts.contains("a.b.Internal"));
/// assert!(!hosts.contains("internal") && !hosts.contains("orders.example"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Box<str>>);

impl Hosts {
    /// The hosts of `patterns`.
    #[must_use]
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Self {
        let patterns = patterns.into_iter();
        Self(
            patterns
                .map(|pattern| normal(pattern.as_ref()).into())
                .collect(),
        )
    }

    /// Whether `host` is one of them.
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        let host = normal(host);
        self.0
            .iter()
            .any(|pattern| match pattern.strip_prefix('*') {
                Some(suffix) if suffix.starts_with('.') => ends_with(host, suffix),
                _ => pattern.eq_ignore_ascii_case(host),
            })
    }
}

/// Without the brackets of an IPv6 address and the dot of a fully qualified name.
fn normal(host: &str) -> &str {
    let host = unbracketed(host);
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether there is more before `suffix`. In bytes, since nobody said that `host` is ASCII.
fn ends_with(host: &str, suffix: &str) -> bool {
    let end = host
        .len()
        .checked_sub(suffix.len())
        .filter(|&start| start > 0);
    end.is_some_and(|start| host.as_bytes()[start..].eq_ignore_ascii_case(suffix.as_bytes()))
}

/// Which hosts get the headers of propagation. Default: all of them get all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destinations {
    /// The only ones that get any. None: all.
    pub propagate_to: Option<Hosts>,
    /// The ones that get none, even if they are on the other lists.
    pub propagate_except: Hosts,
    /// The only ones of those that get baggage. None: all but those that only a redirect named.
    pub baggage_to: Option<Hosts>,
}

impl Destinations {
    /// Writes the context into the headers of a request to `host`, as far as it may go there.
    ///
    /// `is_foreign` says that a redirect led there from another host. Then the caller named that one and not this, and
    /// headers of propagation that the request has already, from whomever, are removed where none may go.
    pub fn inject(
        &self,
        propagation: &Propagation,
        context: &Context,
        host: &str,
        is_foreign: bool,
        headers: &mut HeaderMap,
    ) {
        let may_go = (self.propagate_to.as_ref()).is_none_or(|hosts| hosts.contains(host))
            && !self.propagate_except.contains(host);
        let baggage_may_go = match &self.baggage_to {
            Some(hosts) => hosts.contains(host),
            None => !is_foreign,
        };
        match (may_go, baggage_may_go) {
            (true, true) => propagation.inject(context, headers),
            (true, false) => {
                if is_foreign {
                    remove_baggage(headers);
                }
                propagation.inject(&context.with_cleared_baggage(), headers);
            }
            (false, _) if is_foreign => propagation.remove(headers),
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, host: &str, expected: bool) {
        assert_eq!(
            Hosts::new([pattern]).contains(host),
            expected,
            "{pattern} {host}"
        );
    }

    #[test]
    fn hosts_are_exact_or_below_a_suffix() {
        check("example.com", "example.com", true);
        check("example.com", "EXAMPLE.com.", true);
        check("Example.com.", "example.com", true);
        check("example.com", "a.example.com", false);
        check("example.com", "example.com.evil", false);
        check("*.example.com", "a.example.com", true);
        check("*.example.com", "a.b.EXAMPLE.com.", true);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", false);
        check("*.example.com", "evilexample.com", false);
        check("*.example.com", "a.example.com.evil", false);
        check("*example.com", "evilexample.com", false);
        check("*.ß", "ß", false);
        check("*", "example.com", false);
        check("::1", "[::1]", true);
        check("[::1]", "::1", true);
        check("10.0.0.1", "10.0.0.1", true);
        check("10.0.0.1", "10.0.0.11", false);
        check("", "", true);
        assert!(!Hosts::default().contains("example.com"));
    }
}
