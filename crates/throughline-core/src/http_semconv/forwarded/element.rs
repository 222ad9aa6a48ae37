//! The grammar of RFC 7239, section 4, and of the nodes in section 6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one proxy wrote. A parameter is absent where it is not there or says nothing that is of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) node: Option<(IpAddr, Option<u16>)>,
    pub(super) proto: Option<&'a str>,
    pub(super) host: Option<&'a str>,
}

/// Splits a line at its commas, but for those in quotes. None where a quote does not end.
pub(super) fn split_elements<'a>(line: &'a str, parts: &mut Vec<&'a str>) -> Option<()> {
    let mut rest = line;
    while let Some(end) = find_unquoted(rest, b',')? {
        parts.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    parts.push(rest);
    Some(())
}

/// An element. None where it is malformed; blanks around `;` and unquoted `:`, `[` and `]` are let pass, since proxies
/// write them.
pub(super) fn element(text: &str) -> Option<Element<'_>> {
    let mut element = Element::default();
    let mut has_node = false;
    let mut rest = Some(text);
    while let Some(pairs) = rest {
        let end = find_unquoted(pairs, b';')?;
        let pair = pairs[..end.unwrap_or(pairs.len())].trim();
        rest = end.map(|end| &pairs[end + 1..]);
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=')?;
        let value = parsed_value(value)?;
        // "Each parameter MUST NOT occur more than once per field-value."
        if name.eq_ignore_ascii_case("for") {
            let node = if is_hidden(value) {
                None
            } else {
                Some(node(value)?)
            };
            (!has_node).then_some(())?;
            (element.node, has_node) = (node, true);
        } else if name.eq_ignore_ascii_case("proto") {
            element.proto.replace(value).is_none().then_some(())?;
        } else if name.eq_ignore_ascii_case("host") {
            element.host.replace(value).is_none().then_some(())?;
        }
    }
    Some(element)
}

/// "unknown" and obfuscated identifiers: a node, but none that is known.
fn is_hidden(node: &str) -> bool {
    node.eq_ignore_ascii_case("unknown") || node.starts_with('_')
}

/// An address and its port: `192.0.2.7`, `192.0.2.7:80`, `[2001:db8::7]:80`, and an IPv6 address without brackets, as
/// `X-Forwarded-For` has it.
pub(super) fn node(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = text.parse() {
        return Some((address, None));
    }
    let (address, port): (IpAddr, _) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => {
            let (address, port) = text.split_at(text.find(':')?);
            (address.parse::<Ipv4Addr>().ok()?.into(), port)
        }
    };
    match port.as_bytes() {
        // An obfuscated port.
        [] | [b':', b'_', _, ..] => Some((address, None)),
        [b':', b'0'..=b'9', ..] => Some((address, Some(port[1..].parse().ok()?))),
        _ => None,
    }
}

/// A token or a quoted string, not empty. One with an escape is none: nothing that is read here needs one.
fn parsed_value(value: &str) -> Option<&str> {
    let is_right = |byte: u8| byte.is_ascii_graphic() && !b"\"\\(),;<=>?@{}".contains(&byte);
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inner.is_empty() && inner.bytes().all(is_right)).then_some(inner)
}

/// The text in a pair of quotes, or the text.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text)
}

/// Where the first `wanted` outside of quotes is, if anywhere. None where a quote does not end.
fn find_unquoted(text: &str, wanted: u8) -> Option<Option<usize>> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == wanted && !quoted => return Some(Some(at)),
            _ => {}
        }
    }
    (!quoted).then_some(None)
}
