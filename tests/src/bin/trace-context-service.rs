//! The service that the W3C trace-context harness tests: it calls back what it is told to, with a traced client.
//!
//! `cargo xtask conformance` runs the harness against it. It prints its URL and serves until it is stopped.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;

/// A call to make: a POST of `arguments` to `url`.
#[derive(Deserialize, Serialize)]
struct Call {
    url: String,
    arguments: serde_json::Value,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // Before any line of the log.
    println!("http://{}/test", listener.local_addr()?);
    let telemetry = throughline::init()?;
    let app = Router::new()
        .route("/test", post(call_back))
        .layer(ServerLayer::new())
        .with_state(throughline_reqwest::traced(reqwest::Client::new()));
    axum::serve(listener, app)
        .with_graceful_shutdown(throughline::shutdown_signal())
        .await?;
    match telemetry.shutdown().await {
        Ok(report) => eprintln!("{report}"),
        Err(error) => eprintln!("{error}"),
    }
    Ok(())
}

async fn call_back(
    State(client): State<ClientWithMiddleware>,
    Json(calls): Json<Vec<Call>>,
) -> StatusCode {
    for call in calls {
        if client
            .post(call.url)
            .json(&call.arguments)
            .send()
            .await
            .is_err()
        {
            return StatusCode::BAD_GATEWAY;
        }
    }
    StatusCode::OK
}
