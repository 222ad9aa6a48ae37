//! `http.server.request.duration` and `http.server.active_requests`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;

use http::{Request, Response};
use http_body_util::BodyExt;
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_testing::{InMemory, MetricKind, PointRecord};
use throughline_tower::ServerLayer;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{
    ACTIVE, AnyBody, BROKEN, DURATION, Step, block_on, full, get, layer, metric, ok, plain_layer,
    serve, steps,
};

type Attributes = BTreeMap<String, Value>;

fn attributes<const N: usize>(attributes: [(&str, Value); N]) -> Attributes {
    let owned = attributes.map(|(key, value)| (key.to_owned(), value));
    Attributes::from(owned)
}

/// Asserts that the points are these, in any order.
#[track_caller]
fn assert_points<T: PartialEq + Debug>(
    points: &[PointRecord],
    value: fn(&PointRecord) -> T,
    mut expected: Vec<(Attributes, T)>,
) {
    let mut recorded: Vec<_> = (points.iter())
        .map(|point| (point.attributes.clone(), value(point)))
        .collect();
    for points in [&mut recorded, &mut expected] {
        points.sort_by_cached_key(|(attributes, _)| {
            let text = |(key, value): (&String, &Value)| format!("{key}={value}");
            Vec::from_iter(attributes.iter().map(text))
        });
    }
    assert_eq!(recorded, expected);
}

/// Serves one request of each kind on `layer`, which takes the second segment of `/route/…` for the route.
pub(crate) fn serve_several(layer: &ServerLayer) {
    let layer = layer.clone().route(|request| {
        let route = request.uri.path().strip_prefix("/route")?;
        Some(route.to_owned().into())
    });
    let serve = |method: &str, uri: &str, status: u16, body: fn() -> AnyBody| {
        let request = Request::builder().method(method).uri(uri);
        let service = layer.layer(service_fn(async |_: Request<()>| {
            let response = Response::builder().status(status).body(body());
            Ok::<_, Infallible>(response.unwrap())
        }));
        let response = block_on(service.oneshot(request.body(()).unwrap())).unwrap();
        // One of them fails, which is its purpose.
        let _ = block_on(response.into_body().collect());
    };
    let text: fn() -> AnyBody = || full("text");
    for _ in 0..2 {
        serve("GET", "/route/users/{id}", 200, text);
    }
    serve("GET", "/route/users/{id}", 404, text);
    serve("POST", "/route/users/{id}", 500, text);
    serve("GET", "https://example.com/route/users/{id}", 200, text);
    serve("GET", "/nowhere", 404, text);
    serve("GET", "/nowhere", 200, || steps([Step::Fail]));
    serve("PURGE", "/nowhere", 200, text);
}

/// What the metrics say after [`serve_several`].
#[track_caller]
pub(crate) fn assert_several(memory: &InMemory) {
    let duration = metric(memory, DURATION);
    let point = |method: &str, status: i64, rest: &[(&str, &str)], count: u64| {
        let mut expected = attributes([
            ("http.request.method", method.to_owned().into()),
            ("http.response.status_code", status.into()),
            ("network.protocol.version", "1.1".into()),
            ("url.scheme", "http".into()),
        ]);
        for &(key, value) in rest {
            expected.insert(key.to_owned(), value.to_owned().into());
        }
        (expected, count)
    };
    let route = ("http.route", "/users/{id}");
    let expected = vec![
        point("GET", 200, &[route], 2),
        point("GET", 404, &[route], 1),
        point("POST", 500, &[route, ("error.type", "500")], 1),
        point("GET", 200, &[route, ("url.scheme", "https")], 1),
        point("GET", 404, &[], 1),
        point("GET", 200, &[("error.type", BROKEN)], 1),
        point("_OTHER", 200, &[], 1),
    ];
    assert_points(&duration.points, |point| point.count.unwrap(), expected);

    let active = metric(memory, ACTIVE);
    let point = |method: &str, scheme: &str| {
        let expected = attributes([
            ("http.request.method", method.to_owned().into()),
            ("url.scheme", scheme.to_owned().into()),
        ]);
        (expected, 0.0)
    };
    let expected = vec![
        point("GET", "http"),
        point("GET", "https"),
        point("POST", "http"),
        point("_OTHER", "http"),
    ];
    assert_points(&active.points, |point| point.value, expected);
}

#[test]
fn the_metrics_have_the_attributes_of_the_conventions_and_no_other() {
    let memory = InMemory::new();
    serve_several(&layer(&memory));
    assert_several(&memory);
}

#[tokio::test]
async fn the_instruments_are_those_of_the_conventions() {
    let names = |memory: &InMemory| {
        let metrics = memory.metrics().into_iter();
        metrics.map(|metric| metric.name).collect::<Vec<_>>()
    };
    let memory = InMemory::new();
    serve(&plain_layer(&memory), get("/"), ok).await;
    assert_eq!(names(&memory), [DURATION]);

    let memory = InMemory::new();
    serve(&layer(&memory), get("/"), ok).await;
    assert_eq!(names(&memory), [ACTIVE, DURATION]);
    let duration = metric(&memory, DURATION);
    assert_eq!(
        (duration.unit.as_str(), duration.kind),
        ("s", MetricKind::Histogram)
    );
    assert_eq!(duration.description, "Duration of HTTP server requests.");
    let bounds = [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ];
    assert_eq!(duration.points[0].bounds, bounds);
    // Seconds: whatever the machine, no ten of them.
    assert!(duration.points[0].value < 10.0);
    let active = metric(&memory, ACTIVE);
    assert_eq!(
        (active.unit.as_str(), active.kind),
        ("{request}", MetricKind::UpDownCounter)
    );
    assert_eq!(active.description, "Number of active HTTP server requests.");
}

#[test]
fn neither_paths_nor_methods_nor_hosts_make_points() {
    block_on(async {
        let memory = InMemory::new();
        let layer = layer(&memory);
        for i in 0..1000 {
            let path = format!("/users/{i}?page={i}");
            let request = Request::get(path).header("host", format!("{i}.example.com"));
            serve(&layer, request.body(()).unwrap(), ok).await;
            let method = format!("METHOD-{i}");
            let request = Request::builder().method(method.as_str());
            serve(&layer, request.body(()).unwrap(), ok).await;
        }
        let duration = metric(&memory, DURATION).points;
        let counts: Vec<_> = duration.iter().map(|point| point.count).collect();
        assert_eq!(counts, [Some(1000), Some(1000)]);
        assert_eq!(metric(&memory, ACTIVE).points.len(), 2);
    });
}

#[test]
fn unsampled_requests_are_measured() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    serve_several(&layer(&memory));
    assert_eq!(memory.spans(), []);
    assert_several(&memory);
}

#[test]
fn metrics_need_no_tracer_provider() {
    let memory = InMemory::new();
    let layer = ServerLayer::new().meter_provider(memory.meter_provider());
    serve_several(&layer.active_requests());
    assert_eq!(memory.spans(), []);
    assert_several(&memory);
}
