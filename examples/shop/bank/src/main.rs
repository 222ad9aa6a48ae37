//! A bank that knows nothing of tracing: a plain axum service, as there is one behind every shop.
//!
//! It declines card `declined`, fails for card `broken` and takes a second for card `slow`. `LISTEN` is the address to
//! serve on; default: `127.0.0.1:3003`. Each request prints a line with the `traceparent` that came with it.

use std::env;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

#[derive(Deserialize)]
struct Charge {
    card: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let router = Router::new().route("/charge", post(charge));
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3003".to_owned());
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?.to_string();
    println!(
        "{}",
        serde_json::json!({ "message": "listening", "fields": { "address": address } })
    );
    axum::serve(listener, router).await?;
    Ok(())
}

async fn charge(headers: HeaderMap, Json(charge): Json<Charge>) -> StatusCode {
    let traceparent = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    println!(
        "{}",
        serde_json::json!({ "message": "charge", "traceparent": traceparent })
    );
    match charge.card.as_str() {
        "declined" => StatusCode::PAYMENT_REQUIRED,
        "broken" => StatusCode::INTERNAL_SERVER_ERROR,
        "slow" => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            StatusCode::OK
        }
        _ => StatusCode::OK,
    }
}
