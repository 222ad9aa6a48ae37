use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use http::{HeaderName, Uri};
use serde_json::{Value as Json, json};

use super::super::endpoint::server_endpoint;
use super::*;

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.1", "fd00::/8"];

type Client = Option<(&'static str, Option<u16>)>;

#[track_caller]
fn check(
    peer: Option<&str>,
    headers: &[(&'static str, &str)],
    client: Client,
    is_https: Option<bool>,
    server: Option<(&str, Option<u16>)>,
) {
    let trusted = TRUSTED.map(|network| network.parse().unwrap());
    let lines = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    let headers: HeaderMap = lines.collect();
    let peer = peer.map(|peer| SocketAddr::new(peer.parse().unwrap(), 4711));
    let client = client.map(|(address, port)| (address.parse().unwrap(), port));
    let believed = Forwarded::believed(&headers, || peer, &trusted);
    let (host, port) = believed.server.unzip();
    let believed = (
        believed.client,
        believed.is_https,
        host.map(|host| (host, port.flatten().or(believed.port))),
    );
    assert_eq!(believed, (client, is_https, server), "{headers:?}");
}

const PROXY: Option<&str> = Some("10.0.0.1");

#[test]
fn a_stranger_is_not_believed() {
    let all = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "example.com"),
    ];
    let standard = [("forwarded", "for=1.2.3.4;proto=https;host=example.com")];
    for peer in [None, Some("192.0.2.2"), Some("11.0.0.1"), Some("::1")] {
        check(peer, &all, None, None, None);
        check(peer, &standard, None, None, None);
    }
    for peer in ["10.255.0.1", "192.0.2.1", "fd00::1", "::ffff:10.0.0.1"] {
        let expected = (
            Some(("1.2.3.4", None)),
            Some(true),
            Some(("example.com", None)),
        );
        check(Some(peer), &all, expected.0, expected.1, expected.2);
        check(Some(peer), &standard, expected.0, expected.1, expected.2);
    }
    check(PROXY, &[], None, None, None);
}

#[test]
fn hops_are_walked_from_the_right_until_the_first_stranger() {
    let check = |headers, client| check(PROXY, headers, Some((client, None)), None, None);
    // What the client wrote itself is left of its address.
    check(&[("x-forwarded-for", "9.9.9.9, 1.2.3.4")], "1.2.3.4");
    check(
        &[("x-forwarded-for", "9.9.9.9, 1.2.3.4, 10.0.0.2")],
        "1.2.3.4",
    );
    check(
        &[("x-forwarded-for", "9.9.9.9, 1.2.3.4, fd00::2, 10.0.0.2")],
        "1.2.3.4",
    );
    check(
        &[
            ("x-forwarded-for", "9.9.9.9"),
            ("x-forwarded-for", "1.2.3.4,10.0.0.2"),
        ],
        "1.2.3.4",
    );
    check(&[("forwarded", "for=9.9.9.9, for=1.2.3.4")], "1.2.3.4");
    check(
        &[("forwarded", "for=9.9.9.9, for=1.2.3.4, for=10.0.0.2")],
        "1.2.3.4",
    );
    check(
        &[
            ("forwarded", "for=9.9.9.9"),
            ("forwarded", "for=1.2.3.4, for=\"[fd00::2]\""),
        ],
        "1.2.3.4",
    );
    // All of them proxies: the first of them is the client.
    check(&[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3");
    // Nothing is believed past what cannot be read.
    check(
        &[("x-forwarded-for", "1.2.3.4, unknown, 10.0.0.2")],
        "10.0.0.2",
    );
    check(
        &[("forwarded", "for=1.2.3.4, for=, for=10.0.0.2")],
        "10.0.0.2",
    );
    check(
        &[("forwarded", "for=1.2.3.4, for=_hidden, for=10.0.0.2")],
        "10.0.0.2",
    );
    check(
        &[(
            "forwarded",
            "for=1.2.3.4, proto=https;x=\"\\\"\", for=10.0.0.2",
        )],
        "10.0.0.2",
    );
}

#[test]
fn scheme_and_host_are_those_of_the_farthest_believed_hop() {
    let near = [(
        "forwarded",
        "proto=http;host=a;for=9.9.9.9, for=1.2.3.4;proto=https;host=b:8443, for=10.0.0.2;host=c",
    )];
    check(
        PROXY,
        &near,
        Some(("1.2.3.4", None)),
        Some(true),
        Some(("b", Some(8443))),
    );
    let lists = [
        ("x-forwarded-for", "9.9.9.9, 1.2.3.4, 10.0.0.2"),
        ("x-forwarded-proto", "http, https, http"),
        ("x-forwarded-host", "a, b, c"),
        ("x-forwarded-port", "1, 2, 3"),
    ];
    check(
        PROXY,
        &lists,
        Some(("1.2.3.4", None)),
        Some(true),
        Some(("b", Some(2))),
    );
    let single = [
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-host", "[2001:db8::1]"),
        ("x-forwarded-port", "8443"),
    ];
    check(
        PROXY,
        &single,
        None,
        Some(true),
        Some(("2001:db8::1", Some(8443))),
    );
    let two = [("x-forwarded-host", "a:1"), ("x-forwarded-port", "2")];
    check(PROXY, &two, None, None, Some(("a", Some(1))));
    let signed = [("x-forwarded-host", "a"), ("x-forwarded-port", "+2")];
    check(PROXY, &signed, None, None, Some(("a", None)));
    // The standard header hides the others.
    let both = [("forwarded", "for=1.2.3.4"), ("x-forwarded-proto", "https")];
    check(PROXY, &both, Some(("1.2.3.4", None)), None, None);
}

#[test]
fn ports_and_notations_of_nodes() {
    for (node, expected) in [
        ("1.2.3.4", Some(("1.2.3.4", None))),
        ("1.2.3.4:42", Some(("1.2.3.4", Some(42)))),
        ("\"[2001:db8::1]:42\"", Some(("2001:db8::1", Some(42)))),
        ("[2001:db8::1]", Some(("2001:db8::1", None))),
        ("1.2.3.4:_port", Some(("1.2.3.4", None))),
        ("1.2.3.4:", None),
        ("1.2.3.4:65536", None),
        ("1.2.3.4:+1", None),
        ("1.2.3", None),
        ("unknown", None),
        ("_hidden", None),
        ("example.com", None),
        ("[1.2.3.4]", None),
        ("[::1", None),
    ] {
        check(
            PROXY,
            &[("forwarded", &format!("for={node}"))],
            expected,
            None,
            None,
        );
        check(PROXY, &[("x-forwarded-for", node)], expected, None, None);
    }
    check(
        PROXY,
        &[("x-forwarded-for", "::1")],
        Some(("::1", None)),
        None,
        None,
    );
}

#[test]
fn malformed_and_too_long_headers_are_not_believed() {
    for line in [
        "",
        ";",
        "for",
        "for=",
        "=1.2.3.4",
        "for=1.2.3.4;for=1.2.3.4",
        "for=1.2.3.4;proto",
        "for=\"1.2.3.4",
        "for=1.2.3.4\"",
        "for=1.2.3.4;proto=\"ht\\tp\"",
        "for = 1.2.3.4",
        "for=1.2.3.4 1.2.3.4",
    ] {
        check(PROXY, &[("forwarded", line)], None, None, None);
    }
    check(
        PROXY,
        &[("forwarded", "proto=gopher;host=a/b")],
        None,
        None,
        None,
    );
    let hops = |count| vec!["10.0.0.2"; count].join(",");
    check(
        PROXY,
        &[("x-forwarded-for", &hops(32))],
        Some(("10.0.0.2", None)),
        None,
        None,
    );
    check(PROXY, &[("x-forwarded-for", &hops(33))], None, None, None);
    let long = format!("for=1.2.3.4;x={}", "a".repeat(4096));
    check(PROXY, &[("forwarded", &long)], None, None, None);
    check(
        PROXY,
        &[("forwarded", &long[..4096])],
        Some(("1.2.3.4", None)),
        None,
        None,
    );
}

/// Why a case of the public suite does not hold here. That suite reads the leftmost value, whoever wrote it, and past
/// errors; here a value is right as a whole or it is none.
fn contradiction(group: &str, line: &str) -> Option<&'static str> {
    if line.contains(":port") {
        Some("a port is of digits (RFC 3986, section 3.2.3)")
    } else if line.contains(":42abc") || line.contains(":abc") {
        Some("a node's port is of digits or begins with `_` (RFC 7239, section 6)")
    } else if line.contains("\":42") {
        Some("nothing follows a quoted string (RFC 7239, section 4)")
    } else if line.contains("; for=") {
        Some("a parameter occurs once in an element (RFC 7239, section 4)")
    } else if group == "client_from_x-forwarded-for" && line.contains("];") || line.contains("1;:")
    {
        Some("the parts of X-Forwarded-For are separated by commas")
    } else if matches!(group, "host_from_host" | "host_from_authority")
        && line.contains("\"example")
    {
        Some("a host has no quotes (RFC 3986, section 3.2.2)")
    } else {
        None
    }
}

#[test]
fn every_public_case_is_read_alike_or_contradicts_a_specification() {
    const FILE: &str = "forwarded_headers_java.json";
    let folder = env::var_os("THROUGHLINE_CASES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases"),
        PathBuf::from,
    );
    let Ok(text) = fs::read_to_string(folder.join(FILE)) else {
        // Past the capture of the test harness.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: all cases of {FILE} (set THROUGHLINE_CASES to its folder)"
        );
        return;
    };
    let json: Json = serde_json::from_str(&text).unwrap();
    let mut contradictions = 0;
    for case in json["cases"].as_array().unwrap() {
        let group = case["group"].as_str().unwrap();
        let lines = case["headers"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(name, lines)| {
                let lines = lines.as_array().unwrap().iter();
                lines.map(move |line| (name.as_str(), line.as_str().unwrap()))
            });
        let lines: Vec<_> = lines.collect();
        let read = leftmost(&lines);
        let expected = case["expect"].as_object().unwrap().iter();
        // That suite has no ports of clients.
        let mut expected = expected.filter(|(key, _)| *key != "client.port");
        let is_alike = expected.all(|(key, expected)| read[key] == *expected);
        let contradicts = lines
            .iter()
            .find_map(|(_, line)| contradiction(group, line));
        contradictions += usize::from(contradicts.is_some());
        assert_eq!(
            is_alike,
            contradicts.is_none(),
            "{contradicts:?} {case} {read}"
        );
    }
    assert_eq!(contradictions, 26);
}

/// What the parsers read, of the leftmost hop that says it.
fn leftmost(lines: &[(&str, &str)]) -> Json {
    let name = lines.first().map_or("", |(name, _)| name);
    let mut headers = HeaderMap::new();
    for (name, line) in lines.iter().filter(|(name, _)| !name.starts_with(':')) {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, line.parse().unwrap());
    }
    let elements = match name {
        "forwarded" => list(&headers, FORWARDED.as_str(), split_elements).unwrap_or_default(),
        _ => Vec::new(),
    };
    let elements: Vec<_> = elements.into_iter().filter_map(element).collect();
    let first = |name| {
        values(&headers, name)
            .into_iter()
            .find(|value| !value.is_empty())
    };
    let target = Uri::from_static("/");
    let host = match name {
        "host" => server_endpoint(&target, &headers),
        ":authority" => split_host(lines[0].1),
        "x-forwarded-host" => first(X_FORWARDED_HOST).and_then(split_host),
        _ => elements
            .iter()
            .find_map(|element| split_host(element.host?)),
    };
    let proto = match name {
        "x-forwarded-proto" => first(X_FORWARDED_PROTO).filter(|proto| !proto.contains('"')),
        _ => elements.iter().find_map(|element| element.proto),
    };
    let client = match name {
        "x-forwarded-for" => first(X_FORWARDED_FOR).and_then(node),
        _ => elements.iter().find_map(|element| element.node),
    };
    json!({
        "server.address": host.map(|(host, _)| host),
        "server.port": host.and_then(|(_, port)| port),
        "url.scheme": proto,
        "client.address": client.map(|(address, _)| address.to_string()),
    })
}
