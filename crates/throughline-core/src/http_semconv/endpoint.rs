//! `server.address` and `server.port`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::{HeaderMap, Uri};

/// The longest DNS name and a port.
const MAX_HOST: usize = 253 + 6;

/// The host and port that a request was sent to: those of `:authority` or of an absolute request target, else of the
/// `Host` header.
///
/// A value that is no host is ignored. The brackets of an IPv6 address are no part of it.
pub(super) fn server_endpoint<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Option<(&'a str, Option<u16>)> {
    match uri.authority() {
        Some(authority) => {
            let host = unbracketed(authority.host());
            let is_host = (1..=MAX_HOST).contains(&host.len());
            is_host.then(|| (host, authority.port_u16()))
        }
        None => split_host(headers.get(HOST)?.to_str().ok()?),
    }
}

/// Splits `host[:port]` (RFC 9110, section 7.2). None where it is something else, or longer than a host can be.
///
/// ```
/// use throughline_core::http_semconv::split_host;
///
/// assert_eq!(split_host("[::1]:8080"), Some(("::1", Some(8080))));
/// assert_eq!(split_host("user@example.com"), None);
/// ```
#[must_use]
pub fn split_host(value: &str) -> Option<(&str, Option<u16>)> {
    if value.len() > MAX_HOST {
        return None;
    }
    let (host, port) = match value.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, port)
        }
        None => {
            let end = value
                .bytes()
                .position(|byte| !IS_REG_NAME[usize::from(byte)]);
            value.split_at(end.unwrap_or(value.len()))
        }
    };
    let port = match port.as_bytes() {
        [] | [b':'] => None,
        // Anything but digits after the first does not parse.
        [b':', b'0'..=b'9', ..] => Some(port[1..].parse().ok()?),
        _ => return None,
    };
    (!host.is_empty()).then_some((host, port))
}

/// `reg-name` of RFC 3986 without percent-encoding, which no host has in practice.
static IS_REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// An address as an attribute: IPv4 as such, also where a listener on both shows it mapped to IPv6.
pub(super) fn text_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => text_of_v4(address),
        IpAddr::V6(address) => address.to_string(),
    }
}

/// Each request has one, and the standard library's way takes ten times as long.
fn text_of_v4(address: Ipv4Addr) -> String {
    let mut text = [0; "255.255.255.255".len()];
    let mut length = 0;
    let mut push = |byte| {
        text[length] = byte;
        length += 1;
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    str::from_utf8(&text[..length])
        .unwrap_or_default()
        .to_owned()
}

/// The port of a scheme, where a URL names none: of `http`, `ws`, `https` and `wss`.
#[must_use]
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// An IPv6 address without its brackets; any other host as it is.
pub(super) fn unbracketed(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expected: Option<(&str, Option<u16>)>) {
        assert_eq!(split_host(host), expected, "{host:?}");
    }

    #[test]
    fn addresses_are_written_whole() {
        for address in [
            "0.0.0.0",
            "10.9.99.100",
            "255.255.255.255",
            "::",
            "2001:db8::7",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert_eq!(text_of(address.parse().unwrap()), address);
        }
        let mapped = "::ffff:255.255.255.255".parse().unwrap();
        assert_eq!(text_of(mapped), "255.255.255.255");
    }

    #[test]
    fn an_authority_without_a_host_is_none() {
        let target: Uri = "http://:80/".parse().unwrap();
        assert_eq!(server_endpoint(&target, &HeaderMap::new()), None);
    }

    #[test]
    fn a_target_without_a_host_of_sane_length_has_none() {
        let target = format!("http://{}/", "a".repeat(300)).parse().unwrap();
        assert_eq!(server_endpoint(&target, &HeaderMap::new()), None);
    }

    #[test]
    fn host_headers_are_parsed_strictly() {
        check("example.com", Some(("example.com", None)));
        check("example.com:8080", Some(("example.com", Some(8080))));
        check("example.com:", Some(("example.com", None)));
        check("10.1.2.80:80", Some(("10.1.2.80", Some(80))));
        check("[::1]:8080", Some(("::1", Some(8080))));
        check("[2001:db8::1]", Some(("2001:db8::1", None)));
        check("[::1]x", None);
        check("[nonsense]:80", None);
        check("::1", None);
        check("example.com:http", None);
        check("example.com:65536", None);
        check("example.com:+80", None);
        check("example.com:8+0", None);
        check("example.com:80:80", None);
        check("user@example.com", None);
        check("two words", None);
        check("", None);
        check(&"a".repeat(300), None);
    }
}
