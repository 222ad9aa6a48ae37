//! The shop's front door: takes a checkout and hands it to the orders service.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `LISTEN` | the address to serve on | `127.0.0.1:3000` |
//! | `ORDERS_URL` | the orders service | `http://127.0.0.1:3001` |
//!
//! And all of throughline's: `OTEL_*`, `RUST_LOG`.

use std::env;
use std::future::IntoFuture;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;

#[derive(Clone)]
struct App {
    http: ClientWithMiddleware,
    orders_url: String,
}

#[derive(Deserialize, Serialize)]
struct Checkout {
    customer: String,
    item: String,
    cents: u64,
    card: String,
}

fn main() -> anyhow::Result<()> {
    // First of all, so that everything after it is seen. The environment may name the service otherwise.
    let telemetry = throughline::builder()
        .service_name("gateway")
        .service_version(env!("CARGO_PKG_VERSION"))
        .init()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve());
    // What is still open is dropped here: its spans end, and are among those delivered below.
    runtime.shutdown_timeout(Duration::from_secs(1));
    // What was lost is worth a line, not an exit code.
    match telemetry.shutdown_blocking() {
        Ok(report) => eprintln!("gateway: {report}"),
        Err(error) => eprintln!("gateway: {error}"),
    }
    served
}

/// Serves until the process is asked to stop.
async fn serve() -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let app = App {
        http: throughline_reqwest::traced(client),
        orders_url: variable("ORDERS_URL", "http://127.0.0.1:3001"),
    };
    let router = Router::new()
        .route("/checkout", post(checkout))
        .layer(ServerLayer::new())
        // Below the layer, so not traced: a probe every second would drown the rest.
        .route("/health", get(|| async { "ok" }))
        .with_state(app);

    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:3000")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server =
        axum::serve(listener, router).with_graceful_shutdown(throughline::shutdown_signal());
    tokio::select! {
        served = server.into_future() => served?,
        // One open stream would hold a graceful stop up for ever.
        () = throughline::shutdown_deadline(Duration::from_secs(10)) => {}
    }
    Ok(())
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn checkout(
    State(app): State<App>,
    Json(checkout): Json<Checkout>,
) -> Result<Json<serde_json::Value>, CheckoutError> {
    // An attribute of the SERVER span, which is the current one in a handler.
    let context = Context::current();
    let customer = checkout.customer.clone();
    context
        .span()
        .set_attribute(KeyValue::new("user.id", customer));
    tracing::info!(item = checkout.item, cents = checkout.cents, "checkout");

    let request = app.http.post(format!("{}/orders", app.orders_url));
    let response = request.json(&checkout).send().await?;
    match response.status() {
        StatusCode::CREATED => Ok(Json(response.json().await?)),
        StatusCode::PAYMENT_REQUIRED => Err(CheckoutError::Declined),
        StatusCode::CONFLICT => Err(CheckoutError::SoldOut),
        status => Err(CheckoutError::Orders(status)),
    }
}

/// Why there is no order, as the shop's customers see it.
enum CheckoutError {
    Declined,
    SoldOut,
    Orders(StatusCode),
    Unreachable(reqwest_middleware::Error),
}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Declined => (StatusCode::PAYMENT_REQUIRED, "the card was declined"),
            Self::SoldOut => (StatusCode::CONFLICT, "sold out"),
            Self::Orders(status) => {
                tracing::error!(status = status.as_u16(), "the orders service failed");
                (StatusCode::BAD_GATEWAY, "try again later")
            }
            Self::Unreachable(error) => {
                // Without the URL, which may hold what no log should.
                tracing::error!(error = %error.without_url(), "the orders service is not there");
                (StatusCode::BAD_GATEWAY, "try again later")
            }
        };
        (status, Json(serde_json::json!({ "error": message }))).into_response()
    }
}

impl From<reqwest_middleware::Error> for CheckoutError {
    fn from(error: reqwest_middleware::Error) -> Self {
        Self::Unreachable(error)
    }
}

impl From<reqwest::Error> for CheckoutError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.into())
    }
}
