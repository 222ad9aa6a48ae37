//! Secrets are planted wherever a call has room for one, and looked for in all that is recorded and in all that a foreign
//! server receives.

use http::HeaderName;
use reqwest_middleware::ClientWithMiddleware;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::FutureExt;
use throughline_testing::opentelemetry::{Context, KeyValue};

use crate::support::{nobody, plain, raw, serve_bytes, serve_recording, tracing};

/// In each secret, and in nothing else.
const MARK: &str = "planted";

const NAMES: [HeaderName; 7] = [
    http::header::AUTHORIZATION,
    http::header::PROXY_AUTHORIZATION,
    http::header::COOKIE,
    http::header::SET_COOKIE,
    HeaderName::from_static("x-api-key"),
    http::header::USER_AGENT,
    HeaderName::from_static("x-tenant"),
];

/// A client that records all that it can: every secret header is on its lists, and everything is opted in.
fn client(memory: &InMemory, by_us: bool) -> ClientWithMiddleware {
    let tracing = tracing(memory)
        .capture_request_headers(NAMES)
        .capture_response_headers(NAMES)
        .sensitive_query_keys(["token"])
        .url_scheme()
        .user_agent()
        .peer_address()
        .body_sizes()
        .active_requests();
    if by_us {
        let client = reqwest::Client::builder().no_proxy();
        let builder = throughline_reqwest::builder(client).tracing(tracing);
        // The whole previous URL is a referer, as reqwest makes it.
        builder
            .propagate_to(["127.0.0.1"])
            .referer(false)
            .build()
            .unwrap()
    } else {
        reqwest_middleware::ClientBuilder::new(plain())
            .with(tracing)
            .build()
    }
}

/// A path and query full of secrets.
fn query() -> String {
    let keys = [
        "sig",
        "Signature",
        "AWSAccessKeyId",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "token",
    ];
    let query: Vec<_> = keys
        .iter()
        .map(|key| format!("{key}={MARK}-{key}"))
        .collect();
    format!("/path?{}&q=1", query.join("&"))
}

/// Calls `host` with a secret in every place.
async fn call(client: &ClientWithMiddleware, host: &str) {
    let url = format!("http://{MARK}-user:{MARK}-password@{host}{}", query());
    let mut request = client.post(url).body(format!("{MARK}-body"));
    for name in NAMES
        .iter()
        .filter(|name| *name != "x-tenant" && *name != "user-agent")
    {
        request = request.header(name, format!("{MARK}-{name}"));
    }
    let request = request
        .header("x-tenant", "acme")
        .header("user-agent", "shop/1.0");
    let context = Context::new().with_baggage([KeyValue::new("user", format!("{MARK}-baggage"))]);
    if let Ok(response) = request.send().with_context(context).await {
        let _ = response.text().await;
    }
}

/// Asserts that no secret was recorded, but all that is none was.
#[track_caller]
fn assert_clean(memory: &InMemory, spans: usize) {
    let recorded = format!("{:?} {:?}", memory.spans(), memory.metrics());
    let around = recorded
        .find(MARK)
        .map(|at| &recorded[at.saturating_sub(200)..at + 40]);
    assert_eq!(around, None);
    assert_eq!(memory.spans().len(), spans);
    for expected in [
        "REDACTED",
        "acme",
        "shop/1.0",
        "q=1",
        "http.request.header.authorization",
    ] {
        assert!(
            recorded.contains(expected),
            "{expected} is not in {recorded}"
        );
    }
}

#[tokio::test]
async fn no_secret_is_recorded_whatever_the_end() {
    let answer = |_: &str| raw(200, &format!("set-cookie: {MARK}\r\nx-api-key: {MARK}\r\n"));
    let (ok, received) = serve_recording(answer).await;
    for by_us in [false, true] {
        let garbage = format!("{MARK}\r\n\r\n");
        let garbage = serve_bytes(String::leak(garbage)).await;
        let broken = format!("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{MARK}");
        let broken = serve_bytes(String::leak(broken)).await;
        for host in [
            ok.to_string(),
            nobody().await.to_string(),
            garbage.to_string(),
            broken.to_string(),
            "unknown.invalid".to_owned(),
        ] {
            let memory = InMemory::new();
            call(&client(&memory, by_us), &host).await;
            assert_clean(&memory, 1);
        }
        // They were there to be found.
        let received = received.take().concat();
        for secret in [
            "user=planted-baggage",
            "planted-authorization",
            "sig=planted-sig",
        ] {
            assert!(received.contains(secret), "{secret}: {received}");
        }
    }
}

#[tokio::test]
async fn no_secret_follows_a_redirect_to_another_host() {
    let (foreign, received) = serve_recording(|_| raw(200, "")).await;
    for status in [301, 302, 303, 307, 308] {
        // The name of the foreign host is another one than that which the client was told to call.
        let location = format!(
            "location: http://localhost:{}/?sig={MARK}-target\r\n",
            foreign.port()
        );
        let (first, _) = serve_recording(move |_| raw(status, &location)).await;
        let memory = InMemory::new();
        call(&client(&memory, true), &first.to_string()).await;
        assert_clean(&memory, 2);
        let requests = received.take();
        let [request] = &requests[..] else {
            panic!("{status}: {requests:#?}")
        };
        // What the redirect itself named, the body that it asks for again, and a header that only its owner knows to be a
        // secret.
        let expected = [
            "sig=planted-target",
            "planted-body",
            "x-api-key: planted-x-api-key",
        ];
        let rest = expected
            .iter()
            .fold(request.clone(), |rest, text| rest.replace(text, ""));
        let rest = rest.replace("set-cookie: planted-set-cookie", "");
        assert!(!rest.contains(MARK), "{status}: {rest}");
        for name in ["traceparent", "tracestate", "baggage", "referer"] {
            assert!(!rest.contains(name), "{status}: {rest}");
        }
    }
}
