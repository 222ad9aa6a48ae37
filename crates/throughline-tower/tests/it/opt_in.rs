//! Attributes and metrics that the conventions leave to whoever asks for them.

use std::collections::BTreeMap;

use http::{Request, Response, Version};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::{KeyValue, Value};
use throughline_tower::{Encrypted, Labels, LocalAddress, PeerAddress};

use crate::settings::assert_more;
use crate::support::{
    ACTIVE, AnyBody, DURATION, Step, full, get, layer, metric, ok, only_span, serve, steps,
};

#[tokio::test]
async fn sizes_of_bodies_are_those_announced_and_counted() {
    type Answer = fn() -> AnyBody;
    let answers: [(&str, Answer, i64); 4] = [
        ("200", || full("four"), 4),
        (
            "200",
            || steps([Step::Data("ab"), Step::Data("c"), Step::Trailers]),
            3,
        ),
        ("200", || full(""), 0),
        ("204", || full(""), 0),
    ];
    for (status, body, size) in answers {
        for announced in [Some(7), None] {
            let memory = InMemory::new();
            let mut request = get("/");
            if let Some(length) = announced {
                request
                    .headers_mut()
                    .insert("content-length", length.into());
            }
            serve(&layer(&memory).body_sizes(), request, async |_| {
                Response::builder().status(status).body(body()).unwrap()
            })
            .await;
            let span = only_span(&memory);
            let recorded = |key| span.attribute(key).cloned();
            assert_eq!(
                recorded("http.request.body.size"),
                announced.map(|size| i64::from(size).into())
            );
            assert_eq!(recorded("http.response.body.size"), Some(size.into()));
            let duration = metric(&memory, DURATION).points[0].attributes.clone();
            let sent = metric(&memory, "http.server.response.body.size");
            assert_eq!(sent.unit, "By");
            assert_eq!(
                (sent.points[0].value, sent.points[0].count),
                (size as f64, Some(1))
            );
            assert_eq!(sent.points[0].attributes, duration);
            let metrics = memory.metrics();
            let received = metrics
                .iter()
                .find(|m| m.name == "http.server.request.body.size");
            let received = received.map(|metric| metric.points[0].value);
            assert_eq!(received, announced.map(f64::from));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_counts_as_far_as_it_went() {
    use http_body_util::BodyExt;
    use tower::{Layer, ServiceExt, service_fn};
    let memory = InMemory::new();
    let service = layer(&memory)
        .body_sizes()
        .layer(service_fn(async |_: Request<()>| {
            let body = steps([Step::Data("abc"), Step::Wait]);
            Ok::<_, std::convert::Infallible>(Response::new(body))
        }));
    let mut body = service.oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let size = only_span(&memory)
        .attribute("http.response.body.size")
        .cloned();
    assert_eq!(size, Some(3.into()));
}

#[tokio::test]
async fn details_of_the_network_are_those_of_the_connection() {
    let local = LocalAddress("192.0.2.1:443".parse().unwrap());
    for (version, written, transport) in [
        (Version::HTTP_11, "1.1", "tcp"),
        (Version::HTTP_2, "2", "tcp"),
        (Version::HTTP_3, "3", "quic"),
    ] {
        let memory = InMemory::new();
        let request = Request::get("/").version(version).extension(local);
        let layer = layer(&memory).network_details();
        serve(&layer, request.body(()).unwrap(), ok).await;
        only_span(&memory).assert_attributes(&[
            ("http.request.method", "GET".into()),
            ("http.response.status_code", 200.into()),
            ("network.local.address", "192.0.2.1".into()),
            ("network.local.port", 443.into()),
            ("network.protocol.version", written.into()),
            ("network.transport", transport.into()),
            ("url.path", "/".into()),
            ("url.scheme", "http".into()),
        ]);
    }
    // Unknown is absent, and off is off.
    let memory = InMemory::new();
    serve(&layer(&memory).network_details(), get("/"), ok).await;
    let request = Request::get("/").extension(local).body(()).unwrap();
    serve(&layer(&memory), request, ok).await;
    for span in memory.spans() {
        assert_more(&span, &[]);
    }
}

#[tokio::test]
async fn the_clients_port_is_that_of_the_clients_address() {
    for (peer, forwarded, port) in [
        ("192.0.2.7:4711", "for=1.2.3.4:42", Some(4711)),
        ("10.0.0.1:4711", "for=\"1.2.3.4:42\"", Some(42)),
        ("10.0.0.1:4711", "for=1.2.3.4", None),
    ] {
        let memory = InMemory::new();
        let layer = layer(&memory).trusted_proxies(["10.0.0.0/8".parse().unwrap()]);
        for layer in [layer.clone(), layer.network_details()] {
            let request = Request::get("/")
                .header("forwarded", forwarded)
                .extension(PeerAddress(peer.parse().unwrap()));
            serve(&layer, request.body(()).unwrap(), ok).await;
        }
        let ports = memory.spans();
        let ports = ports.iter().map(|span| span.attribute("client.port"));
        let port = port.map(Value::from);
        assert_eq!(
            Vec::from_iter(ports),
            [None, port.as_ref()],
            "{peer} {forwarded}"
        );
    }
}

#[tokio::test]
async fn an_encrypted_connection_is_told_by_whoever_accepts() {
    for (uri, encrypted, scheme) in [
        ("/", false, "http"),
        ("/", true, "https"),
        ("http://host/", true, "http"),
        ("https://host/", false, "https"),
    ] {
        let memory = InMemory::new();
        let mut request = get(uri);
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        serve(&layer(&memory).old_names(), request, ok).await;
        let span = only_span(&memory);
        for key in ["url.scheme", "http.scheme"] {
            assert_eq!(span.attribute(key), Some(&scheme.into()), "{uri}");
        }
        for metric in memory.metrics() {
            let key = match &*metric.name {
                "http.server.duration" => "http.scheme",
                _ => "url.scheme",
            };
            assert_eq!(metric.points[0].attributes[key], scheme.into(), "{uri}");
        }
    }
}

#[tokio::test]
async fn a_handler_labels_the_span_and_the_metrics() {
    let label = |n: i64| KeyValue::new(format!("app.label{n:02}"), n);
    let memory = InMemory::new();
    serve(&layer(&memory).body_sizes(), get("/"), async |_| {
        let taken = KeyValue::new("http.request.method", "PUT");
        let labels = Labels::new([taken].into_iter().chain((0..20).map(label)));
        let response = Response::builder().extension(labels);
        response.body(full("")).unwrap()
    })
    .await;
    let expected: Vec<_> = (0..16)
        .map(|n| (label(n).key.to_string(), n.into()))
        .collect();
    let labels = |attributes: &BTreeMap<String, Value>| {
        let mut labels = attributes.clone();
        labels.retain(|key, _| key.starts_with("app."));
        Vec::from_iter(labels)
    };
    assert_eq!(labels(&only_span(&memory).attributes), expected);
    for name in [DURATION, "http.server.response.body.size"] {
        let attributes = &metric(&memory, name).points[0].attributes;
        assert_eq!(labels(attributes), expected, "{name}");
        assert_eq!(attributes["http.request.method"], "GET".into());
    }
    // The next request has none of them, and no label has ever been known when a request begins.
    serve(&layer(&memory).body_sizes(), get("/"), ok).await;
    assert_eq!(labels(&memory.spans()[1].attributes), []);
    assert_eq!(labels(&metric(&memory, ACTIVE).points[0].attributes), []);
}

#[tokio::test]
async fn a_length_that_nothing_has_is_not_measured() {
    for length in [
        "18446744073709551613",
        "9223372036854775807",
        "+5",
        "5, 5",
        "",
    ] {
        let memory = InMemory::new();
        let request = Request::get("/").header("content-length", length);
        let layer = layer(&memory).body_sizes();
        serve(&layer, request.body(()).unwrap(), ok).await;
        let size = only_span(&memory)
            .attribute("http.request.body.size")
            .cloned();
        assert_eq!(size, None, "{length}");
        let metrics = memory.metrics().into_iter().map(|metric| metric.name);
        let measured: Vec<_> = metrics
            .filter(|name| name.contains("request.body"))
            .collect();
        assert_eq!(measured, [""; 0], "{length}");
    }
}

#[tokio::test]
async fn synthetic_user_agents_are_told_where_asked_for() {
    let memory = InMemory::new();
    let request = || {
        Request::get("/")
            .header("user-agent", "Googlebot/2.1")
            .body(())
            .unwrap()
    };
    serve(&layer(&memory).synthetic_user_agents(), request(), ok).await;
    serve(&layer(&memory), request(), ok).await;
    let user_agent = ("user_agent.original", "Googlebot/2.1".into());
    let kind = ("user_agent.synthetic.type", "bot".into());
    assert_more(&memory.spans()[0], &[user_agent.clone(), kind]);
    let points = metric(&memory, DURATION).points;
    let kinds = points
        .iter()
        .map(|point| point.attributes.get("user_agent.synthetic.type"));
    assert_eq!(Vec::from_iter(kinds.flatten()), [&Value::from("bot")]);
    assert_eq!(points.len(), 2);
    assert_more(&memory.spans()[1], &[user_agent]);
}

#[tokio::test]
async fn the_server_of_metrics_is_configured() {
    for (port, expected) in [(Some(443), Some(Value::from(443))), (None, None)] {
        let memory = InMemory::new();
        let layer = layer(&memory)
            .metric_server("api.example.com", port)
            .body_sizes();
        let request = Request::get("/")
            .header("host", "bogus.example:1")
            .body(())
            .unwrap();
        serve(&layer, request, ok).await;
        for metric in memory.metrics() {
            let attributes = &metric.points[0].attributes;
            assert_eq!(
                attributes["server.address"],
                Value::from("api.example.com"),
                "{}",
                metric.name
            );
            assert_eq!(
                attributes.get("server.port"),
                expected.as_ref(),
                "{}",
                metric.name
            );
        }
        assert_eq!(
            only_span(&memory).attribute("server.address"),
            Some(&"bogus.example".into())
        );
    }
}
