//! W3C Trace Context end to end: a request over a socket, through a service of ours, and what it calls with.
//!
//! The rules one by one are tested in `throughline-core`; here they pass through hyper, axum and reqwest, with every
//! span recorded and with none.

use std::future::IntoFuture;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TRACE: &str = "12345678901234567890123456789012";

/// The service under test, and what it calls.
struct Harness {
    service: Child,
    service_url: String,
    callback_url: String,
    called: mpsc::UnboundedReceiver<HeaderMap>,
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.service.kill().ok();
        self.service.wait().ok();
    }
}

impl Harness {
    async fn start(sampler: &str) -> Self {
        let mut service = Command::new(env!("CARGO_BIN_EXE_trace-context-service"))
            .env("OTEL_TRACES_SAMPLER", sampler)
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_METRICS_EXPORTER", "none")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut service_url = String::new();
        BufReader::new(service.stdout.take().unwrap())
            .read_line(&mut service_url)
            .unwrap();
        let (calls, called) = mpsc::unbounded_channel();
        let app = Router::new().route("/", post(record)).with_state(calls);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let callback_url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        Self {
            service,
            service_url: service_url.trim().to_owned(),
            callback_url,
            called,
        }
    }

    /// Sends a request with `headers` and returns the `traceparent` and `tracestate` of the call that it makes.
    async fn through(&mut self, headers: &[(&str, &str)]) -> (String, Option<String>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client
            .post(&self.service_url)
            .headers(map)
            .json(&json!([{ "url": self.callback_url, "arguments": [] }]))
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success());
        let called = self.called.recv().await.unwrap();
        let all = |name: &str| -> Vec<String> {
            let values = called.get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap().to_owned())
                .collect()
        };
        let parents = all("traceparent");
        assert_eq!(parents.len(), 1, "{parents:?}");
        let states = all("tracestate");
        assert!(states.len() <= 1, "{states:?}");
        (parents[0].clone(), states.into_iter().next())
    }
}

async fn record(State(calls): State<mpsc::UnboundedSender<HeaderMap>>, headers: HeaderMap) {
    calls.send(headers).ok();
}

/// Whether a call went on with the trace of its request, and with which state.
#[derive(Debug, PartialEq)]
enum Expected {
    NewTrace,
    SameTrace(&'static str, Option<&'static str>),
}

async fn check(sampler: &str, kept: &'static str, random: &'static str) {
    let parent = format!("00-{TRACE}-1234567890123456-01");
    let parent_random = format!("00-{TRACE}-1234567890123456-02");
    let future = format!("cc-{TRACE}-1234567890123456-01-more");
    let short = format!("0-{TRACE}-1234567890123456-01");
    let long = format!("00-{TRACE}-1234567890123456-01-more");
    let cases: &[(&[(&str, &str)], Expected)] = &[
        (&[], Expected::NewTrace),
        (&[("traceparent", &parent)], Expected::SameTrace(kept, None)),
        (&[("TraceParent", &parent)], Expected::SameTrace(kept, None)),
        (&[("traceparent", &future)], Expected::SameTrace(kept, None)),
        (
            &[("traceparent", &parent_random)],
            Expected::SameTrace(random, None),
        ),
        (
            &[("traceparent", &parent), ("traceparent", &parent)],
            Expected::NewTrace,
        ),
        (&[("traceparent", &short)], Expected::NewTrace),
        (&[("traceparent", &long)], Expected::NewTrace),
        (&[("tracestate", "foo=1")], Expected::NewTrace),
        (
            &[
                ("traceparent", &parent),
                ("tracestate", "foo=1 , bar=2"),
                ("tracestate", "baz=3"),
            ],
            Expected::SameTrace(kept, Some("foo=1,bar=2,baz=3")),
        ),
        (
            &[("traceparent", &parent), ("tracestate", "foo@@bar=1,z@=2")],
            Expected::SameTrace(kept, Some("foo@@bar=1,z@=2")),
        ),
        (
            &[
                ("traceparent", &parent),
                ("tracestate", "foo=1"),
                ("tracestate", "BAR=2"),
            ],
            Expected::SameTrace(kept, None),
        ),
        (
            &[("traceparent", &parent), ("tracestate", "")],
            Expected::SameTrace(kept, None),
        ),
    ];
    let mut harness = Harness::start(sampler).await;
    for (headers, expected) in cases {
        let (traceparent, state) = harness.through(headers).await;
        let fields: Vec<_> = traceparent.split('-').collect();
        let [version, trace_id, span_id, flags] = fields[..] else {
            panic!("{traceparent:?}");
        };
        assert_eq!(version, "00");
        assert_ne!(span_id, "1234567890123456", "{headers:?}");
        match expected {
            Expected::NewTrace => {
                assert_ne!(trace_id, TRACE, "{headers:?}");
                assert_eq!(state, None, "{headers:?}");
            }
            Expected::SameTrace(expected_flags, expected_state) => {
                assert_eq!(trace_id, TRACE, "{headers:?}");
                assert_eq!(flags, *expected_flags, "{headers:?}");
                assert_eq!(state.as_deref(), *expected_state, "{headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_rule_holds_with_every_span_recorded() {
    check("always_on", "01", "03").await;
}

#[tokio::test]
async fn every_rule_holds_with_no_span_recorded() {
    check("always_off", "00", "02").await;
}
