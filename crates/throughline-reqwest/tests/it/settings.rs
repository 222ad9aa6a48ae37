//! What is recorded only where somebody asked for it.

use http::{HeaderName, Method};
use throughline_reqwest::{TracingMiddleware, UrlTemplate};
use throughline_testing::opentelemetry::Value;
use throughline_testing::{Expected, InMemory, MetricRecord};

use crate::support::{only_span, raw, serve_recording, tracing, with};

const AGENT: &str = "shop/1.0";

/// Sends `text` to a server that answers with four bytes, and expects the attributes of a plain call and `more`. Returns
/// the metrics.
async fn check(
    configure: impl Fn(TracingMiddleware) -> TracingMiddleware,
    more: &[(&'static str, Expected)],
) -> Vec<MetricRecord> {
    let answer = |_: &str| raw(200, "x-answer: 1\r\nx-answer: 2\r\nset-cookie: secret\r\n");
    let (server, _received) = serve_recording(answer).await;
    let memory = InMemory::new();
    let call = with(configure(tracing(&memory)))
        .post(format!("http://{server}/?token=1&sig=2"))
        .header("user-agent", AGENT)
        .header("authorization", "secret")
        .header("x-tenant", "acme")
        .body("text");
    call.send().await.unwrap().bytes().await.unwrap();

    let mut expected = vec![
        ("http.request.method", "POST".into()),
        ("http.response.status_code", 200.into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", server.port().into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", server.port().into()),
    ];
    if !more.iter().any(|(key, _)| *key == "url.full") {
        let url = format!("http://{server}/?token=1&sig=REDACTED");
        expected.push(("url.full", url.into()));
    }
    let port = |(key, value): &(&'static str, Expected)| match *key {
        "url.full" => (
            *key,
            format!("http://{server}/?token=REDACTED&sig=REDACTED").into(),
        ),
        _ => (*key, value.clone()),
    };
    expected.extend(more.iter().map(port));
    only_span(&memory).assert_attributes(&expected);
    memory.metrics()
}

fn names(metrics: &[MetricRecord]) -> Vec<&str> {
    let mut names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    names.sort_unstable();
    names
}

const DURATION: &str = "http.client.request.duration";

#[tokio::test]
async fn each_attribute_is_there_where_it_was_asked_for() {
    assert_eq!(names(&check(|tracing| tracing, &[]).await), [DURATION]);

    let metrics = check(
        TracingMiddleware::url_scheme,
        &[("url.scheme", "http".into())],
    )
    .await;
    assert_eq!(names(&metrics), [DURATION]);
    let scheme = &metrics[0].points[0].attributes["url.scheme"];
    assert_eq!(*scheme, Value::from("http"));

    let agent = [("user_agent.original", AGENT.into())];
    check(TracingMiddleware::user_agent, &agent).await;

    let sizes = [
        ("http.request.body.size", 4.into()),
        ("http.response.body.size", 4.into()),
    ];
    let metrics = check(TracingMiddleware::body_sizes, &sizes).await;
    let request = "http.client.request.body.size";
    let response = "http.client.response.body.size";
    assert_eq!(names(&metrics), [request, DURATION, response]);
    for metric in metrics.iter().filter(|metric| metric.name != DURATION) {
        assert_eq!(metric.unit, "By");
        let [point] = &metric.points[..] else {
            panic!("{metric:#?}")
        };
        assert_eq!((point.count, point.value), (Some(1), 4.0));
        let keys: Vec<_> = point.attributes.keys().map(String::as_str).collect();
        let expected = [
            "http.request.method",
            "http.response.status_code",
            "network.protocol.version",
            "server.address",
            "server.port",
        ];
        assert_eq!(keys, expected);
    }
}

#[tokio::test]
async fn old_names_come_with_the_stable_ones() {
    let memory = InMemory::new();
    let (server, _received) = serve_recording(|_| raw(200, "")).await;
    let client = with(tracing(&memory).old_names());
    let sent = client.get(format!("http://{server}/")).send();
    sent.await.unwrap().bytes().await.unwrap();
    let span = only_span(&memory);
    for (stable, old) in [
        ("http.request.method", "http.method"),
        ("url.full", "http.url"),
        ("http.response.status_code", "http.status_code"),
        ("network.peer.address", "net.sock.peer.addr"),
        ("network.peer.port", "net.sock.peer.port"),
    ] {
        assert_eq!(span.attribute(old), span.attribute(stable));
    }
    assert_eq!(names(&memory.metrics()), ["http.client.duration", DURATION]);
}

#[tokio::test]
async fn active_requests_are_counted_until_they_end() {
    let memory = InMemory::new();
    let (server, _received) = serve_recording(|_| raw(200, "")).await;
    let client = with(tracing(&memory).active_requests());
    let active = || {
        let metrics = memory.metrics();
        let metric = metrics
            .iter()
            .find(|metric| metric.name == "http.client.active_requests");
        let [point] = &metric.unwrap().points[..] else {
            panic!("{metrics:#?}")
        };
        let keys: Vec<_> = point.attributes.keys().map(String::as_str).collect();
        let expected = [
            "http.request.method",
            "server.address",
            "server.port",
            "url.template",
        ];
        assert_eq!(keys, expected);
        point.value
    };
    let sent = || {
        let request = client.get(format!("http://{server}/"));
        request.with_extension(UrlTemplate::new("/")).send()
    };
    let (first, second) = (sent().await.unwrap(), sent().await.unwrap());
    assert_eq!(active(), 2.0);
    drop(first);
    assert_eq!(active(), 1.0);
    second.bytes().await.unwrap();
    assert_eq!(active(), 0.0);
    let nobody = client
        .get("http://127.0.0.1:1/")
        .with_extension(UrlTemplate::new("/"));
    nobody.send().await.unwrap_err();
    let values = memory.metrics().into_iter().flat_map(|metric| {
        let is_active = metric.name == "http.client.active_requests";
        metric.points.into_iter().filter(move |_| is_active)
    });
    assert!(values.map(|point| point.value).all(|value| value == 0.0));
}

#[tokio::test]
async fn sizes_are_those_of_bodies_that_were_sent_in_full() {
    for (method, status, read) in [("GET", 200, false), ("HEAD", 200, true), ("GET", 304, true)] {
        let memory = InMemory::new();
        let (server, _received) = serve_recording(move |_| raw(status, "")).await;
        let client = with(tracing(&memory).body_sizes());
        let method: Method = method.parse().unwrap();
        let sent = client.request(method, format!("http://{server}/")).send();
        let response = sent.await.unwrap();
        if read {
            response.bytes().await.unwrap();
        } else {
            drop(response);
        }
        assert_eq!(only_span(&memory).attribute("http.request.body.size"), None);
        assert_eq!(
            only_span(&memory).attribute("http.response.body.size"),
            None
        );
    }
}

#[tokio::test]
async fn what_was_never_sent_has_no_size() {
    let memory = InMemory::new();
    let client = with(tracing(&memory).body_sizes().old_names());
    let refused = client.post("http://127.0.0.1:1/").body("text").send();
    refused.await.unwrap_err();
    let span = only_span(&memory);
    assert_eq!(span.attribute("http.request.body.size"), None);
    assert_eq!(span.attribute("http.request_content_length"), None);
    assert_eq!(names(&memory.metrics()), ["http.client.duration", DURATION]);
}

#[tokio::test]
async fn headers_are_captured_where_they_are_listed_and_secrets_not_even_then() {
    let name = HeaderName::from_static;
    let both = |tracing: TracingMiddleware| {
        tracing
            .capture_request_headers([name("x-tenant"), name("authorization"), name("x-none")])
            .capture_response_headers([name("x-answer"), name("set-cookie")])
    };
    let array = |values: &[&str]| {
        use throughline_testing::opentelemetry::{Array, StringValue};
        let values: Vec<StringValue> = values.iter().map(|&v| v.to_owned().into()).collect();
        Expected::from(Value::Array(Array::String(values)))
    };
    let captured = [
        ("http.request.header.x-tenant", array(&["acme"])),
        ("http.request.header.authorization", array(&["REDACTED"])),
        ("http.response.header.x-answer", array(&["1", "2"])),
        ("http.response.header.set-cookie", array(&["REDACTED"])),
    ];
    check(both, &captured).await;
}

#[tokio::test]
async fn methods_and_redacted_keys_are_those_that_were_set() {
    let keys = |tracing: TracingMiddleware| tracing.sensitive_query_keys(["token"]);
    check(keys, &[("url.full", "".into())]).await;

    let memory = InMemory::new();
    let purge = Method::from_bytes(b"PURGE").unwrap();
    let client = with(tracing(&memory).known_methods([purge.clone()]));
    client
        .request(purge, "http://127.0.0.1:1/")
        .send()
        .await
        .unwrap_err();
    client.get("http://127.0.0.1:1/").send().await.unwrap_err();
    let names: Vec<_> = memory.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["PURGE", "HTTP"]);
}
