//! The payments service: has the customer's bank charge a card.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `LISTEN` | the address to serve on | `127.0.0.1:3002` |
//! | `BANK_URL` | the bank | `http://127.0.0.1:3003` |
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
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;

#[derive(Clone)]
struct App {
    http: ClientWithMiddleware,
    bank_url: String,
}

#[derive(Deserialize, Serialize)]
struct Payment {
    cents: u64,
    card: String,
}

fn main() -> anyhow::Result<()> {
    let telemetry = throughline::builder()
        .service_name("payments")
        .service_version(env!("CARGO_PKG_VERSION"))
        .init()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve());
    runtime.shutdown_timeout(Duration::from_secs(1));
    match telemetry.shutdown_blocking() {
        Ok(report) => eprintln!("payments: {report}"),
        Err(error) => eprintln!("payments: {error}"),
    }
    served
}

/// Serves until the process is asked to stop.
async fn serve() -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .build()?;
    let app = App {
        http: throughline_reqwest::traced(client),
        bank_url: variable("BANK_URL", "http://127.0.0.1:3003"),
    };
    let router = Router::new()
        .route("/payments", post(pay))
        .layer(ServerLayer::new())
        .route("/health", get(|| async { "ok" }))
        .with_state(app);

    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:3002")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server =
        axum::serve(listener, router).with_graceful_shutdown(throughline::shutdown_signal());
    tokio::select! {
        served = server.into_future() => served?,
        () = throughline::shutdown_deadline(Duration::from_secs(10)) => {}
    }
    Ok(())
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn pay(State(app): State<App>, Json(payment): Json<Payment>) -> Result<(), PaymentError> {
    let charged = charge(&app, &payment).await;
    if charged.is_ok() {
        tracing::info!(cents = payment.cents, "charged");
    }
    charged
}

/// The CLIENT span to the bank lies under this function's.
#[tracing::instrument(skip_all)]
async fn charge(app: &App, payment: &Payment) -> Result<(), PaymentError> {
    let request = app.http.post(format!("{}/charge", app.bank_url));
    let response = request.json(payment).send().await;
    match response.map_err(PaymentError::Unreachable)?.status() {
        StatusCode::OK => Ok(()),
        StatusCode::PAYMENT_REQUIRED => Err(PaymentError::Declined),
        status => Err(PaymentError::Bank(status)),
    }
}

/// Why nothing was charged.
enum PaymentError {
    Declined,
    Bank(StatusCode),
    Unreachable(reqwest_middleware::Error),
}

impl IntoResponse for PaymentError {
    fn into_response(self) -> Response {
        match self {
            Self::Declined => {
                tracing::info!("the bank declined");
                StatusCode::PAYMENT_REQUIRED.into_response()
            }
            Self::Bank(status) => {
                tracing::error!(status = status.as_u16(), "the bank failed");
                StatusCode::BAD_GATEWAY.into_response()
            }
            Self::Unreachable(error) => {
                tracing::error!(error = %error.without_url(), "the bank is not there");
                StatusCode::BAD_GATEWAY.into_response()
            }
        }
    }
}
