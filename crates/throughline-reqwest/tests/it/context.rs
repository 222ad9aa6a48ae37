//! Which context a call belongs to, and what it sends.

use reqwest_middleware::ClientWithMiddleware;
use throughline_reqwest::TracingMiddleware;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::{
    FutureExt, SpanContext, SpanKind, TraceContextExt, TraceFlags, Tracer, TracerProvider,
};
use throughline_testing::opentelemetry::{Context, KeyValue};
use throughline_testing::opentelemetry_sdk::trace::Sampler;

use crate::support::{Headers, client, only_span, serve_headers, with};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The context of a request that came in with these flags.
fn remote(flags: u8) -> Context {
    let span = SpanContext::new(
        u128::from_str_radix(TRACE, 16).unwrap().into(),
        u64::from_str_radix(CALLER, 16).unwrap().into(),
        TraceFlags::new(flags),
        true,
        "vendor=value,other=1".parse().unwrap(),
    );
    let context = Context::new().with_remote_span_context(span);
    context.with_baggage([KeyValue::new("tenant", "acme")])
}

/// Makes a call in `context`; returns what the server saw.
async fn call(client: &ClientWithMiddleware, context: Context) -> Headers {
    let server = serve_headers().await;
    let sent = client.get(format!("http://{server}/")).send();
    let response = sent.with_context(context).await.unwrap();
    response.json().await.unwrap()
}

#[tokio::test]
async fn the_context_of_the_span_is_sent() {
    let memory = InMemory::new();
    let seen = call(&client(&memory), Context::new()).await;
    let span = only_span(&memory);
    assert_eq!(span.parent_span_id, None);
    let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
    assert_eq!(seen["traceparent"], [parent]);
    assert!(!seen.contains_key("tracestate") && !seen.contains_key("baggage"));
}

#[tokio::test]
async fn a_remote_parent_is_continued_with_its_state_and_baggage() {
    let memory = InMemory::new();
    let seen = call(&client(&memory), remote(1)).await;
    let span = only_span(&memory);
    assert_eq!(span.trace_id.to_string(), TRACE);
    assert_eq!(span.parent_span_id.unwrap().to_string(), CALLER);
    assert_eq!(
        seen["traceparent"],
        [format!("00-{TRACE}-{}-01", span.span_id)]
    );
    assert_eq!(seen["tracestate"], ["vendor=value,other=1"]);
    assert_eq!(seen["baggage"], ["tenant=acme"]);
}

#[tokio::test]
async fn a_call_within_a_server_span_is_its_child() {
    let memory = InMemory::new();
    let tracer = memory.tracer_provider().tracer("server");
    let server = tracer
        .span_builder("GET /orders")
        .with_kind(SpanKind::Server);
    let context = Context::new().with_span(server.start(&tracer));
    let client = client(&memory);
    call(&client, context.clone()).await;
    call(&client, context.clone()).await;
    context.span().end();
    memory.trace().assert_tree(
        "SERVER GET /orders
           CLIENT GET
           CLIENT GET",
    );
}

#[tokio::test]
async fn headers_of_the_callers_own_are_replaced() {
    let memory = InMemory::new();
    let server = serve_headers().await;
    let sent = client(&memory)
        .get(format!("http://{server}/"))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-00"))
        .header("tracestate", "mine=1")
        .header("x-mine", "stays");
    let seen: Headers = sent.send().await.unwrap().json().await.unwrap();
    let span = only_span(&memory);
    let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
    assert_eq!(seen["traceparent"], [parent]);
    assert!(!seen.contains_key("tracestate"));
    assert_eq!(seen["x-mine"], ["stays"]);
}

#[tokio::test]
async fn a_call_that_is_not_sampled_says_so() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let seen = call(&client(&memory), Context::new()).await;
    let [parent] = &seen["traceparent"][..] else {
        panic!("{seen:?}")
    };
    assert!(parent.ends_with("-00"), "{parent}");
    assert_eq!(memory.spans(), []);

    let parent_based = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    for (sampler, flags, sent) in [
        (Sampler::AlwaysOff, 1, "00"),
        (Sampler::AlwaysOff, 3, "02"),
        (parent_based(), 0, "00"),
        (parent_based(), 2, "02"),
    ] {
        let memory = InMemory::with_sampler(sampler);
        let seen = call(&client(&memory), remote(flags)).await;
        let parts: Vec<_> = seen["traceparent"][0].split('-').collect();
        assert_eq!((parts[1], parts[3]), (TRACE, sent), "{flags}");
        assert_ne!(parts[2], CALLER);
        assert_eq!(seen["tracestate"], ["vendor=value,other=1"]);
        assert_eq!(seen["baggage"], ["tenant=acme"]);
        assert_eq!(memory.spans(), []);
    }
}

#[tokio::test]
async fn without_any_provider_the_remote_parent_is_sent_on() {
    for client in [
        throughline_reqwest::traced(crate::support::plain()),
        with(TracingMiddleware::default()),
    ] {
        for flags in 0..4 {
            let seen = call(&client, remote(flags)).await;
            let parent = format!("00-{TRACE}-{CALLER}-0{flags}");
            assert_eq!(seen["traceparent"], [parent]);
            assert_eq!(seen["tracestate"], ["vendor=value,other=1"]);
            assert_eq!(seen["baggage"], ["tenant=acme"]);
        }
        let seen = call(&client, Context::new()).await;
        assert!(!seen.contains_key("traceparent"));
    }
}

#[tokio::test]
async fn after_the_shutdown_of_the_provider_the_remote_parent_is_sent_on() {
    let memory = InMemory::new();
    let client = client(&memory);
    memory.tracer_provider().shutdown().unwrap();
    let seen = call(&client, remote(1)).await;
    assert_eq!(seen["traceparent"], [format!("00-{TRACE}-{CALLER}-01")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_keep_apart() {
    let memory = InMemory::new();
    let server = serve_headers().await;
    let client = client(&memory);
    let tracer = memory.tracer_provider().tracer("server");
    let tasks: Vec<_> = (0..100)
        .map(|i| {
            let parent = tracer.span_builder(format!("parent {i}")).start(&tracer);
            let context = Context::new().with_span(parent);
            let sent = client.get(format!("http://{server}/{i}")).send();
            tokio::spawn(
                async move {
                    let response = sent.await.unwrap();
                    assert_eq!(response.url().path(), format!("/{i}"));
                    let seen: Headers = response.json().await.unwrap();
                    Context::current().span().end();
                    (i, seen)
                }
                .with_context(context),
            )
        })
        .collect();
    for task in tasks {
        let (i, seen) = task.await.unwrap();
        let traces = memory.traces();
        let mut traces = traces.iter();
        let name = format!("parent {i}");
        let trace = traces.find(|trace| trace.roots()[0].name == name).unwrap();
        trace.assert_tree(&format!("INTERNAL {name}\n  CLIENT GET"));
        let call = trace.find("GET");
        let url = format!("http://{server}/{i}");
        assert_eq!(call.attribute("url.full"), Some(&url.into()));
        let parent = format!("00-{}-{}-01", call.trace_id, call.span_id);
        assert_eq!(seen["traceparent"], [parent]);
    }
    assert_eq!(memory.spans().len(), 200);
}

#[tokio::test]
async fn the_context_is_that_of_the_first_poll() {
    let memory = InMemory::new();
    let server = serve_headers().await;
    let sent = {
        let _attached = remote(1).attach();
        client(&memory).get(format!("http://{server}/")).send()
    };
    sent.await.unwrap().bytes().await.unwrap();
    assert_eq!(only_span(&memory).parent_span_id, None);
}
