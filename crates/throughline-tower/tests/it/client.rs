//! The layer for clients, over hyper-util's client and loopback: what is recorded and sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HeaderName, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::rt::TokioExecutor;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::{
    FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider,
};
use throughline_testing::opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use throughline_testing::{Expected, InMemory, MetricKind};
use throughline_tower::{Client, ClientLayer, UrlTemplate};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use tower::{BoxError, Layer, Service, ServiceExt};

use crate::support::{metric, only_span};

pub(crate) const DURATION: &str = "http.client.request.duration";

pub(crate) type Hyper = HyperClient<HttpConnector, Empty<Bytes>>;

pub(crate) fn layer(memory: &InMemory) -> ClientLayer {
    ClientLayer::new()
        .tracer_provider(memory.tracer_provider())
        .meter_provider(memory.meter_provider())
}

pub(crate) fn hyper() -> Hyper {
    HyperClient::builder(TokioExecutor::new()).build_http()
}

/// A client that records in `memory` alone, and tells hyper-util's errors apart.
pub(crate) fn client(memory: &InMemory) -> Client<Hyper> {
    let connect =
        |error: &hyper_util::client::legacy::Error| error.is_connect().then_some("connect");
    layer(memory).error_type(connect).layer(hyper())
}

pub(crate) fn get(url: impl AsRef<str>) -> Request<Empty<Bytes>> {
    Request::get(url.as_ref()).body(Empty::new()).unwrap()
}

pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Answers every path that is a number with that status, and others with 200.
pub(crate) async fn serve_statuses() -> SocketAddr {
    let answer = async |uri: http::Uri| {
        let status = uri.path().trim_start_matches('/').parse();
        (status.unwrap_or(StatusCode::OK), "text")
    };
    serve(Router::new().fallback(any(answer))).await
}

pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// Sends a request and reads the response to its end.
pub(crate) async fn read<S, B>(service: S, request: Request<Empty<Bytes>>)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>>,
    B: http_body::Body,
{
    if let Ok(response) = service.oneshot(request).await {
        let _ = response.into_body().collect().await;
    }
}

/// Asserts that one call was recorded, as the line `expected` of a tree, and that the metric says the same.
#[track_caller]
pub(crate) fn assert_recorded_once(memory: &InMemory, expected: &str) {
    memory.trace().assert_tree(expected);
    let span = only_span(memory);
    let points = metric(memory, DURATION).points;
    let [point] = &points[..] else {
        panic!("one point instead of {points:#?}")
    };
    assert_eq!(point.count, Some(1));
    assert_eq!(point.value, span.duration().as_secs_f64());
    for key in ["error.type", "http.response.status_code", "server.address"] {
        assert_eq!(point.attributes.get(key), span.attribute(key), "{key}");
    }
}

/// The attributes of a GET that was answered with 200.
fn answered(server: SocketAddr, path: &str) -> BTreeMap<&'static str, Expected> {
    BTreeMap::from([
        ("http.request.method", "GET".into()),
        ("http.response.status_code", 200.into()),
        ("network.protocol.version", "1.1".into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", server.port().into()),
        ("url.full", format!("http://{server}{path}").into()),
    ])
}

#[tokio::test]
async fn a_call_has_the_attributes_of_the_conventions_and_no_other() {
    let server = serve_statuses().await;
    for (sent, recorded) in [
        ("HOST/", "HOST/"),
        ("HOST/a?q=1&sig=secret", "HOST/a?q=1&sig=REDACTED"),
        ("user:secret@HOST/", "REDACTED:REDACTED@HOST/"),
    ] {
        let url = |text: &str| format!("http://{}", text.replace("HOST", &server.to_string()));
        let memory = InMemory::new();
        read(client(&memory), get(url(sent))).await;
        let mut expected = answered(server, "/");
        expected.insert("url.full", url(recorded).into());
        let span = only_span(&memory);
        span.assert_attributes(&Vec::from_iter(expected));
        assert_eq!((span.name.as_str(), &span.kind), ("GET", &SpanKind::Client));
        assert_eq!((span.events, span.links), (vec![], vec![]));
        assert_eq!(span.scope, "throughline-tower");
    }

    let memory = InMemory::new();
    let mut odd = get(format!("http://{server}/"));
    *odd.method_mut() = Method::from_bytes(b"PURGE").unwrap();
    read(client(&memory), odd).await;
    let mut expected = answered(server, "/");
    expected.insert("http.request.method", "_OTHER".into());
    expected.insert("http.request.method_original", "PURGE".into());
    only_span(&memory).assert_attributes(&Vec::from_iter(expected));
}

#[tokio::test]
async fn a_template_is_part_of_the_name_and_of_the_metric() {
    let server = serve_statuses().await;
    for template in [
        UrlTemplate::new("/users/{id}"),
        UrlTemplate::new(String::from("/users/{id}")),
    ] {
        let memory = InMemory::new();
        let mut request = get(format!("http://{server}/users/7"));
        request.extensions_mut().insert(template);
        read(client(&memory), request).await;
        let mut expected = answered(server, "/users/7");
        expected.insert("url.template", "/users/{id}".into());
        only_span(&memory).assert_attributes(&Vec::from_iter(expected));
        assert_recorded_once(&memory, "CLIENT GET /users/{id}");
        let recorded = &metric(&memory, DURATION).points[0].attributes["url.template"];
        assert_eq!(*recorded, "/users/{id}".into());
    }
    let memory = InMemory::new();
    let mut request = get(format!("http://{server}/users/7"));
    request.extensions_mut().insert(UrlTemplate::new(""));
    read(client(&memory), request).await;
    assert_recorded_once(&memory, "CLIENT GET");
}

#[tokio::test]
async fn a_port_that_the_url_leaves_out_is_that_of_its_scheme() {
    let ok = tower::service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
    });
    for (url, port) in [
        ("http://shop.example/a", Some(80)),
        ("https://shop.example/a", Some(443)),
        ("https://shop.example:80/a", Some(80)),
        ("coap://shop.example/a", None),
    ] {
        let memory = InMemory::new();
        read(layer(&memory).layer(ok), get(url)).await;
        let span = only_span(&memory);
        let port = port.map(Value::I64);
        assert_eq!(span.attribute("server.port"), port.as_ref());
        assert_eq!(span.attribute("url.full"), Some(&url.into()));
    }
}

#[tokio::test]
async fn a_request_on_a_connection_of_its_own_has_its_host_from_the_header() {
    let server = serve_statuses().await;
    let stream = TcpStream::connect(server).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let sender = Arc::new(tokio::sync::Mutex::new(sender));
    let send = tower::service_fn(move |request| {
        let sender = sender.clone();
        async move { sender.lock().await.send_request(request).await }
    });
    let memory = InMemory::new();
    let mut request = get("/a?sig=secret");
    let host = server.to_string().parse().unwrap();
    request.headers_mut().insert("host", host);
    read(layer(&memory).layer(send), request).await;
    let mut expected = answered(server, "/");
    expected.insert("url.full", format!("//{server}/a?sig=REDACTED").into());
    only_span(&memory).assert_attributes(&Vec::from_iter(expected));
}

#[tokio::test]
async fn the_other_end_is_recorded_where_the_response_tells_it() {
    let server = serve_statuses().await;
    type Find = fn(&http::Extensions) -> Option<SocketAddr>;
    let found = |extensions: &http::Extensions| Some(extensions.get::<HttpInfo>()?.remote_addr());
    let finds: [(Find, bool); 3] = [
        (found, true),
        (|_| None, false),
        (|_| panic!("on purpose"), false),
    ];
    for (find, is_found) in finds {
        let memory = InMemory::new();
        let traced = layer(&memory).peer_address(find).layer(hyper());
        read(traced, get(format!("http://{server}/"))).await;
        let mut expected = answered(server, "/");
        if is_found {
            expected.insert("network.peer.address", "127.0.0.1".into());
            expected.insert("network.peer.port", server.port().into());
        }
        only_span(&memory).assert_attributes(&Vec::from_iter(expected));
    }
}

#[tokio::test]
async fn a_host_header_of_the_callers_own_is_the_server_but_not_where_headers_go() {
    let memory = InMemory::new();
    let (seen, mut received) = unbounded_channel();
    let service = tower::service_fn(move |request: Request<Empty<Bytes>>| {
        seen.send(request.headers().clone()).unwrap();
        async { Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new())) }
    });
    let mut request = get("https://10.0.0.1:8443/");
    let host = "shop.example".parse().unwrap();
    request.headers_mut().insert("host", host);
    let layer = layer(&memory).propagate_to(["shop.example"]);
    read(layer.layer(service), request).await;
    let span = only_span(&memory);
    assert_eq!(
        span.attribute("server.address"),
        Some(&"shop.example".into())
    );
    assert_eq!(span.attribute("server.port"), Some(&Value::I64(443)));
    assert!(!received.recv().await.unwrap().contains_key("traceparent"));
}

#[tokio::test]
async fn the_target_of_a_connect_has_no_secret() {
    let ok = tower::service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
    });
    let memory = InMemory::new();
    let request = Request::connect("user:secret@proxy.example:3128").body(Empty::new());
    read(layer(&memory).layer(ok), request.unwrap()).await;
    let span = only_span(&memory);
    let url = "//REDACTED:REDACTED@proxy.example:3128";
    assert_eq!(span.attribute("url.full"), Some(&url.into()));
    assert!(!format!("{span:?}").contains("secret"));
}

#[tokio::test]
async fn the_called_service_gets_the_context_of_the_span() {
    let (seen, mut received) = unbounded_channel();
    let answer = any(async move |headers: HeaderMap| seen.send(headers).unwrap());
    let server = serve(Router::new().fallback(answer)).await;
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("application");
    let ambient = Context::new().with_span(tracer.start("ambient"));
    let call = read(client(&memory), get(format!("http://{server}/")));
    call.with_context(ambient.clone()).await;
    drop(ambient);
    memory.trace().assert_tree("INTERNAL ambient\n  CLIENT GET");
    let span = memory.trace().find("GET").clone();
    let headers = received.recv().await.unwrap();
    let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
    assert_eq!(headers["traceparent"], parent);
}

#[tokio::test]
async fn what_is_off_by_default_is_recorded_where_it_was_asked_for() {
    let server = serve_statuses().await;
    let memory = InMemory::new();
    let layer = layer(&memory)
        .url_scheme()
        .user_agent()
        .body_sizes()
        .active_requests()
        .capture_request_headers([AUTHORIZATION, USER_AGENT])
        .capture_response_headers([CONTENT_LENGTH])
        .sensitive_query_keys(["token"]);
    let client = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("http://{server}/?token=secret"))
        .header(AUTHORIZATION, "secret")
        .header(USER_AGENT, "shop/1.0")
        .body(Full::from("sent"));
    let response = layer.layer(client).oneshot(request.unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let array = |value: &'static str| {
        let values = vec![StringValue::from(value)];
        Expected::from(Value::Array(Array::String(values)))
    };
    let mut expected = answered(server, "/?token=REDACTED");
    expected.extend([
        ("http.request.method", "POST".into()),
        ("http.request.body.size", 4.into()),
        ("http.response.body.size", 4.into()),
        ("http.request.header.authorization", array("REDACTED")),
        ("http.request.header.user-agent", array("shop/1.0")),
        ("http.response.header.content-length", array("4")),
        ("url.scheme", "http".into()),
        ("user_agent.original", "shop/1.0".into()),
    ]);
    only_span(&memory).assert_attributes(&Vec::from_iter(expected));
    assert_eq!(
        metric(&memory, "http.client.active_requests").points[0].value,
        0.0
    );
    for name in [
        "http.client.request.body.size",
        "http.client.response.body.size",
    ] {
        assert_eq!(metric(&memory, name).points[0].value, 4.0, "{name}");
    }
}

#[tokio::test]
async fn headers_go_only_where_they_may() {
    let sent = async |layer: ClientLayer, host: &str| {
        let seen = Arc::new(Mutex::new(HeaderMap::new()));
        let keep = Arc::clone(&seen);
        let service = tower::service_fn(move |request: Request<Empty<Bytes>>| {
            *keep.lock().unwrap() = request.headers().clone();
            async { Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new())) }
        });
        let mut request = get(format!("http://{host}/"));
        request
            .headers_mut()
            .insert("baggage", "own=1".parse().unwrap());
        let context = Context::new().with_baggage([KeyValue::new("user", "7")]);
        let call = read(layer.layer(service), request);
        call.with_context(context).await;
        let headers = seen.lock().unwrap();
        (
            headers.contains_key("traceparent"),
            headers["baggage"] == "user=7",
        )
    };
    let memory = InMemory::new();
    let all = || layer(&memory);
    assert_eq!(sent(all(), "a.internal").await, (true, true));
    let internal = || all().propagate_to(["*.internal"]);
    assert_eq!(sent(internal(), "a.internal:8080").await, (true, true));
    assert_eq!(sent(internal(), "a.example").await, (false, false));
    let never = || internal().propagate_except(["a.internal"]);
    assert_eq!(sent(never(), "a.internal").await, (false, false));
    assert_eq!(sent(never(), "b.internal").await, (true, true));
    let some = || all().baggage_to(["a.internal"]);
    assert_eq!(sent(some(), "a.internal").await, (true, true));
    assert_eq!(sent(some(), "a.example").await, (true, false));
    let denied = || all().propagate_except(["127.0.0.1", "payments.internal:8443", "::1"]);
    for host in [
        "127.1",
        "2130706433",
        "[0:0:0:0:0:0:0:1]",
        "payments.internal:8443",
    ] {
        assert_eq!(sent(denied(), host).await, (false, false), "{host}");
    }
    assert_eq!(sent(denied(), "payments.internal").await, (true, true));
    let idn = || all().propagate_except(["bücher.example"]);
    assert_eq!(sent(idn(), "xn--bcher-kva.example").await, (false, false));
    // What is not told to the called service is recorded all the same.
    assert_eq!(memory.spans().len(), 13);
}

#[tokio::test]
async fn no_secret_is_recorded_whatever_the_end() {
    let server = serve_statuses().await;
    let names = || [AUTHORIZATION, COOKIE, HeaderName::from_static("x-api-key")];
    for host in [
        server.to_string(),
        nobody().await.to_string(),
        "unknown.invalid".to_owned(),
    ] {
        let memory = InMemory::new();
        let layer = layer(&memory)
            .capture_request_headers(names())
            .sensitive_query_keys(["token"])
            .error_type(|error: &hyper_util::client::legacy::Error| {
                error.is_connect().then_some("connect")
            });
        let url = format!("http://planted:planted@{host}/?sig=planted&token=planted&q=1");
        let mut request = get(url);
        for name in names() {
            let secret = "planted".parse().unwrap();
            request.headers_mut().insert(name, secret);
        }
        let context = Context::new().with_baggage([KeyValue::new("user", "planted")]);
        let call = read(layer.layer(hyper()), request);
        call.with_context(context).await;
        let recorded = format!("{:?} {:?}", memory.spans(), memory.metrics());
        assert!(!recorded.contains("planted"), "{recorded}");
        assert!(recorded.contains("q=1") && recorded.contains("request.header.cookie"));
    }
}

#[tokio::test]
async fn the_metric_has_the_attributes_of_the_conventions_and_no_other() {
    let server = serve_statuses().await;
    let memory = InMemory::new();
    for path in ["", "a", "b?c"] {
        read(client(&memory), get(format!("http://{server}/{path}"))).await;
    }
    let metric = metric(&memory, DURATION);
    assert_eq!(
        (metric.unit.as_str(), metric.kind),
        ("s", MetricKind::Histogram)
    );
    let [point] = &metric.points[..] else {
        panic!("{:#?}", metric.points)
    };
    assert_eq!(point.count, Some(3));
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
