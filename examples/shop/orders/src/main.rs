//! The orders service: reserves the goods, has them paid, and books the order.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `LISTEN` | the address to serve on | `127.0.0.1:3001` |
//! | `PAYMENTS_URL` | the payments service | `http://127.0.0.1:3002` |
//! | `DATABASE_URL` | the database, of SQLite or PostgreSQL | `sqlite::memory:` |
//!
//! And all of throughline's: `OTEL_*`, `RUST_LOG`.

mod store;

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
use uuid::Uuid;

use crate::store::Store;

#[derive(Clone)]
struct App {
    http: ClientWithMiddleware,
    payments_url: String,
    store: Store,
}

#[derive(Deserialize)]
struct NewOrder {
    customer: String,
    item: String,
    cents: u32,
    card: String,
}

#[derive(Serialize)]
struct Order {
    id: String,
    item: String,
}

fn main() -> anyhow::Result<()> {
    let telemetry = throughline::builder()
        .service_name("orders")
        .service_version(env!("CARGO_PKG_VERSION"))
        .init()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(serve());
    runtime.shutdown_timeout(Duration::from_secs(1));
    match telemetry.shutdown_blocking() {
        Ok(report) => eprintln!("orders: {report}"),
        Err(error) => eprintln!("orders: {error}"),
    }
    served
}

/// Serves until the process is asked to stop.
async fn serve() -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let store = Store::open(&variable("DATABASE_URL", "sqlite::memory:")).await?;
    let app = App {
        http: throughline_reqwest::traced(client),
        payments_url: variable("PAYMENTS_URL", "http://127.0.0.1:3002"),
        store: store.clone(),
    };
    let router = Router::new()
        .route("/orders", post(create))
        .layer(ServerLayer::new())
        .route("/health", get(|| async { "ok" }))
        .with_state(app);

    let listener = TcpListener::bind(variable("LISTEN", "127.0.0.1:3001")).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server =
        axum::serve(listener, router).with_graceful_shutdown(throughline::shutdown_signal());
    tokio::select! {
        served = server.into_future() => {
            served?;
            store.close().await;
        }
        () = throughline::shutdown_deadline(Duration::from_secs(10)) => {}
    }
    Ok(())
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn create(
    State(app): State<App>,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), OrderError> {
    let id = reserve_stock(&app.store, &order).await?;
    if let Err(error) = pay(&app, &order).await {
        app.store.release(id).await?;
        return Err(error);
    }
    app.store.book(id).await?;
    let (id, item) = (id.to_string(), order.item);
    tracing::info!(id, item, "order booked");
    Ok((StatusCode::CREATED, Json(Order { id, item })))
}

/// A span of its own by `#[instrument]`, under the SERVER span and above those of the queries; its fields are attributes.
#[tracing::instrument(skip_all, fields(user.id = order.customer))]
async fn reserve_stock(store: &Store, order: &NewOrder) -> Result<Uuid, OrderError> {
    let id = store.reserve(order).await?.ok_or(OrderError::SoldOut)?;
    tracing::info!(item = order.item, "stock reserved");
    Ok(id)
}

async fn pay(app: &App, order: &NewOrder) -> Result<(), OrderError> {
    let payment = serde_json::json!({ "cents": order.cents, "card": order.card });
    let request = app.http.post(format!("{}/payments", app.payments_url));
    let response = request.json(&payment).send().await?;
    match response.status() {
        StatusCode::OK => Ok(()),
        StatusCode::PAYMENT_REQUIRED => Err(OrderError::Declined),
        status => Err(OrderError::Payments(status)),
    }
}

/// Why an order was not booked.
enum OrderError {
    SoldOut,
    Declined,
    Payments(StatusCode),
    Unreachable(reqwest_middleware::Error),
    Database(sqlx::Error),
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        match self {
            Self::SoldOut => {
                tracing::warn!("sold out");
                StatusCode::CONFLICT.into_response()
            }
            Self::Declined => {
                tracing::warn!("payment declined, stock released");
                StatusCode::PAYMENT_REQUIRED.into_response()
            }
            Self::Payments(status) => {
                tracing::error!(status = status.as_u16(), "payments failed, stock released");
                StatusCode::BAD_GATEWAY.into_response()
            }
            Self::Unreachable(error) => {
                tracing::error!(error = %error.without_url(), "payments is not there, stock released");
                StatusCode::BAD_GATEWAY.into_response()
            }
            Self::Database(error) => {
                tracing::error!(%error, "the database failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl From<reqwest_middleware::Error> for OrderError {
    fn from(error: reqwest_middleware::Error) -> Self {
        Self::Unreachable(error)
    }
}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
