//! A small service that calls itself, as an application would be written.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::context::FutureExt;
use opentelemetry::{Context, KeyValue};
use throughline_reqwest::reqwest;
use throughline_reqwest::reqwest_middleware::ClientWithMiddleware;
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;
use tower::ServiceExt;

/// What [`App::serve`] answers `/leaf` with, from its request's headers.
pub(crate) type Headers = serde_json::Map<String, serde_json::Value>;

#[derive(Clone)]
struct Shared {
    client: ClientWithMiddleware,
    base: String,
}

/// The service on a free port.
pub(crate) struct App {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    pub(crate) base: String,
}

impl App {
    /// Everything is built here, before or after `init()`.
    pub(crate) async fn new() -> Self {
        Self::with(ServerLayer::new()).await
    }

    pub(crate) async fn with(layer: ServerLayer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared {
            client: throughline_reqwest::traced(reqwest::Client::new()),
            base: base.clone(),
        };
        let router = Router::new()
            .route("/chain/{id}", get(chain))
            .route("/call", get(call))
            .route("/baggage", get(baggage))
            .route("/logs", get(logs))
            .route("/leaf", get(leaf))
            .route("/stream", get(stream))
            .route("/slow", get(slow))
            .with_state(shared)
            .layer(layer);
        Self {
            listener,
            router,
            base,
        }
    }

    /// Serves in the background; returns where.
    pub(crate) fn serve(self) -> String {
        tokio::spawn(axum::serve(self.listener, self.router).into_future());
        self.base
    }
}

/// A request to a service that runs, by a client that is not traced.
pub(crate) async fn request(url: &str, headers: &[(&str, &str)]) -> Headers {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// So many requests to the leaf, without a socket.
pub(crate) async fn oneshots(router: &Router, count: usize) {
    for _ in 0..count {
        let request = Request::get("/leaf").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        axum::body::to_bytes(response.into_body(), 1000)
            .await
            .unwrap();
    }
}

pub(crate) fn on_current_thread<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}

pub(crate) fn on_multi_thread<F: Future>(future: F) -> F::Output {
    multi_thread(2).block_on(future)
}

pub(crate) fn multi_thread(workers: usize) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    (builder.worker_threads(workers).enable_all().build()).unwrap()
}

/// Enough for a collector that answers, on a busy machine too.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

pub(crate) fn init() -> throughline::Telemetry {
    init_with_timeout(AMPLE)
}

pub(crate) fn init_with_timeout(timeout: Duration) -> throughline::Telemetry {
    throughline::builder()
        .service_name("shop")
        .configure(move |config| config.shutdown_timeout = timeout)
        .init()
        .unwrap()
}

async fn chain(State(shared): State<Shared>) -> String {
    work(&shared).await
}

#[tracing::instrument(skip_all)]
async fn work(shared: &Shared) -> String {
    call_leaf(shared).await
}

async fn call(State(shared): State<Shared>) -> String {
    call_leaf(&shared).await
}

async fn call_leaf(shared: &Shared) -> String {
    let response = shared
        .client
        .get(format!("{}/leaf", shared.base))
        .send()
        .await
        .unwrap();
    response.text().await.unwrap()
}

async fn baggage(State(shared): State<Shared>) -> String {
    let with_baggage = Context::current_with_baggage([KeyValue::new("tenant", "a b")]);
    call_leaf(&shared).with_context(with_baggage).await
}

async fn logs() -> &'static str {
    tracing::info!("in the handler");
    let other = tracing::info_span!("other");
    tracing::info!(parent: &other, "under an explicit parent");
    tracing::info!(parent: None, "under no parent");
    inner().await;
    "{}"
}

#[tracing::instrument]
async fn inner() {
    tracing::info!("in the instrumented function");
    tokio::task::yield_now().await;
    tracing::info!("after an await");
}

/// Answers with the headers that came.
async fn leaf(headers: HeaderMap) -> String {
    let headers: Headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    serde_json::Value::from(headers).to_string()
}

/// Still has some work to do when the service is asked to stop.
async fn slow() -> &'static str {
    // The line says that the signal is being listened for.
    tokio::join!(throughline::shutdown_signal(), async {
        println!("in the slow handler");
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    "done"
}

/// Begins and never ends.
async fn stream() -> Body {
    let chunk = tokio_stream::once(Ok::<_, Infallible>("begun"));
    Body::from_stream(chunk.chain(tokio_stream::pending()))
}
