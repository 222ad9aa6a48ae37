//! Every way in which a call of [`ClientLayer`](throughline_tower::ClientLayer) ends.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::any;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client as HyperClient};
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::{FutureExt, Status};
use throughline_testing::opentelemetry::{Context, KeyValue, Value};
use throughline_testing::{InMemory, SpanRecord};
use throughline_tower::{ClientLayer, Resends, UrlTemplate, causes, is_tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::retry::Policy;
use tower::timeout::TimeoutLayer;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::follow_redirect::FollowRedirectLayer;
use tower_http::follow_redirect::policy::{FilterCredentials, Limited, PolicyExt};

use crate::client::{
    DURATION, assert_recorded_once, client, get, hyper, layer, nobody, read, serve, serve_statuses,
};
use crate::support::{metric, only_span};

/// More time than any call here needs.
const AMPLE: Duration = Duration::from_secs(30);

fn built<C>(connector: C) -> HyperClient<C, Empty<Bytes>>
where
    C: Connect + Clone,
{
    HyperClient::builder(TokioExecutor::new()).build(connector)
}

/// Answers one request with `response`; then closes the connection, or leaves it open until the test is over.
async fn serve_bytes(response: &'static str, close: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        connection.write_all(response.as_bytes()).await.unwrap();
        if !close {
            let _ = connection.read_u8().await;
        }
    });
    address
}

/// How a call ends, and the line that is recorded of it.
async fn check(expected: &str, run: impl Future<Output = ()>, memory: &InMemory) {
    println!("{expected}");
    run.await;
    assert_recorded_once(memory, expected);
}

#[tokio::test]
async fn every_end_has_one_span_and_one_measurement() {
    let statuses = serve_statuses().await;
    for (path, mark) in [("", ""), ("404", " [error 404]"), ("500", " [error 500]")] {
        let memory = InMemory::new();
        let run = read(client(&memory), get(format!("http://{statuses}/{path}")));
        check(&format!("CLIENT GET{mark}"), run, &memory).await;
    }

    let memory = InMemory::new();
    let refused = read(client(&memory), get(format!("http://{}/", nobody().await)));
    check("CLIENT GET [error connect]", refused, &memory).await;

    let memory = InMemory::new();
    let unknown = read(client(&memory), get("http://unknown.invalid/"));
    check("CLIENT GET [error connect]", unknown, &memory).await;

    const CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n";
    let memory = InMemory::new();
    let server = serve_bytes(CHUNK, true).await;
    let broken = read(client(&memory), get(format!("http://{server}/")));
    check("CLIENT GET [error hyper::error::Error]", broken, &memory).await;

    let memory = InMemory::new();
    let server = serve_bytes(CHUNK, false).await;
    let dropped = async {
        let sent = client(&memory).oneshot(get(format!("http://{server}/")));
        drop(sent.await.unwrap());
    };
    check("CLIENT GET", dropped, &memory).await;
    assert_eq!(only_span(&memory).status, Status::Unset);

    let memory = InMemory::new();
    let server = serve_bytes("", false).await;
    let timeout = ServiceBuilder::new()
        .layer(layer(&memory).error_type(|_: &tower::timeout::error::Elapsed| Some("timeout")))
        .layer(TimeoutLayer::new(Duration::from_millis(20)))
        .service(hyper());
    let late = read(timeout, get(format!("http://{server}/")));
    check("CLIENT GET [error timeout]", late, &memory).await;

    let memory = InMemory::new();
    let server = serve_bytes("", false).await;
    let cancelled = async {
        let sent = client(&memory).oneshot(get(format!("http://{server}/")));
        let waited = tokio::time::timeout(Duration::from_millis(20), sent).await;
        waited.unwrap_err();
    };
    check("CLIENT GET", cancelled, &memory).await;
    assert_eq!(only_span(&memory).status, Status::Unset);
}

/// That a name has no address.
#[derive(Debug)]
struct NoAddress;

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address")
    }
}

impl Error for NoAddress {}

/// The rules of the documentation.
fn with_rules(memory: &InMemory) -> ClientLayer {
    let of_hyper_util = |error: &legacy::Error| {
        Some(match error.is_connect() {
            true if causes(error).any(<dyn Error>::is::<NoAddress>) => "dns",
            true if is_tls(error) => "tls",
            true => "connect",
            false => "request",
        })
    };
    layer(memory)
        .error_type(of_hyper_util)
        .error_type(|_: &hyper::Error| Some("body"))
        .error_type(|_: &tower::timeout::error::Elapsed| Some("timeout"))
}

#[tokio::test]
async fn with_rules_the_errors_of_hyper_util_are_told_apart() {
    let late = async |host: String, client: BoxCloneSyncService<_, _, _>, patience, expected| {
        let memory = InMemory::new();
        let layers = ServiceBuilder::new().layer(with_rules(&memory));
        let client = layers.layer(TimeoutLayer::new(patience)).service(client);
        let run = read(client, get(format!("http://{host}/")));
        check(&format!("CLIENT GET [error {expected}]"), run, &memory).await;
    };
    let traced =
        async |host, client, expected: &'static str| late(host, client, AMPLE, expected).await;
    let resolving = HttpConnector::new_with_resolver(service_fn(async |name: Name| {
        let found: Result<std::vec::IntoIter<SocketAddr>, _> = Err(NoAddress);
        drop(name);
        found
    }));
    let unresolved = BoxCloneSyncService::new(built(resolving));
    traced("unknown.invalid".to_owned(), unresolved, "dns").await;
    let plain = || BoxCloneSyncService::new(hyper());
    traced(nobody().await.to_string(), plain(), "connect").await;
    for (kind, expected) in [
        (io::ErrorKind::InvalidData, "tls"),
        (io::ErrorKind::TimedOut, "timeout"),
        (io::ErrorKind::UnexpectedEof, "connect"),
    ] {
        // As tokio-rustls and hyper-rustls say it.
        let failing = service_fn(move |_: http::Uri| {
            let handshake = io::Error::other(io::Error::new(kind, "a handshake"));
            std::future::ready(Err::<TokioIo<TcpStream>, _>(handshake))
        });
        let client = BoxCloneSyncService::new(built(failing));
        traced("server.example".to_owned(), client, expected).await;
    }
    let garbage = serve_bytes("this is not HTTP\r\n\r\n", true).await;
    traced(garbage.to_string(), plain(), "request").await;
    let broken = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntext";
    let broken = serve_bytes(broken, true).await;
    traced(broken.to_string(), plain(), "body").await;
    let silent = serve_bytes("", false).await;
    let short = Duration::from_millis(20);
    late(silent.to_string(), plain(), short, "timeout").await;
}

#[tokio::test]
async fn each_hop_of_a_redirect_has_a_span() {
    let memory = InMemory::new();
    let server = serve_redirects().await;
    let other = format!("/to/{}/ok", serve_statuses().await);
    for (path, expected) in [
        ("/same", &["302 - -", "200 - 1"][..]),
        // Extensions stay behind.
        (&other, &["302 - -", "200 - -"]),
        ("/circle", &["302 - -", "302 - 1", "302 - 2", "302 - 3"]),
    ] {
        let policy = Limited::new(3).and::<_, (), ()>(FilterCredentials::new());
        let following = ServiceBuilder::new()
            .layer(FollowRedirectLayer::with_policy(policy))
            .service(client(&memory));
        let mut request = get(format!("http://{server}{path}"));
        request.extensions_mut().insert(Resends::default());
        let template = UrlTemplate::new("/{path}");
        request.extensions_mut().insert(template);
        read(following, request).await;
        let spans = memory.take_spans();
        let text = |value: Option<&Value>| value.map_or("-".to_owned(), ToString::to_string);
        let keys = [
            "http.response.status_code",
            "error.type",
            "http.request.resend_count",
        ];
        let line = |span: &SpanRecord| keys.map(|key| text(span.attribute(key))).join(" ");
        assert_eq!(
            spans.iter().map(line).collect::<Vec<_>>(),
            expected,
            "{path}"
        );
        let is_other =
            |span: &SpanRecord| span.attribute("server.port") != spans[0].attribute("server.port");
        for span in &spans {
            let template = span.attribute("url.template");
            assert_eq!(template.is_none(), is_other(span), "{path}");
        }
    }
    assert_eq!(
        metric(&memory, DURATION)
            .points
            .iter()
            .filter_map(|point| point.count)
            .sum::<u64>(),
        8
    );
}

#[tokio::test]
async fn no_secret_follows_a_redirect_to_another_host() {
    let foreign = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&foreign);
    let answer = any(async move |headers: HeaderMap| {
        seen.lock().unwrap().push(headers);
    });
    let foreign_server = serve(Router::new().fallback(answer)).await;
    let memory = InMemory::new();
    let traced = layer(&memory)
        .propagate_to(["127.0.0.1"])
        .capture_request_headers([AUTHORIZATION, COOKIE])
        .layer(hyper());
    let following = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(traced);
    let server = serve_redirects().await;
    let to = format!("localhost:{}", foreign_server.port());
    let mut request = get(format!(
        "http://planted:planted@{server}/to/{to}/?sig=planted"
    ));
    for name in [AUTHORIZATION, COOKIE] {
        request
            .headers_mut()
            .insert(name, "planted".parse().unwrap());
    }
    let context = Context::new().with_baggage([KeyValue::new("user", "planted")]);
    read(following, request).with_context(context).await;
    let spans = memory.spans();
    assert_eq!(spans.len(), 2);
    let recorded = format!("{spans:?} {:?}", memory.metrics());
    assert!(!recorded.contains("planted") && recorded.contains("request.header.cookie"));
    let received = foreign.lock().unwrap();
    let [headers] = &received[..] else {
        panic!("{received:?}")
    };
    assert!(!format!("{headers:?}").contains("planted"), "{headers:?}");
    for name in ["traceparent", "baggage"] {
        assert!(!headers.contains_key(name), "{headers:?}");
    }
}

/// Redirects `/same` to `/ok`, `/circle` to itself, and `/to/HOST/path` to that host.
async fn serve_redirects() -> SocketAddr {
    let answer = any(async |uri: http::Uri| {
        let location = match uri.path() {
            "/same" => "/ok".to_owned(),
            "/circle" => "/circle".to_owned(),
            path => match path.strip_prefix("/to/") {
                Some(to) => format!("http://{to}"),
                None => return StatusCode::OK.into_response(),
            },
        };
        (StatusCode::FOUND, [("location", location)]).into_response()
    });
    serve(Router::new().fallback(answer)).await
}

#[tokio::test]
async fn without_rules_errors_have_their_type() {
    let memory = InMemory::new();
    let url = format!("http://{}/", nobody().await);
    read(layer(&memory).layer(hyper()), get(&url)).await;
    assert_recorded_once(
        &memory,
        "CLIENT GET [error hyper_util::client::legacy::client::Error]",
    );
    // A boxed error can be looked into.
    let memory = InMemory::new();
    let boxed = hyper().map_err(BoxError::from);
    read(layer(&memory).layer(boxed), get(&url)).await;
    assert_recorded_once(&memory, "CLIENT GET [error connect]");
}

/// Sends a request again while the response is an error.
#[derive(Clone)]
struct Again;

impl<B, E> Policy<Request<Empty<Bytes>>, Response<B>, E> for Again {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Empty<Bytes>>,
        result: &mut Result<Response<B>, E>,
    ) -> Option<Self::Future> {
        let failed = !matches!(result, Ok(response) if response.status().is_success());
        failed.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Empty<Bytes>>) -> Option<Request<Empty<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn each_try_has_a_span_that_says_how_often_it_was_sent_before() {
    let tries = Arc::new(AtomicU32::new(0));
    let answer = any(async move || match tries.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    });
    let server = serve(Router::new().fallback(answer)).await;
    let memory = InMemory::new();
    let retrying = ServiceBuilder::new().retry(Again).service(client(&memory));
    let mut request = get(format!("http://{server}/"));
    request.extensions_mut().insert(Resends::default());
    read(retrying, request).await;
    let recorded: Vec<_> = (memory.spans().iter())
        .map(|span| {
            let count = span.attribute("http.request.resend_count").cloned();
            (count, span.error_type().map(str::to_owned))
        })
        .collect();
    let unavailable = || Some("503".to_owned());
    let expected = [
        (None, unavailable()),
        (Some(Value::I64(1)), unavailable()),
        (Some(Value::I64(2)), None),
    ];
    assert_eq!(recorded, expected);
}
