//! Metrics of servers and clients.

use opentelemetry::Value;
use throughline_core::http_semconv::Route;
use throughline_testing::{InMemory, MetricKind, MetricRecord, PointRecord};

use super::{answer, full_request, respond};
use crate::support::{call, client, get, serve, server};

fn point(metric: &MetricRecord, status: i64) -> &PointRecord {
    let has_status = |point: &&PointRecord| {
        point.attributes.get("http.response.status_code") == Some(&Value::from(status))
    };
    metric.points.iter().find(has_status).unwrap()
}

#[track_caller]
fn check_point(point: &PointRecord, expected: &[(&str, Value)]) {
    let expected = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    assert_eq!(point.attributes, expected.collect());
}

/// The boundaries that the conventions advise.
const BOUNDARIES: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

#[test]
fn server_metrics_have_the_attributes_of_low_cardinality() {
    let memory = InMemory::new();
    let server = server(&memory);
    for status in [200, 200, 503] {
        let request = full_request();
        let mut operation = serve(&server, &request);
        let call = operation.details_mut().unwrap();
        call.matched(Route::intern("/orders/{id}").unwrap());
        respond(status)(operation);
    }
    let running = serve(&server, &get(&[]));
    let metrics = memory.metrics();
    let [active, duration] = &metrics[..] else {
        panic!("{metrics:#?}");
    };
    assert_eq!(duration.name, "http.server.request.duration");
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.kind, MetricKind::Histogram);
    assert_eq!(duration.points.len(), 2);
    let ok = point(duration, 200);
    assert_eq!(ok.count, Some(2));
    assert_eq!(ok.bounds, BOUNDARIES);
    check_point(
        ok,
        &[
            ("http.request.method", "POST".into()),
            ("url.scheme", "http".into()),
            ("network.protocol.version", "2".into()),
            ("http.route", "/orders/{id}".into()),
            ("http.response.status_code", 200.into()),
        ],
    );
    check_point(
        point(duration, 503),
        &[
            ("http.request.method", "POST".into()),
            ("url.scheme", "http".into()),
            ("network.protocol.version", "2".into()),
            ("http.route", "/orders/{id}".into()),
            ("http.response.status_code", 503.into()),
            ("error.type", "503".into()),
        ],
    );
    assert_eq!(active.name, "http.server.active_requests");
    assert_eq!(active.unit, "{request}");
    assert_eq!(active.kind, MetricKind::UpDownCounter);
    let of = |method: &str| {
        let is_it = |p: &&PointRecord| {
            p.attributes["http.request.method"] == Value::from(method.to_owned())
        };
        active.points.iter().find(is_it).unwrap()
    };
    assert_eq!(of("POST").value, 0.0);
    assert_eq!(of("GET").value, 1.0);
    check_point(
        of("GET"),
        &[
            ("http.request.method", "GET".into()),
            ("url.scheme", "http".into()),
        ],
    );
    drop(running);
    let metrics = memory.metrics();
    assert!(metrics[0].points.iter().all(|point| point.value == 0.0));
}

#[test]
fn client_metrics_have_the_attributes_of_low_cardinality() {
    let memory = InMemory::new();
    let client = client(&memory);
    answer(200, "")(call(&client));
    answer(200, "unread")(call(&client));
    answer(500, "")(call(&client));
    let metrics = memory.metrics();
    let [duration] = &metrics[..] else {
        panic!("{metrics:#?}");
    };
    assert_eq!(duration.name, "http.client.request.duration");
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.points.len(), 2);
    let ok = point(duration, 200);
    assert_eq!(ok.count, Some(2));
    assert_eq!(ok.bounds, BOUNDARIES);
    let common = [
        ("http.request.method", Value::from("GET")),
        ("server.address", "example.com".into()),
        ("server.port", 80.into()),
        ("network.protocol.version", "2".into()),
    ];
    let with = |more: &[(&'static str, Value)]| [&common[..], more].concat();
    check_point(ok, &with(&[("http.response.status_code", 200.into())]));
    check_point(
        point(duration, 500),
        &with(&[
            ("http.response.status_code", 500.into()),
            ("error.type", "500".into()),
        ]),
    );
}

#[test]
fn duration_is_the_same_on_span_and_metric() {
    let memory = InMemory::new();
    respond(200)(serve(&server(&memory), &get(&[])));
    let span = memory.spans().remove(0).duration();
    let metric = memory.metrics().remove(1).points[0].value;
    assert!((span.as_secs_f64() - metric).abs() < 1e-9);
}
