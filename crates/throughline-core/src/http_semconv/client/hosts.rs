//! Where headers may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use http::header::HeaderName;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

use crate::http_semconv::endpoint::unbracketed;
use crate::propagation::{Propagation, remove_baggage};

/// What our own propagators write, whichever of them are in use.
static W3C: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

/// A list of hosts:
///
/// | pattern | hosts |
/// |---|---|
/// | `orders.internal` | this name |
/// | `*.internal` | all names below `internal`, and not itself |
/// | `10.0.0.1`, `::1`, `[::1]` | this address, in whatever form it is written: `127.1` is `127.0.0.1` |
/// | one of these with a port: `orders.internal:8443`, `[::1]:8443` | the same, with this port only |
/// | `*` | all |
///
/// Case does not matter. Names are not resolved: `localhost` is not `127.0.0.1`. A name with other letters than those of
/// ASCII is written as URLs carry it: `xn--bcher-kva.example`.
///
/// Any other pattern (`bücher.example`, `http://orders/`, `a.*`) may mean any host: a list [contains](Self::contains)
/// none for it and [may contain](Self::may_contain) all, so that neither what is allowed nor what is denied goes further
/// than was asked for.
///
/// ```
/// use throughline_core::http_semconv::Hosts;
///
/// let hosts = Hosts::new(["orders:8080", "*.internal"]);
/// assert!(hosts.contains("orders", Some(8080)) && hosts.contains("a.b.Internal", None));
/// assert!(!hosts.contains("internal", None) && !hosts.contains("orders", Some(80)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    All,
    Some {
        hosts: Named,
        /// None: any.
        port: Option<u16>,
    },
    /// What is no pattern.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Name(Box<str>),
    /// With its dot.
    Suffix(Box<str>),
    Address(IpAddr),
}

impl Hosts {
    /// The hosts of `patterns`.
    #[must_use]
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Self {
        let patterns = patterns.into_iter();
        Self(
            patterns
                .map(|pattern| Pattern::new(pattern.as_ref()))
                .collect(),
        )
    }

    /// Whether `host`, with the port of the request or of its scheme, is surely one of them.
    #[must_use]
    pub fn contains(&self, host: &str, port: Option<u16>) -> bool {
        let host = Host::new(host);
        (self.0.iter()).any(|pattern| pattern.matches(&host, port) == Some(true))
    }

    /// Whether `host` may be one of them: it is, or the host, its port or a pattern is not understood.
    #[must_use]
    pub fn may_contain(&self, host: &str, port: Option<u16>) -> bool {
        let host = Host::new(host);
        (self.0.iter()).any(|pattern| pattern.matches(&host, port) != Some(false))
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        if text == "*" {
            return Self::All;
        }
        let (host, port) = match split_port(text) {
            None => (text, None),
            Some((host, port)) => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => return Self::Unknown,
            },
        };
        let suffix = host.strip_prefix("*.").map(|_| &host[1..]);
        let hosts = match Host::new(suffix.map_or(host, |suffix| &suffix[1..])) {
            Host::Name(name) => match suffix {
                None => Named::Name(name.into()),
                Some(_) => Named::Suffix(format!(".{name}").into()),
            },
            Host::Address(address) if suffix.is_none() => Named::Address(address),
            Host::Address(_) | Host::Unknown => return Self::Unknown,
        };
        Self::Some { hosts, port }
    }

    /// None where it cannot be told.
    fn matches(&self, host: &Host<'_>, port: Option<u16>) -> Option<bool> {
        let (hosts, wanted) = match self {
            Self::All => return Some(true),
            Self::Unknown => return None,
            Self::Some { hosts, port } => (hosts, *port),
        };
        let is_host = match (hosts, host) {
            (_, Host::Unknown) => return None,
            (Named::Name(own), Host::Name(name)) => own.eq_ignore_ascii_case(name),
            (Named::Suffix(suffix), Host::Name(name)) => ends_with(name, suffix),
            (Named::Address(own), Host::Address(address)) => own == address,
            _ => false,
        };
        match (wanted, port) {
            (Some(_), None) if is_host => None,
            (Some(wanted), Some(port)) => Some(is_host && wanted == port),
            _ => Some(is_host),
        }
    }
}

/// The host and the text of the port behind it. An IPv6 address without brackets has none.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let is_one = !host.contains(':') || host.ends_with(']');
    is_one.then_some((host, port))
}

/// A host as URLs and resolvers understand it.
enum Host<'a> {
    Name(&'a str),
    Address(IpAddr),
    /// What is neither, or not known.
    Unknown,
}

impl<'a> Host<'a> {
    fn new(host: &'a str) -> Self {
        if let Ok(address) = unbracketed(host).parse::<Ipv6Addr>() {
            return Self::Address(IpAddr::V6(address).to_canonical());
        }
        // The dot of a fully qualified name.
        let name = host.strip_suffix('.').unwrap_or(host);
        if ends_in_number(name) {
            return ipv4(name).map_or(Self::Unknown, |address| Self::Address(address.into()));
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_name);
        if is_name {
            Self::Name(name)
        } else {
            Self::Unknown
        }
    }
}

/// Whether a host must be an IPv4 address ("ends in a number", <https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = (last.strip_prefix("0x")).or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// An IPv4 address in every form that URLs and resolvers take, such as `127.1` and `0x7f000001`
/// (<https://url.spec.whatwg.org/#concept-ipv4-parser>).
fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let (bytes, last) = host.rsplit_once('.').unwrap_or(("", host));
    let mut address = 0;
    let mut room = 32;
    for part in bytes.split('.').filter(|_| !bytes.is_empty()) {
        let byte = u8::try_from(number(part)?).ok()?;
        room = u32::checked_sub(room, 8).filter(|&room| room > 0)?;
        address |= u32::from(byte) << room;
    }
    // The last part is all that is left.
    let last = number(last).filter(|&last| last.checked_shr(room).unwrap_or(0) == 0)?;
    Some(Ipv4Addr::from_bits(address | last))
}

/// A decimal number, an octal one (`017`) or a hexadecimal one (`0x0f`).
fn number(part: &str) -> Option<u32> {
    let (digits, radix) = match part.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&part[2..], 16),
        [b'0', _, ..] => (&part[1..], 8),
        _ => (part, 10),
    };
    if digits.is_empty() && radix == 16 {
        return Some(0);
    }
    // Digits only: no sign.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| are_digits)
}

/// Whether there is more before `suffix`.
fn ends_with(host: &str, suffix: &str) -> bool {
    let start = host.len().checked_sub(suffix.len());
    let start = start.filter(|&start| start > 0);
    start.is_some_and(|start| host.as_bytes()[start..].eq_ignore_ascii_case(suffix.as_bytes()))
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
    /// Writes the context into the headers of a request to `host`, as far as it may go there. The port is that of the
    /// request, or of its scheme.
    ///
    /// `is_foreign` says that a redirect led there from another host. Then the caller named that one and not this, and
    /// headers of propagation that the request has already, from whomever, are removed where none may go.
    pub fn inject(
        &self,
        propagation: &Propagation,
        context: &Context,
        (host, port): (&str, Option<u16>),
        is_foreign: bool,
        headers: &mut HeaderMap,
    ) {
        let may_go = (self.propagate_to.as_ref()).is_none_or(|hosts| hosts.contains(host, port))
            && !self.propagate_except.may_contain(host, port);
        let baggage_may_go = match &self.baggage_to {
            Some(hosts) => hosts.contains(host, port),
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
            (false, _) if is_foreign => {
                propagation.remove(headers);
                // The caller may have written what no propagator of the application does.
                for name in &W3C {
                    headers.remove(name);
                }
            }
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::Propagators;

    /// What a list of `pattern` says of `host[:port]`: `contains` and `may_contain`.
    #[track_caller]
    fn check_both(pattern: &str, host: &str, expected: (bool, bool)) {
        let hosts = Hosts::new([pattern]);
        let (host, port) = split_port(host).unwrap_or((host, ""));
        let port = port.parse().ok();
        let seen = (hosts.contains(host, port), hosts.may_contain(host, port));
        assert_eq!(seen, expected, "{pattern} {host} {port:?}");
    }

    #[track_caller]
    fn check(pattern: &str, host: &str, expected: bool) {
        check_both(pattern, host, (expected, expected));
    }

    #[test]
    fn hosts_are_exact_or_below_a_suffix() {
        check("example.com", "example.com", true);
        check("example.com", "EXAMPLE.com.", true);
        check("Example.com.", "example.com", true);
        check("example.com", "a.example.com", false);
        check("example.com", "example.com.evil", false);
        check("*.example.com", "a.example.com", true);
        check("*.example.com.", "a.b.EXAMPLE.com.", true);
        check("*.example.com", "example.com", false);
        check("*.example.com", "evilexample.com", false);
        check("*.example.com", "a.example.com.evil", false);
        check("xn--bcher-kva.example", "XN--bcher-kva.example", true);
        check("my_host", "my_host", true);
        check("*", "example.com", true);
        check("*", "", true);
        check("localhost", "127.0.0.1", false);
        assert!(!Hosts::default().may_contain("example.com", None));
    }

    #[test]
    fn addresses_are_the_same_in_every_form() {
        for pattern in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f.1",
            "0X7F000001",
            "017700000001",
            "0177.0.0.0x1",
            "127.0.0.1.",
            "::ffff:127.0.0.1",
            "[::FFFF:7f00:1]",
        ] {
            check(pattern, "127.0.0.1", true);
            check("127.0.0.1", pattern, true);
            check(pattern, "127.0.0.2", false);
            check(pattern, "localhost", false);
        }
        for pattern in ["::1", "[::1]", "0:0:0:0:0:0:0:1", "[0:0::1]"] {
            check(pattern, "[::1]", true);
            check("::1", pattern, true);
            check(pattern, "[::2]", false);
            check(pattern, "0.0.0.1", false);
        }
        check("10.0.0.1", "10.0.0.11", false);
        check("0.0.0.0", "0", true);
        check("0.0.0.0", "0x", true);
        check("255.255.255.255", "4294967295", true);
        check("*.internal", "10.0.0.1", false);
    }

    #[test]
    fn a_pattern_with_a_port_is_that_port_alone() {
        check("payments.internal:8443", "payments.internal:8443", true);
        check("payments.internal:8443", "payments.internal:443", false);
        check("*.internal:8443", "payments.internal:8443", true);
        check("[::1]:8080", "[::1]:8080", true);
        check("[::1]:8080", "[::1]:80", false);
        check("127.1:80", "127.0.0.1:80", true);
        check("payments.internal", "payments.internal:1", true);
        // A port that is not known may be that one.
        check_both("payments:80", "payments", (false, true));
        check("payments:80", "orders", false);
    }

    #[test]
    fn what_is_not_understood_is_neither_allowed_nor_left_out() {
        for pattern in [
            "bücher.example",
            "*.ß",
            "a.*",
            "*example.com",
            "**",
            "*.",
            "*.*.example",
            "*.0.0.1",
            "http://example.com",
            "example.com/",
            "user@example.com",
            "example.com:http",
            "example.com:99999",
            "example.com:",
            "1.2.3.256",
            "1.2.3.4.5",
            "256.1",
            "4294967296",
            "0x100000000",
            "09",
            "1..2",
            ".example.com",
            "fe80::1%eth0",
            "two words",
            "",
            ".",
        ] {
            check_both(pattern, "example.com", (false, true));
        }
        for host in [
            "",
            "bücher.example",
            "1.2.3.256",
            "a b",
            "%61",
            "fe80::1%eth0",
        ] {
            check_both("example.com", host, (false, true));
        }
    }

    #[test]
    fn where_nothing_may_go_no_header_of_propagation_stays_after_a_redirect() {
        let propagators = [
            Propagators::none(),
            Propagators::new([crate::propagation::Propagator::TraceContext]),
            Propagators::default(),
        ];
        let destinations = Destinations {
            propagate_except: Hosts::new(["foreign.example"]),
            ..Destinations::default()
        };
        for propagation in propagators.map(Propagation::Ours) {
            for (is_foreign, left) in [(false, 4), (true, 1)] {
                let mut headers = HeaderMap::new();
                for name in W3C.iter().chain([&HeaderName::from_static("x-mine")]) {
                    headers.insert(name, http::HeaderValue::from_static("own"));
                }
                let to = ("foreign.example", None);
                destinations.inject(&propagation, &Context::new(), to, is_foreign, &mut headers);
                assert_eq!(headers.len(), left, "{propagation:?} {headers:?}");
            }
        }
    }
}
