//! Whatever a request says, it is served, and what is recorded of it is bounded.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use throughline_testing::opentelemetry::Value;
use throughline_testing::{InMemory, SpanRecord};
use throughline_tower::{PeerAddress, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::exchange::{Answer, AnyService, Protocol, Traced, any, serve_one};
use crate::random::Random;
use crate::support::{active, full, layer};

const NAMES: &[&str] = &[
    "traceparent",
    "tracestate",
    "baggage",
    "host",
    "user-agent",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "b3",
];

const PIECES: &[&[u8]] = &[
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"00-00000000000000000000000000000000-b7ad6b7169203331-00",
    b"ff-",
    b"-",
    b"a",
    b"k=1",
    b"=",
    b",",
    b";",
    b" ",
    b"\t",
    b"%",
    b"%00%zz",
    b"\"",
    b"@",
    b":",
    b":65536",
    b"[::1",
    b"]",
    b"\xff\xc0",
    b"\xc3\xa9",
    b"0",
    b"18446744073709551616",
    b"for=\"[2001:db8::1]:1\"",
];

/// Of requests; `…` is long now and then.
const TARGETS: &[&str] = &[
    "/",
    "*",
    "/users/7?sig=&sig=&sig=&sig=1&Signature",
    "https://a@…example.com:1/a…?&&=&sig=…",
    "example.com:443",
];

/// A value of a header, of pieces that mean something to somebody.
fn value(random: &mut Random) -> HeaderValue {
    let mut value = Vec::new();
    for _ in 0..random.below(8) {
        value.extend_from_slice(random.of(PIECES));
    }
    if random.below(100) == 0 {
        let piece = random.of(PIECES).repeat(random.below(200));
        value.extend(piece);
    }
    HeaderValue::from_bytes(&value).unwrap()
}

fn headers(random: &mut Random) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in NAMES {
        let usual = usize::from(random.below(3) > 0);
        for _ in 0..usual * (1 + random.below(8) / 7) {
            headers.append(HeaderName::from_static(name), value(random));
        }
    }
    headers
}

fn app(traced: &Traced) -> AnyService {
    any(traced.layer(service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(full("text")))
    })))
}

/// The bytes of a request's head, without what separates them.
fn size<B>(request: &Request<B>) -> usize {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    request.method().as_str().len() + request.uri().to_string().len() + headers.sum::<usize>()
}

/// All that is recorded is no longer than a small multiple of the request: each word is recorded once, and redaction makes
/// at most `sig=REDACTED` of `sig=`. With all options it is `factor` times as much.
fn assert_bounded(span: &SpanRecord, request: usize, factor: usize) {
    assert!(span.attributes.len() <= 14 * factor, "{span:#?}");
    let mut recorded = span.name.len();
    for value in span.attributes.values() {
        if let Value::String(value) = value {
            recorded += value.as_str().len();
        }
    }
    assert!(
        recorded <= factor * (3 * request + 200),
        "{recorded} of {request}: {span:#?}"
    );
    let host = span.attribute("server.address").map(ToString::to_string);
    assert!(host.is_none_or(|host| host.len() <= 259));
    assert!(span.trace_state.len() <= 32 * 514);
    assert!(span.events.is_empty() && span.links.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_served_over_a_connection() {
    let mut random = Random::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let memory = InMemory::new();
        // The witness has a memory of its own: it would look at all spans each time.
        let (mut client, _) = serve_one(&InMemory::new(), layer(&memory), app, protocol).await;
        for _ in 0..2000 {
            let mut request = client.request(Method::GET, "/users/7");
            request.headers_mut().extend(headers(&mut random));
            let (sent, size) = (format!("{request:?}"), size(&request));
            client.ready().await;
            let answer = Answer::read(client.send(request).await.expect(&sent));
            assert_eq!(answer.await.expect(&sent).status, 200, "{sent}");
            let spans = memory.take_spans();
            assert_eq!(spans.len(), 1, "{sent}");
            assert_bounded(&spans[0], size, 1);
        }
        assert_eq!(active(&memory), 0.0);
    }
}

/// With what hyper would not let through: lengths that are none, and versions.
#[tokio::test]
async fn every_request_is_served() {
    serve_random(layer, 1).await;
}

/// With all that reads what others do not look at.
#[tokio::test]
async fn every_request_is_served_with_all_options() {
    let all = |memory: &InMemory| {
        let everybody = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
        let captured = || NAMES.iter().copied().map(HeaderName::from_static);
        layer(memory)
            .trusted_proxies(everybody)
            .capture_request_headers(captured())
            .capture_response_headers(captured())
            .body_sizes()
            .network_details()
            .synthetic_user_agents()
            .old_names()
            .traceresponse()
            .server_timing()
    };
    serve_random(all, 4).await;
}

async fn serve_random(layer: impl Fn(&InMemory) -> ServerLayer, factor: usize) {
    let versions = [
        Version::HTTP_09,
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ];
    let mut random = Random::new();
    let memory = InMemory::new();
    let service = layer(&memory).layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    for _ in 0..10_000 {
        let mut request = Request::new(());
        *request.version_mut() = random.of(&versions);
        let target = random
            .of(TARGETS)
            .replace('…', &"a".repeat(random.below(600)));
        *request.uri_mut() = target.parse().unwrap();
        *request.headers_mut() = headers(&mut random);
        let length = value(&mut random);
        request.headers_mut().append("content-length", length);
        let peer = PeerAddress(([10, 0, 0, 1], 4711).into());
        request.extensions_mut().insert(peer);
        let (sent, size) = (format!("{request:?}"), size(&request));
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
        let spans = memory.take_spans();
        assert_eq!(spans.len(), 1, "{sent}");
        assert_bounded(&spans[0], size, factor);
    }
    assert_eq!(active(&memory), 0.0);
}
