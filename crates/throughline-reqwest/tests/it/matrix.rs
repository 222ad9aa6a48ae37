//! Every end of a call, over real sockets, with redirects followed by reqwest and by us: its spans, their ends, and as
//! many measurements.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry::trace::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{duration, nobody, raw, serve_recording, tracing};

/// Sends a request again while the service is unavailable.
struct Retry;

#[async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        loop {
            let again = request.try_clone().unwrap();
            let response = next.clone().run(again, extensions).await?;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(response);
            }
        }
    }
}

/// What the caller does with the call.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Reads,
    DropsResponse,
    GivesUp,
}

async fn call(client: &ClientWithMiddleware, url: &str, caller: Caller) {
    let sent = client.get(url).send();
    if caller == Caller::GivesUp {
        let waited = tokio::time::timeout(Duration::from_millis(50), sent).await;
        waited.unwrap_err();
    } else if let Ok(response) = sent.await
        && caller == Caller::Reads
    {
        let _ = response.bytes().await;
    }
}

/// The spans of `memory`, as `status error.type resend_count`, and that the metric counts the same.
#[track_caller]
fn recorded(memory: &InMemory, case: &str) -> Vec<String> {
    let text = |value: Option<&Value>| value.map_or("-".to_owned(), ToString::to_string);
    let mut counts = BTreeMap::new();
    let spans = memory.spans();
    for span in &spans {
        assert_eq!(
            span.status != Status::Unset,
            span.error_type().is_some(),
            "{case}"
        );
        let (status, error) = ("http.response.status_code", "error.type");
        let key = (text(span.attribute(status)), text(span.attribute(error)));
        *counts.entry(key).or_insert(0) += 1;
    }
    let points = duration(memory).points;
    let measured: BTreeMap<_, _> = (points.iter())
        .map(|point| {
            let status = point.attributes.get("http.response.status_code");
            let error = point.attributes.get("error.type");
            ((text(status), text(error)), point.count.unwrap())
        })
        .collect();
    assert_eq!(measured, counts, "{case}");
    let line = |span: &throughline_testing::SpanRecord| {
        let keys = [
            "http.response.status_code",
            "error.type",
            "http.request.resend_count",
        ];
        keys.map(|key| text(span.attribute(key))).join(" ")
    };
    spans.iter().map(line).collect()
}

/// Calls `url` by both kinds of client; expects these spans where reqwest follows redirects, and where we do.
async fn check(case: &str, url: &str, caller: Caller, reqwest: &[&str], ours: &[&str]) {
    let inner = || {
        let client = reqwest::Client::builder().no_proxy();
        client.read_timeout(Duration::from_millis(300))
    };
    for (by_us, expected) in [(false, reqwest), (true, ours)] {
        let memory = InMemory::new();
        let tracing = tracing(&memory);
        let client = if by_us {
            let builder = throughline_reqwest::builder(inner()).tracing(tracing);
            builder.with(Retry).build().unwrap()
        } else {
            let builder = ClientBuilder::new(inner().build().unwrap());
            builder.with(Retry).with(tracing).build()
        };
        call(&client, url, caller).await;
        assert_eq!(recorded(&memory, case), expected, "{case}, by us: {by_us}");
    }
}

#[tokio::test]
async fn every_end_has_its_spans_and_as_many_measurements() {
    let tries = AtomicU32::new(0);
    let (server, _received) = serve_recording(move |path| match path {
        "/404" => raw(404, ""),
        "/500" => raw(500, ""),
        "/redirect" => raw(302, "location: /second\r\n"),
        "/second" => raw(307, "location: /ok\r\n"),
        "/gone" => raw(301, "location: /404\r\n"),
        "/circle" => raw(302, "location: /circle\r\n"),
        "/flaky" if tries.fetch_add(1, Ordering::Relaxed) % 3 < 2 => raw(503, ""),
        "/garbage" => "this is not HTTP\r\n\r\n".to_owned(),
        "/broken" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntext".to_owned(),
        _ => raw(200, ""),
    })
    .await;
    let path = |path: &str| format!("http://{server}{path}");
    let one = async |case, url: String, caller, line: &str| {
        check(case, &url, caller, &[line], &[line]).await;
    };
    use Caller::{DropsResponse, GivesUp, Reads};
    one("ok", path("/"), Reads, "200 - -").await;
    one("404", path("/404"), Reads, "404 404 -").await;
    one("500", path("/500"), Reads, "500 500 -").await;
    one(
        "refused",
        format!("http://{}/", nobody().await),
        Reads,
        "- connect -",
    )
    .await;
    one(
        "no such name",
        "http://unknown.invalid/".to_owned(),
        Reads,
        "- dns -",
    )
    .await;
    one("no HTTP", path("/garbage"), Reads, "- request -").await;
    one("broken body", path("/broken"), Reads, "200 body -").await;
    one("dropped", path("/"), DropsResponse, "200 - -").await;
    let stalled = async |head: &'static str| format!("http://{}/", serve_stalled(head).await);
    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntext";
    one(
        "no response in time",
        stalled("").await,
        Reads,
        "- timeout -",
    )
    .await;
    one(
        "no body in time",
        stalled(HALF).await,
        Reads,
        "200 timeout -",
    )
    .await;
    one(
        "body dropped",
        stalled(HALF).await,
        DropsResponse,
        "200 - -",
    )
    .await;
    one("cancelled", stalled("").await, GivesUp, "- - -").await;

    let hops = ["302 - -", "307 - 1", "200 - 2"];
    check("redirects", &path("/redirect"), Reads, &["200 - -"], &hops).await;
    let hops = ["301 - -", "404 404 1"];
    check("to an error", &path("/gone"), Reads, &["404 404 -"], &hops).await;
    let resent = (1..10).map(|hop| format!("302 - {hop}"));
    let circle: Vec<_> = ["302 - -".to_owned()].into_iter().chain(resent).collect();
    let mut circle: Vec<_> = circle.iter().map(String::as_str).collect();
    circle.push("302 redirect 10");
    check(
        "circle",
        &path("/circle"),
        Reads,
        &["- redirect -"],
        &circle,
    )
    .await;
    let tries = ["503 503 -", "503 503 1", "200 - 2"];
    check("retries", &path("/flaky"), Reads, &tries, &tries).await;
}

/// Answers every request with `head` and then nothing, until nobody waits any more.
async fn serve_stalled(head: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = connection.read(&mut [0; 4096]).await;
                let _ = connection.write_all(head.as_bytes()).await;
                let _ = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await;
            });
        }
    });
    address
}
