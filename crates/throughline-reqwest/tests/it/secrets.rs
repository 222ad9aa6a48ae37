//! Secrets are planted wherever a call has room for one, and looked for in all that is recorded and in all that a foreign
//! server receives.

use http::{HeaderMap, HeaderName};
use reqwest_middleware::ClientWithMiddleware;
use throughline_reqwest::{Builder, TracingMiddleware};
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

/// A client that records all that it can.
fn client(memory: &InMemory, by_us: bool) -> ClientWithMiddleware {
    if by_us {
        let builder = builder(memory, reqwest::Client::builder());
        builder.build().unwrap()
    } else {
        let client = reqwest_middleware::ClientBuilder::new(plain());
        client.with(recording(memory)).build()
    }
}

/// A client that follows redirects itself, over `client`.
fn builder(memory: &InMemory, client: reqwest::ClientBuilder) -> Builder {
    let builder = throughline_reqwest::builder(client.no_proxy());
    let builder = builder.tracing(recording(memory));
    builder.propagate_to(["127.0.0.1"])
}

/// Every secret header is on its lists, and everything is opted in.
fn recording(memory: &InMemory) -> TracingMiddleware {
    tracing(memory)
        .capture_request_headers(NAMES)
        .capture_response_headers(NAMES)
        .sensitive_query_keys(["token"])
        .url_scheme()
        .user_agent()
        .body_sizes()
        .active_requests()
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
    for name in NAMES.iter().filter(|name| is_secret(name)) {
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

/// The same, but for what the client adds itself.
async fn call_plainly(client: &ClientWithMiddleware, host: &str) {
    let url = format!("http://{MARK}-user:{MARK}-password@{host}{}", query());
    client.post(url).send().await.unwrap();
}

fn is_secret(name: &HeaderName) -> bool {
    name != "x-tenant" && name != "user-agent"
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

/// Headers that a client may add by default: secrets, and what a context is written into.
fn defaults() -> HeaderMap {
    let names = NAMES
        .into_iter()
        .filter(|name| is_secret(name) && *name != "x-api-key");
    let context = ["traceparent", "tracestate", "baggage"].map(HeaderName::from_static);
    let headers = names.chain(context);
    headers
        .map(|name| (name.clone(), format!("{MARK}-{name}").parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn no_secret_follows_a_redirect_to_another_host() {
    type Configure = fn(&InMemory) -> Builder;
    let clients: [(Configure, bool, &[&str]); 3] = [
        (
            |memory| builder(memory, reqwest::Client::builder()),
            false,
            &[],
        ),
        (
            |memory| builder(memory, reqwest::Client::builder()).default_headers(defaults()),
            true,
            &[],
        ),
        (
            |memory| {
                builder(
                    memory,
                    reqwest::Client::builder().default_headers(defaults()),
                )
            },
            true,
            // They are there, but empty.
            &["traceparent: \r\n", "tracestate: \r\n", "baggage: \r\n"],
        ),
    ];
    let (foreign, received) = serve_recording(|_| raw(200, "")).await;
    for (configure, by_default, empty) in clients {
        for status in [301, 302, 303, 307, 308] {
            // The name of the foreign host is another one than that which the client was told to call.
            let location = format!(
                "location: http://localhost:{}/?sig={MARK}-target\r\n",
                foreign.port()
            );
            let (first, _) = serve_recording(move |_| raw(status, &location)).await;
            let memory = InMemory::new();
            let client = configure(&memory).build().unwrap();
            if by_default {
                call_plainly(&client, &first.to_string()).await;
            } else {
                call(&client, &first.to_string()).await;
                assert_clean(&memory, 2);
            }
            let requests = received.take();
            let [request] = &requests[..] else {
                panic!("{status}: {requests:#?}")
            };
            // What the redirect itself named, the body that it asks for again, and headers that only their owner knows to
            // be secrets.
            let expected = [
                "sig=planted-target",
                "planted-body",
                "x-api-key: planted-x-api-key",
                "set-cookie: planted-set-cookie",
            ];
            let rest = expected.iter().chain(empty);
            let rest = rest.fold(request.clone(), |rest, text| rest.replace(text, ""));
            assert!(!rest.contains(MARK), "{status}: {rest}");
            for name in ["traceparent", "tracestate", "baggage"] {
                assert!(!rest.contains(name), "{status}: {rest}");
            }
            let referer = format!("referer: http://{first}/\r\n");
            assert!(rest.contains(&referer), "{status}: {rest}");
        }
    }
}
