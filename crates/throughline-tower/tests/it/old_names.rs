//! The names before conventions 1.23, for who still needs them.

use http::{HeaderName, Request, Response, Version};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::Value;
use throughline_tower::{LocalAddress, PeerAddress};

use crate::settings::strings;
use crate::support::{DURATION, full, layer, metric, ok, only_span, serve};

#[tokio::test]
async fn old_names_stand_beside_the_new_ones() {
    let memory = InMemory::new();
    let layer = layer(&memory)
        .old_names()
        .network_details()
        .capture_request_headers([HeaderName::from_static("x-tenant")])
        .capture_response_headers([
            HeaderName::from_static("x-a"),
            HeaderName::from_static("etag"),
        ])
        .route(|_| Some("/old".into()));
    let request = Request::builder()
        .method("PURGE")
        .uri("https://example.com:8443/old?sig=1&a=2")
        .version(Version::HTTP_2)
        .header("user-agent", "curl/8.0")
        .header("x-tenant", "a")
        .header("content-length", "7")
        .extension(LocalAddress("192.0.2.1:443".parse().unwrap()));
    serve(&layer, request.body(()).unwrap(), async |_| {
        let response = Response::builder().header("x-a", "b").header("etag", "c");
        response.body(full("body")).unwrap()
    })
    .await;
    only_span(&memory).assert_attributes(&[
        ("http.flavor", "2.0".into()),
        ("http.method", "PURGE".into()),
        ("http.request.header.x-tenant", strings(&["a"])),
        ("http.request.header.x_tenant", strings(&["a"])),
        ("http.request.method", "_OTHER".into()),
        ("http.request.method_original", "PURGE".into()),
        ("http.request_content_length", 7.into()),
        ("http.response.header.etag", strings(&["c"])),
        ("http.response.header.x-a", strings(&["b"])),
        ("http.response.header.x_a", strings(&["b"])),
        ("http.response.status_code", 200.into()),
        ("http.response_content_length", 4.into()),
        ("http.route", "/old".into()),
        ("http.scheme", "https".into()),
        ("http.status_code", 200.into()),
        ("http.target", "/old?sig=REDACTED&a=2".into()),
        ("http.user_agent", "curl/8.0".into()),
        ("net.host.name", "example.com".into()),
        ("net.host.port", 8443.into()),
        ("net.protocol.name", "http".into()),
        ("net.protocol.version", "2.0".into()),
        ("net.sock.host.addr", "192.0.2.1".into()),
        ("net.sock.host.port", 443.into()),
        ("network.local.address", "192.0.2.1".into()),
        ("network.local.port", 443.into()),
        ("network.protocol.version", "2".into()),
        ("network.transport", "tcp".into()),
        ("server.address", "example.com".into()),
        ("server.port", 8443.into()),
        ("url.path", "/old".into()),
        ("url.query", "sig=REDACTED&a=2".into()),
        ("url.scheme", "https".into()),
        ("user_agent.original", "curl/8.0".into()),
    ]);
    let old = metric(&memory, "http.server.duration");
    assert_eq!((&*old.unit, old.points.len()), ("ms", 1));
    let milliseconds = only_span(&memory).duration().as_secs_f64() * 1000.0;
    assert_eq!(
        (old.points[0].value, old.points[0].count),
        (milliseconds, Some(1))
    );
    let recorded: Vec<_> = old.points[0].attributes.clone().into_iter().collect();
    let expected: [(&str, Value); 6] = [
        ("http.method", "_OTHER".into()),
        ("http.route", "/old".into()),
        ("http.scheme", "https".into()),
        ("http.status_code", 200.into()),
        ("net.protocol.name", "http".into()),
        ("net.protocol.version", "2.0".into()),
    ];
    assert_eq!(
        recorded,
        expected.map(|(key, value)| (key.to_owned(), value))
    );
    assert_eq!(metric(&memory, DURATION).points.len(), 1);
}

#[tokio::test]
async fn old_names_know_the_peer_and_the_client_apart() {
    let memory = InMemory::new();
    let layer = layer(&memory)
        .old_names()
        .metric_server("configured", 80)
        .trusted_proxies(["10.0.0.0/8".parse().unwrap()]);
    let peer: std::net::SocketAddr = "10.0.0.1:4711".parse().unwrap();
    let request = Request::get("/")
        .extension(PeerAddress(peer))
        .header("host", "inside:80")
        .header("forwarded", "for=1.2.3.4;proto=https;host=example.com");
    serve(&layer, request.body(()).unwrap(), ok).await;
    let span = only_span(&memory);
    for (key, expected) in [
        ("http.client_ip", Some("1.2.3.4")),
        ("http.scheme", Some("http")),
        ("url.scheme", Some("https")),
        ("net.host.name", Some("inside")),
        ("net.host.port", None),
        ("net.sock.peer.addr", Some("10.0.0.1")),
        ("net.sock.peer.port", Some("4711")),
    ] {
        let recorded = span.attribute(key).map(ToString::to_string);
        assert_eq!(recorded.as_deref(), expected, "{key}");
    }
    let old = metric(&memory, "http.server.duration").points.remove(0);
    assert_eq!(old.attributes["http.scheme"], "http".into());
    assert_eq!(old.attributes["net.host.name"], "configured".into());
    assert_eq!(old.attributes.get("net.host.port"), None);
}
