//! A server for tests from outside, in whatever language they are written: every kind of exchange that HTTP/1.1 has.
//!
//! | request | response |
//! |---|---|
//! | `GET /health` | 200 |
//! | `GET /users/{id}` | 200, with the id |
//! | `POST /items` | 200, with the body of the request |
//! | `GET /status/{code}` | that status, from 200 to 999; any other code is a 400 |
//! | `GET /stream` | 200, sixteen chunks of 1 KiB |
//! | `GET /upgrade`, with `connection: upgrade` and `upgrade: echo` | 101, then what the client sends; else 426 |
//! | `GET /panic` | none, the handler panics |
//!
//! It listens on the port of loopback that `OTEL_HTTP_SCENARIO_PORT` names, by default a free one, and prints its URL in
//! a line. It exports as the standard `OTEL_*` variables say. When its standard input ends it stops serving, delivers its
//! telemetry, says on standard error what became of it, and exits; a connection that is still in use is closed after three
//! seconds.

use std::convert::Infallible;
use std::env;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// How long connections may stay in use after the end.
const GRACE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = match env::var("OTEL_HTTP_SCENARIO_PORT") {
        Ok(port) => port
            .parse()
            .context("OTEL_HTTP_SCENARIO_PORT is no port number")?,
        Err(_) => 0,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // Before any line of the log.
    println!("http://{}", listener.local_addr()?);
    let telemetry = throughline::init()?;
    let app = Router::new()
        .route("/health", get(async || "ok"))
        .route("/users/{id}", get(async |Path(id): Path<String>| id))
        .route("/items", post(async |items: Bytes| items))
        .route("/status/{code}", get(status))
        .route("/stream", get(stream))
        .route("/upgrade", get(upgrade))
        .route("/panic", get(panic))
        .layer(ServerLayer::new());
    let ended = Arc::new(Notify::new());
    let ends = Arc::clone(&ended);
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        end_of_input().await;
        ends.notify_one();
    });
    tokio::select! {
        served = serving.into_future() => served?,
        () = async { ended.notified().await; tokio::time::sleep(GRACE).await } => {}
    }
    match telemetry.shutdown().await {
        Ok(report) => eprintln!("{report}"),
        Err(error) => eprintln!("{error}"),
    }
    Ok(())
}

/// Waits until whoever started this process has no more to say.
async fn end_of_input() {
    let drained = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    // An input that cannot be read is at its end, too.
    drained.await.ok();
}

async fn status(Path(code): Path<u16>) -> StatusCode {
    let status = StatusCode::from_u16(code).ok();
    status
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::BAD_REQUEST)
}

async fn stream() -> Body {
    let chunks = (0..16).map(|_| Ok::<_, Infallible>([b'x'; 1024].as_slice()));
    Body::from_stream(tokio_stream::iter(chunks))
}

async fn upgrade(mut request: Request) -> Response {
    if request.headers().get(header::UPGRADE).is_none() {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(connection) = upgraded.await {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(connection));
            // Until the client closes the connection, in whatever way.
            tokio::io::copy(&mut from, &mut to).await.ok();
        }
    });
    let headers: [(HeaderName, &str); 2] =
        [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn panic() -> StatusCode {
    panic!("asked for by the request")
}
