//! What is read of requests and calls, beside the context.

use std::cell::RefCell;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use throughline_core::http::header::{ACCEPT, COOKIE, REFERER};
use throughline_core::http::{HeaderMap, Method, Uri, Version};
use throughline_core::http_semconv::{
    CapturedHeaders, Hosts, IpNetwork, SENSITIVE_QUERY_KEYS, ServerMetrics, ServerRequest,
    Treatment, redact_query, redact_url,
};
use throughline_core::{Instrumentation, TracerSource};

use super::{Target, headers, lines};
use crate::random::mutated;

pub(super) const TARGETS: [Target; 4] = [
    Target {
        name: "forwarded",
        seeds: &[
            "forwarded: for=192.0.2.60;proto=http;by=203.0.113.43, for=\"[2001:db8::1]:80\";host=a.example:8443",
            "x-forwarded-for: 192.0.2.1, [2001:db8::1]:80, 10.0.0.1:7\nx-forwarded-proto: https\n\
             x-forwarded-host: a.example\nx-forwarded-port: 443",
            "x-forwarded-host: a.example:8443, b.example\nx-forwarded-for: 192.0.2.1",
            "x-forwarded-port: 443,80\nx-forwarded-proto: https,http\nx-forwarded-for: 10.0.0.1",
        ],
        input: mutated,
        check: check_forwarded,
        prepare: |input| {
            let headers = headers(input);
            Box::new(move || drop(black_box(serve(black_box(&headers)))))
        },
        has_fixed_cost: true,
        is_dear: false,
    },
    Target {
        name: "hosts",
        seeds: &[
            "hosts: orders.internal:8443,*.internal,127.1,[::1]:80,0x7f.1,*",
            "hosts: fe80::1,a.b.c.d,2130706433,1.2.3.256,xn--bcher-kva.example",
        ],
        input: mutated,
        check: check_hosts,
        prepare: |input| {
            let list = value(input);
            Box::new(move || {
                let hosts = Hosts::new(list.split(','));
                black_box(hosts.contains(black_box("orders.internal"), Some(80)));
                black_box(hosts.contains(black_box(&list), None));
            })
        },
        has_fixed_cost: false,
        is_dear: false,
    },
    Target {
        name: "urls",
        seeds: &[
            "url: https://user:secret@example.com/a?q=1&sig=b&Signature=c#d",
            "url: //u@h/a@b?sig=a?b",
            "url: sig=b&q=1&X-Amz-Signature=c",
        ],
        input: mutated,
        check: check_url,
        prepare: |input| {
            let url = value(input);
            Box::new(move || {
                black_box(redact_url(black_box(&url), SENSITIVE_QUERY_KEYS));
                black_box(redact_query(black_box(&url), SENSITIVE_QUERY_KEYS));
            })
        },
        has_fixed_cost: false,
        is_dear: false,
    },
    Target {
        name: "captured-headers",
        seeds: &[
            "referer: https://user:secret@example.com/a?q=1&sig=b",
            "cookie: session=abc; theme=dark\naccept: */*",
            "accept: text/html;q=0.9, */*",
        ],
        input: mutated,
        check: check_captured,
        prepare: |input| {
            let headers = headers(input);
            Box::new(move || drop(black_box(captured(black_box(&headers)))))
        },
        has_fixed_cost: false,
        is_dear: false,
    },
];

/// The value of the first line.
fn value(input: &[u8]) -> String {
    let value = lines(input).next().map_or(&[][..], |(_, value)| value);
    String::from_utf8_lossy(value).into_owned()
}

thread_local! {
    /// The attributes of the last span that ended.
    static LAST: RefCell<Vec<KeyValue>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the attributes of the last span.
#[derive(Debug)]
struct Last;

impl SpanProcessor for Last {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        LAST.set(span.attributes);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A server that believes everybody.
static SERVER: LazyLock<Instrumentation<ServerMetrics>> = LazyLock::new(|| {
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Last)
        .build();
    let mut server = Instrumentation::new("fuzz", "0.0.0");
    server.set_tracers(TracerSource::new(provider));
    server.change_http(|http| {
        let networks = ["0.0.0.0/0", "::/0"].map(str::parse::<IpNetwork>);
        http.server_trusted_proxies = networks.into_iter().flatten().collect();
    });
    server
});

/// The attributes of a request.
fn serve(headers: &HeaderMap) -> Vec<KeyValue> {
    let request = ServerRequest {
        method: &Method::GET,
        uri: &Uri::from_static("/"),
        version: Version::HTTP_11,
        headers,
        route: &|| None,
        peer: &|| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))),
        local: &|| None,
        is_encrypted: &|| false,
        treatment: Treatment::default(),
    };
    drop(request.start(&SERVER.resolve()));
    LAST.take()
}

/// An address is one, and no more than what the conventions allow is recorded of the rest.
fn check_forwarded(input: &[u8]) {
    let attributes = serve(&headers(input));
    let text = |key: &str| {
        let of_key = attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == key);
        of_key.map(|attribute| attribute.value.to_string())
    };
    let client = text("client.address").unwrap_or_default();
    assert!(client.parse::<IpAddr>().is_ok(), "{client:?} is no address");
    let scheme = text("url.scheme").unwrap_or_default();
    assert!(["http", "https"].contains(&&*scheme), "{scheme:?}");
    if let Some(server) = text("server.address") {
        let is_host = |letter: char| letter.is_ascii_graphic() && !"/?#@ \"".contains(letter);
        assert!(
            !server.is_empty() && server.chars().all(is_host),
            "{server:?}"
        );
    }
}

/// What is surely in a list may be in it, and what is understood and has no port is in it itself.
fn check_hosts(input: &[u8]) {
    let list = value(input);
    let hosts = Hosts::new(list.split(','));
    for host in list.split(',').chain(["orders.internal", "127.0.0.1", ""]) {
        for port in [None, Some(80)] {
            assert!(
                !hosts.contains(host, port) || hosts.may_contain(host, port),
                "{host:?}"
            );
        }
        let alone = Hosts::new([host]);
        if !alone.may_contain("another.example", None) && !host.starts_with('*') {
            assert!(
                alone.may_contain(host, None),
                "{host:?} is not in its own list"
            );
        }
    }
}

/// A query that was redacted has nothing left to redact, and no parameter of a sensitive key another value.
fn check_url(input: &[u8]) {
    let url = value(input);
    black_box(redact_url(&url, SENSITIVE_QUERY_KEYS));
    let safe = redact_query(&url, SENSITIVE_QUERY_KEYS);
    assert_eq!(redact_query(&safe, SENSITIVE_QUERY_KEYS), safe);
    let query = safe.split('#').next().unwrap_or_default();
    for (key, value) in query.split('&').filter_map(|it| it.split_once('=')) {
        assert!(
            !SENSITIVE_QUERY_KEYS.contains(&key) || value == "REDACTED",
            "{safe}"
        );
    }
}

static CAPTURED: LazyLock<CapturedHeaders> =
    LazyLock::new(|| CapturedHeaders::of_requests([ACCEPT, COOKIE, REFERER]));

fn captured(headers: &HeaderMap) -> Vec<KeyValue> {
    CAPTURED.attributes(headers, &[]).collect()
}

/// Values are short, and cookies are not among them.
fn check_captured(input: &[u8]) {
    for attribute in captured(&headers(input)) {
        let Value::Array(opentelemetry::Array::String(values)) = &attribute.value else {
            panic!("{attribute:?} is no array of texts");
        };
        assert!(values.len() <= 32);
        for value in values {
            // What is not UTF-8 takes three bytes for each.
            assert!(value.as_str().len() <= 3 * 1024);
            let is_cookie = attribute.key.as_str().ends_with("cookie");
            assert!(!is_cookie || value.as_str() == "REDACTED");
        }
    }
}
