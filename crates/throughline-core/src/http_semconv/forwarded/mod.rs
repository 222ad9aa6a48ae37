//! What trusted proxies say of the request that they passed on: `Forwarded` (RFC 7239), else `X-Forwarded-For`, `-Proto`,
//! `-Host` and `-Port`.
//!
//! A proxy adds to the right, so the headers are read from there, for as long as the hop that wrote is trusted: first the
//! connection's peer, then whom it says that it got the request from. What is left of the first stranger is never
//! looked at.

mod element;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderValue};

use super::endpoint::split_host;
use super::network::IpNetwork;
use element::{Element, element, node, split_elements, unquoted};

/// How long a header may be, in all its lines, and how many hops it may name. Past it nothing of it is believed.
const MAX_LENGTH: usize = 4096;
const MAX_HOPS: usize = 32;

/// What is believed. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded<'a> {
    pub(super) client: Option<(IpAddr, Option<u16>)>,
    pub(super) is_https: Option<bool>,
    pub(super) server: Option<(&'a str, Option<u16>)>,
    /// The server's port, where it is told apart from the host.
    pub(super) port: Option<u16>,
}

impl<'a> Forwarded<'a> {
    /// What the headers say, as far as `trusted` networks wrote them. Nothing where the peer is not known.
    pub(super) fn believed(
        headers: &'a HeaderMap,
        peer: impl Fn() -> Option<SocketAddr>,
        trusted: &[IpNetwork],
    ) -> Self {
        let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
        if trusted.is_empty() || !peer().is_some_and(|peer| is_trusted(peer.ip())) {
            return Self::default();
        }
        if headers.contains_key(FORWARDED) {
            Self::of_standard(headers, is_trusted)
        } else {
            Self::of_legacy(headers, is_trusted)
        }
    }

    fn of_standard(headers: &'a HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Self {
        let mut believed = Self::default();
        let elements = list(headers, FORWARDED.as_str(), split_elements).unwrap_or_default();
        for text in elements.iter().rev() {
            // What cannot be read was not written by a proxy that is believed.
            let Some(Element { node, proto, host }) = element(text) else {
                break;
            };
            believed.is_https = proto.and_then(is_https).or(believed.is_https);
            believed.server = host.and_then(|host| split_host(host)).or(believed.server);
            believed.client = node.or(believed.client);
            if !node.is_some_and(|(address, _)| is_trusted(address)) {
                break;
            }
        }
        believed
    }

    fn of_legacy(headers: &'a HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Self {
        let mut client = None;
        // How many hops wrote something that is believed.
        let mut hops = 1;
        for text in values(headers, X_FORWARDED_FOR).iter().rev() {
            let Some(node) = node(text) else { break };
            client = Some(node);
            if !is_trusted(node.0) {
                break;
            }
            hops += 1;
        }
        // A proxy that knows one value sets one; of a list that grew with the hops, that of the last believed one.
        let of_hop = |name| {
            values(headers, name)
                .into_iter()
                .rev()
                .take(hops)
                .next_back()
        };
        // A sign would parse.
        let is_digits = |port: &&str| port.bytes().all(|byte| byte.is_ascii_digit());
        let port = of_hop(X_FORWARDED_PORT).filter(is_digits);
        Self {
            client,
            is_https: of_hop(X_FORWARDED_PROTO).and_then(is_https),
            server: of_hop(X_FORWARDED_HOST).and_then(split_host),
            port: port.and_then(|port| port.parse().ok()),
        }
    }
}

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";
const X_FORWARDED_HOST: &str = "x-forwarded-host";
const X_FORWARDED_PORT: &str = "x-forwarded-port";

/// The scheme, where it is one of HTTP: any other would be of unbounded cardinality.
fn is_https(proto: &str) -> Option<bool> {
    let is_https = proto.eq_ignore_ascii_case("https");
    (is_https || proto.eq_ignore_ascii_case("http")).then_some(is_https)
}

/// The parts of an `X-Forwarded-` header.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let split = |line: &'a str, parts: &mut Vec<&'a str>| {
        parts.extend(line.split(',').map(|part| unquoted(part.trim())));
        Some(())
    };
    list(headers, name, split).unwrap_or_default()
}

/// The parts of a header's lines, in order. None where it is too long or not text.
fn list<'a>(
    headers: &'a HeaderMap,
    name: &str,
    split: impl Fn(&'a str, &mut Vec<&'a str>) -> Option<()>,
) -> Option<Vec<&'a str>> {
    let lines = headers.get_all(name);
    let length: usize = lines.iter().map(HeaderValue::len).sum();
    if length > MAX_LENGTH {
        return None;
    }
    let mut parts = Vec::new();
    for line in lines {
        split(line.to_str().ok()?, &mut parts)?;
    }
    (parts.len() <= MAX_HOPS).then_some(parts)
}
