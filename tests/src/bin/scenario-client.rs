//! A client for tests from outside: it makes the calls that `scenario-server` answers, each in a trace of its own.
//!
//! They go to the server whose URL is in `MOCK_SERVER_URL`. What came of each is a line on standard output: the method,
//! the path, and the status or `failed`. None of it is a failure of this process. It exports as the standard `OTEL_*`
//! variables say, delivers its telemetry, says on standard error what became of it, and exits.

use std::env;

use anyhow::Context;
use reqwest::header::{CONNECTION, UPGRADE};
use reqwest::{Method, StatusCode};
use reqwest_middleware::{ClientWithMiddleware, RequestBuilder, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let telemetry = throughline::init()?;
    let server = env::var("MOCK_SERVER_URL").context("MOCK_SERVER_URL names no server")?;
    let client = throughline_reqwest::traced(reqwest::Client::new());
    for (method, path) in [
        ("GET", "/health"),
        ("GET", "/users/7"),
        ("POST", "/items"),
        ("GET", "/status/404"),
        ("GET", "/status/503"),
        ("GET", "/stream"),
        ("GET", "/upgrade"),
        ("GET", "/panic"),
    ] {
        let url = format!("{}{path}", server.trim_end_matches('/'));
        match call(&client, method, &url).await {
            Ok(status) => println!("{method} {path} {}", status.as_u16()),
            Err(_) => println!("{method} {path} failed"),
        }
    }
    match telemetry.shutdown().await {
        Ok(report) => eprintln!("{report}"),
        Err(error) => eprintln!("{error}"),
    }
    Ok(())
}

/// Makes a call and takes all of its response.
async fn call(client: &ClientWithMiddleware, method: &str, url: &str) -> Result<StatusCode> {
    let request = match method {
        "POST" => client.request(Method::POST, url).body("a book"),
        _ => client.request(Method::GET, url),
    };
    if url.ends_with("/upgrade") {
        return upgrade(request).await;
    }
    let response = request.send().await?;
    let status = response.status();
    response.bytes().await?;
    Ok(status)
}

/// Upgrades the connection, where the server wants to, and says something over it.
async fn upgrade(request: RequestBuilder) -> Result<StatusCode> {
    let request = request
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "echo");
    let response = request.send().await?;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let mut connection = response.upgrade().await?;
        let said = async {
            connection.write_all(b"ping").await?;
            connection.read_exact(&mut [0; 4]).await
        };
        said.await.map_err(anyhow::Error::from)?;
    }
    Ok(status)
}
