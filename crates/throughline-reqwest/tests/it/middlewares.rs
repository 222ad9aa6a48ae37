//! Other middlewares around and below, and what reqwest itself does below all of them.

use std::fmt;

use async_trait::async_trait;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next, Result};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::{
    FutureExt, SpanId, TraceContextExt, Tracer, TracerProvider,
};
use throughline_testing::opentelemetry::{Context, Value};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::{
    assert_recorded_once, client, only_span, plain, serve, serve_headers, tracing,
};

/// Tries three times, whatever comes back.
struct Retry;

#[async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        for _ in 0..2 {
            let again = request.try_clone().unwrap();
            let _ = next.clone().run(again, extensions).await;
        }
        next.run(request, extensions).await
    }
}

fn resend_counts(memory: &InMemory) -> Vec<Option<Value>> {
    let count = |span: &throughline_testing::SpanRecord| {
        span.attribute("http.request.resend_count").cloned()
    };
    memory.spans().iter().map(count).collect()
}

#[tokio::test]
async fn each_try_has_a_span_that_says_how_often_it_was_sent_before() {
    let memory = InMemory::new();
    let (seen, mut parents) = unbounded_channel();
    let unavailable = get(async move |headers: HeaderMap| {
        seen.send(headers["traceparent"].clone()).unwrap();
        StatusCode::SERVICE_UNAVAILABLE
    });
    let server = serve(Router::new().route("/", unavailable)).await;
    let client = ClientBuilder::new(plain())
        .with(Retry)
        .with(tracing(&memory))
        .build();
    client
        .get(format!("http://{server}/"))
        .send()
        .await
        .unwrap();
    let counts = [None, Some(Value::I64(1)), Some(Value::I64(2))];
    assert_eq!(resend_counts(&memory), counts);
    for span in memory.take_spans() {
        let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
        assert_eq!(parents.recv().await.unwrap(), parent);
        assert_eq!(span.error_type(), Some("503"));
    }

    // The next request begins anew.
    client
        .get(format!("http://{server}/"))
        .send()
        .await
        .unwrap();
    assert_eq!(resend_counts(&memory), counts);
}

#[tokio::test]
async fn outside_of_a_middleware_that_retries_there_is_one_span() {
    let memory = InMemory::new();
    let server = serve_headers().await;
    let client = ClientBuilder::new(plain())
        .with(tracing(&memory))
        .with(Retry);
    let sent = client.build().get(format!("http://{server}/")).send();
    sent.await.unwrap().bytes().await.unwrap();
    assert_recorded_once(&memory, "CLIENT GET");
    assert_eq!(resend_counts(&memory), [None]);
}

#[tokio::test]
async fn redirects_are_followed_within_one_span_of_the_first_url() {
    let memory = InMemory::new();
    let (seen, mut parents) = unbounded_channel();
    let also = seen.clone();
    let first = get(async move |headers: HeaderMap| {
        seen.send(headers["traceparent"].clone()).unwrap();
        (StatusCode::FOUND, [("location", "/last")])
    });
    let last = get(async move |headers: HeaderMap| {
        also.send(headers["traceparent"].clone()).unwrap();
        "text"
    });
    let app = Router::new().route("/first", first).route("/last", last);
    let server = serve(app).await;
    let sent = client(&memory).get(format!("http://{server}/first")).send();
    let response = sent.await.unwrap();
    assert_eq!(response.url().path(), "/last");
    response.bytes().await.unwrap();
    assert_recorded_once(&memory, "CLIENT GET");
    let span = only_span(&memory);
    let url = format!("http://{server}/first");
    assert_eq!(span.attribute("url.full"), Some(&url.into()));
    let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
    assert_eq!(parents.recv().await.unwrap(), parent);
    assert_eq!(parents.recv().await.unwrap(), parent);
}

#[derive(Debug, PartialEq)]
struct Refused(u32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused with a secret")
    }
}

impl std::error::Error for Refused {}

/// Does what its function does, and calls nobody.
struct Instead(fn() -> Result<Response>);

#[async_trait]
impl Middleware for Instead {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        self.0()
    }
}

#[tokio::test]
async fn the_error_of_a_middleware_is_passed_on_and_its_text_is_not_exported() {
    let memory = InMemory::new();
    let client = ClientBuilder::new(plain())
        .with(tracing(&memory))
        .with(Instead(|| Err(Error::middleware(Refused(7)))));
    let error = client
        .build()
        .get("http://127.0.0.1/")
        .send()
        .await
        .unwrap_err();
    let Error::Middleware(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.downcast_ref(), Some(&Refused(7)));
    assert_recorded_once(&memory, "CLIENT GET [error middleware]");
    assert!(!format!("{:?}", memory.spans()).contains("secret"));
}

#[tokio::test]
async fn a_response_that_a_middleware_made_is_recorded() {
    let memory = InMemory::new();
    let client = ClientBuilder::new(plain())
        .with(tracing(&memory))
        .with(Instead(|| Ok(http::Response::new("from the cache").into())));
    let response = client
        .build()
        .get("http://127.0.0.1/")
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "from the cache");
    assert_recorded_once(&memory, "CLIENT GET");
}

#[tokio::test]
async fn a_panic_goes_on_and_is_an_error() {
    let memory = InMemory::new();
    let client = ClientBuilder::new(plain())
        .with(tracing(&memory))
        .with(Instead(|| panic!("on purpose")));
    let call = tokio::spawn(client.build().get("http://127.0.0.1/").send());
    assert!(call.await.unwrap_err().is_panic());
    assert_recorded_once(&memory, "CLIENT GET [error panic]");
}

/// Sends back the id of the span that is current.
struct Current;

#[async_trait]
impl Middleware for Current {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        tokio::task::yield_now().await;
        let current = Context::current().span().span_context().span_id();
        let mut response = next.run(request, extensions).await?;
        response.extensions_mut().insert(current);
        Ok(response)
    }
}

#[tokio::test]
async fn the_span_is_current_below_and_not_afterwards() {
    let memory = InMemory::new();
    let server = serve_headers().await;
    let tracer = memory.tracer_provider().tracer("application");
    let ambient = Context::new().with_span(tracer.start("ambient"));
    let ambient_id = ambient.span().span_context().span_id();
    let below = ClientBuilder::new(plain())
        .with(tracing(&memory))
        .with(Current);
    let sent = below.build().get(format!("http://{server}/")).send();
    let call = async {
        let response = sent.await.unwrap();
        let current = Context::current().span().span_context().span_id();
        assert_eq!(current, ambient_id);
        response
    };
    let response = call.with_context(ambient.clone()).await;
    let current = response.extensions().get::<SpanId>().copied();
    drop(response);
    let span = only_span(&memory);
    assert_eq!(current, Some(span.span_id));
    assert_eq!(span.parent_span_id, Some(ambient_id));
}
