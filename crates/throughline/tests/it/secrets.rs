//! Secrets are planted wherever a request has room for one, and looked for in all that a collector got and in the log.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use throughline_reqwest::reqwest;
use throughline_testing::Collector;
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;

use crate::app;
use crate::process;

/// In each secret, and in nothing else.
const MARK: &str = "planted";

const HEADERS: &str =
    "authorization,proxy-authorization,cookie,set-cookie,x-api-key,referer,location,x-tenant";

const KEYS: [&str; 8] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
    "token",
];

fn target(path: &str) -> String {
    let query = KEYS.map(|key| format!("{key}={MARK}"));
    format!("{path}?{}&q=1", query.join("&"))
}

fn secrets() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let values = [
        ("authorization", format!("Bearer {MARK}")),
        ("proxy-authorization", format!("Basic {MARK}")),
        ("cookie", format!("session={MARK}")),
        ("set-cookie", format!("session={MARK}")),
        ("x-api-key", MARK.to_owned()),
        ("referer", format!("https://u:{MARK}@host{}", target("/"))),
        ("location", target("/next")),
        ("baggage", format!("user={MARK}")),
        ("x-tenant", "acme".to_owned()),
    ];
    for (name, value) in values {
        headers.insert(name, HeaderValue::try_from(value).unwrap());
    }
    headers
}

/// Calls the other route, with all that it was called with and a password of its own.
async fn call(State(host): State<String>, body: String) -> impl IntoResponse {
    let client = throughline_reqwest::traced(reqwest::Client::new());
    let url = format!("http://{MARK}:{MARK}@{host}{}", target("/leaf"));
    let called = client.post(url).headers(secrets()).body(body);
    let answer = called.send().await.unwrap();
    let status = match answer.text().await.unwrap() {
        text if text == MARK => StatusCode::BAD_GATEWAY,
        _ => StatusCode::OK,
    };
    (status, secrets(), MARK)
}

async fn leaf() -> impl IntoResponse {
    (secrets(), MARK)
}

async fn panics() -> StatusCode {
    panic!("{MARK}")
}

fn requests_full_of_secrets() {
    app::on_multi_thread(async {
        let telemetry = app::init();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = Router::new()
            .route("/call", post(call))
            .route("/leaf", post(leaf))
            .route("/panics", get(panics))
            .with_state(host.clone())
            .layer(ServerLayer::new());
        tokio::spawn(axum::serve(listener, router).into_future());
        let client = reqwest::Client::new();
        let post = client.post(format!("http://{host}{}", target("/call")));
        let answer = post.headers(secrets()).body(MARK);
        assert_eq!(
            answer.send().await.unwrap().status(),
            StatusCode::BAD_GATEWAY
        );
        for path in ["/panics", "/nowhere"] {
            let get = client.get(format!("http://{host}{}", target(path)));
            // The connection of the panic ends without an answer.
            let _ = get.headers(secrets()).send().await;
        }
        telemetry.shutdown().await.unwrap();
    });
}

#[test]
fn no_secret_is_in_any_exported_byte() {
    let Some(process) = process::of(no_secret_is_in_any_exported_byte, requests_full_of_secrets)
    else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let mut process = (process.exporting_to(&collector))
        .variable(
            "OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS",
            "token",
        )
        .variable("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
        .variable("RUST_LOG", "info,throughline=debug");
    for side in ["SERVER", "CLIENT"] {
        for message in ["REQUEST", "RESPONSE"] {
            let variable = format!("OTEL_INSTRUMENTATION_HTTP_{side}_CAPTURE_{message}_HEADERS");
            process = process.variable(&variable, HEADERS);
        }
        let variable = format!("OTEL_RUST_INSTRUMENTATION_HTTP_{side}_OPT_IN");
        process = process.variable(&variable, "active_requests,body_sizes");
    }
    process.run();
    assert_eq!(collector.spans().len(), 5);
    let exported = collector.otlp_json();
    let around = (exported.find(MARK)).map(|at| &exported[at.saturating_sub(300)..at + 40]);
    assert_eq!(around, None);
    // All that is none was recorded, beside what took the place of the secrets.
    for expected in [
        "http.request.header.authorization",
        "http.response.header.set_cookie",
        "http.server.active_requests",
        "http.client.request.body.size",
        "https://REDACTED:REDACTED@host/?AWSAccessKeyId=REDACTED",
        "/next?AWSAccessKeyId=REDACTED",
        "token=REDACTED&q=1",
        "acme",
    ] {
        assert!(exported.contains(expected), "{expected}: {exported}");
    }
}
