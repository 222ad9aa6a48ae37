//! `http.client.request.duration`.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use throughline_reqwest::TracingMiddleware;
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_testing::{InMemory, MetricKind};

use crate::support::{client, duration, nobody, serve, with};

#[tokio::test]
async fn the_metric_has_the_attributes_of_the_conventions_and_no_other() {
    let app = Router::new()
        .route("/users/{id}", get(async || "text").post(async || "text"))
        .route("/broken", get(async || StatusCode::BAD_GATEWAY));
    let (server, nobody) = (serve(app).await, nobody().await);
    let tracers_too = InMemory::new();
    let unsampled = InMemory::with_sampler(Sampler::AlwaysOff);
    let meters_only = InMemory::new();
    let only_meters = TracingMiddleware::new().meter_provider(meters_only.meter_provider());
    for (memory, client) in [
        (&tracers_too, client(&tracers_too)),
        (&unsampled, client(&unsampled)),
        (&meters_only, with(only_meters)),
    ] {
        for i in 0..20 {
            let url = format!("http://{server}/users/{i}?page={i}");
            let response = client.get(&url).send().await.unwrap();
            response.bytes().await.unwrap();
        }
        client
            .post(format!("http://{server}/users/1"))
            .send()
            .await
            .unwrap();
        client
            .get(format!("http://{server}/broken"))
            .send()
            .await
            .unwrap();
        client
            .get(format!("http://{nobody}/"))
            .send()
            .await
            .unwrap_err();
        for i in 0..20 {
            let method = reqwest::Method::from_bytes(format!("ODD-{i}").as_bytes()).unwrap();
            let url = format!("http://{server}/users/{i}");
            client.request(method, url).send().await.unwrap();
        }

        let metric = duration(memory);
        assert_eq!(metric.name, "http.client.request.duration");
        assert_eq!(
            (metric.unit.as_str(), metric.kind),
            ("s", MetricKind::Histogram)
        );
        assert_eq!(metric.description, "Duration of HTTP client requests.");
        let bounds = [
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ];
        assert!(metric.points.iter().all(|point| point.bounds == bounds));

        let mut recorded: Vec<_> = (metric.points.iter())
            .map(|point| (text(&point.attributes), point.count.unwrap()))
            .collect();
        recorded.sort();
        let line = |method: &str, port: u16, rest: &str| {
            format!(
                "http.request.method={method} {rest}server.address=127.0.0.1 server.port={port}"
            )
        };
        let answered = |status: u16| {
            format!("http.response.status_code={status} network.protocol.version=1.1 ")
        };
        let port = server.port();
        let failed = format!("error.type=502 {}", line("GET", port, &answered(502)));
        let refused = format!("error.type=connect {}", line("GET", nobody.port(), ""));
        let mut odd = line("_OTHER", port, &answered(405));
        odd.insert_str(0, "error.type=405 ");
        let expected = [
            (failed, 1),
            (refused, 1),
            (line("GET", port, &answered(200)), 20),
            (line("POST", port, &answered(200)), 1),
            (odd, 20),
        ];
        let mut expected = Vec::from(expected);
        expected.sort();
        assert_eq!(recorded, expected);
    }
}

fn text(attributes: &BTreeMap<String, Value>) -> String {
    let text = |(key, value): (&String, &Value)| format!("{key}={value}");
    Vec::from_iter(attributes.iter().map(text)).join(" ")
}

#[tokio::test]
async fn status_and_port_are_integers() {
    let memory = InMemory::new();
    let server = serve(Router::new().route("/", get(async || "text"))).await;
    let sent = client(&memory).get(format!("http://{server}/")).send();
    sent.await.unwrap().bytes().await.unwrap();
    let point = &duration(&memory).points[0];
    let status = &point.attributes["http.response.status_code"];
    assert_eq!(*status, Value::I64(200));
    let port = &point.attributes["server.port"];
    assert_eq!(*port, Value::I64(server.port().into()));
}
