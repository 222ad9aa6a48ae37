//! The metrics stay small, whatever requests say.

use std::convert::Infallible;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_tower::ServerLayer;
use tower::{Layer, service_fn};

use crate::exchange::{Answer, AnyService, Protocol, Traced, any, serve_one};
use crate::random::Random;
use crate::support::{ACTIVE, DURATION, active, full, layer, metric};

fn app(traced: &Traced) -> AnyService {
    any(traced.layer(service_fn(async |request: Request<Incoming>| {
        let status = request.headers().get("x-status").unwrap();
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
        let is_head = request.method() == Method::HEAD;
        let mut response = Response::new(full(if is_head { "" } else { "text" }));
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    })))
}

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY",
];
const STATUSES: &[&str] = &["200", "404", "500"];

/// Sends a thousand requests over each version of HTTP, all of whose words bear the mark.
async fn send_marked(layer: &ServerLayer) {
    let mut random = Random::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        // The witness has a memory of its own: it would look at all spans each time.
        let (mut client, _) = serve_one(&InMemory::new(), layer.clone(), app, protocol).await;
        for _ in 0..1000 {
            let number = random.below(usize::MAX);
            let method = match random.below(2) {
                0 => random.of(METHODS).to_owned(),
                _ => format!("MARK{number}"),
            };
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let path = format!("/mark/{number}?mark={number}");
            let mut request = client.request(method, &path);
            for name in ["user-agent", "cookie", "x-forwarded-for", "baggage", "mark"] {
                let value = format!("mark={number}").parse().unwrap();
                request.headers_mut().insert(name, value);
            }
            let host = format!("mark{number}.example:{}", random.below(65536));
            match protocol {
                Protocol::Http1 => {
                    request.headers_mut().insert("host", host.parse().unwrap());
                }
                Protocol::Http2 => {
                    let scheme = random.of(&["http", "https", "mark"]);
                    let target = format!("{scheme}://{host}{path}");
                    *request.uri_mut() = target.parse().unwrap();
                }
            }
            let status = random.of(STATUSES);
            let value = HeaderValue::from_static(status);
            request.headers_mut().insert("x-status", value);
            client.ready().await;
            let answer = Answer::read(client.send(request).await.unwrap());
            assert_eq!(answer.await.unwrap().status.as_str(), status);
        }
    }
}

/// Two thousand requests make no more points than there are known methods (and one for all others), versions (one of
/// which says the scheme, `https` or another) and statuses that the service has.
fn assert_few_points(memory: &InMemory) {
    let methods = METHODS.len() + 1;
    let duration = metric(memory, DURATION).points;
    let requests: u64 = duration.iter().filter_map(|point| point.count).sum();
    assert_eq!(requests, 2000);
    assert!(duration.len() <= methods * 3 * STATUSES.len());
    assert_eq!(active(memory), 0.0);
    assert!(metric(memory, ACTIVE).points.len() <= methods * 2);
    for metric in memory.metrics() {
        for (key, value) in metric.points.iter().flat_map(|point| &point.attributes) {
            let value = value.to_string().to_lowercase();
            assert!(!value.contains("mark"), "{}: {key}={value}", metric.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_makes_the_metrics_grow() {
    let memory = InMemory::new();
    send_marked(&layer(&memory)).await;
    assert_eq!(memory.spans().len(), 2000);
    assert_few_points(&memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_the_same_without_traces() {
    let unsampled = InMemory::with_sampler(Sampler::AlwaysOff);
    send_marked(&layer(&unsampled)).await;
    assert_eq!(unsampled.spans(), []);
    assert_few_points(&unsampled);

    let alone = InMemory::new();
    let layer = ServerLayer::new().meter_provider(alone.meter_provider());
    send_marked(&layer.active_requests()).await;
    assert_eq!(alone.spans(), []);
    assert_few_points(&alone);
}
