//! Which requests are traced, and what the application adds to their spans and responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::{SpanContext, TraceContextExt};
use throughline_testing::opentelemetry::{Context, KeyValue, Value};
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_testing::{InMemory, SpanRecord};
use throughline_tower::{Outcome, Route, ServerLayer};

use crate::settings::assert_more;
use crate::support::{
    AnyBody, Step, active, full, get, layer, ok, only_span, poll_pending, serve, steps,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A request of a caller with a trace and baggage.
fn called(path: &str) -> Request<()> {
    Request::get(path)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("tracestate", "vendor=1")
        .header("baggage", "tenant=a")
        .body(())
        .unwrap()
}

/// The span and the tenant of the baggage that a handler sees below `layer`.
async fn seen_by_handler(layer: &ServerLayer, request: Request<()>) -> (SpanContext, String) {
    let response = serve(layer, request, async |_| {
        let cx = Context::current();
        let tenant = cx.baggage().get("tenant").map(ToString::to_string);
        let span = cx.span().span_context().clone();
        let mut response = Response::new(full(""));
        response
            .extensions_mut()
            .insert((span, tenant.unwrap_or_default()));
        response
    })
    .await;
    response
        .extensions()
        .get::<(SpanContext, String)>()
        .unwrap()
        .clone()
}

async fn assert_traced(layer: &ServerLayer, memory: &InMemory, path: &str, traced: bool) {
    let before = memory.spans().len();
    let (span, tenant) = seen_by_handler(layer, called(path)).await;
    assert_eq!(memory.spans().len() - before, usize::from(traced), "{path}");
    assert_eq!(span.trace_id().to_string(), TRACE, "{path}");
    // Without a span of its own the handler continues the caller's.
    assert_eq!(span.is_remote(), !traced, "{path}");
    assert_eq!(span.span_id().to_string() == CALLER, !traced, "{path}");
    assert_eq!(tenant, "a", "{path}");
}

#[tokio::test]
async fn what_is_filtered_leaves_nothing_and_carries_the_caller_on() {
    let memory = InMemory::new();
    let filtered = layer(&memory).filter(|request| request.uri.path() != "/health");
    assert_traced(&filtered, &memory, "/health", false).await;
    assert_eq!(memory.metrics(), []);
    assert_traced(&filtered, &memory, "/", true).await;
    let failing = layer(&memory).filter(|_| panic!("on purpose"));
    assert_traced(&failing, &memory, "/", true).await;
}

#[tokio::test]
async fn excluded_paths_are_exact_or_prefixes() {
    let memory = InMemory::new();
    let layer = layer(&memory)
        .exclude_paths(["/health", "/a*"])
        .exclude_paths(["/internal/*".to_owned()]);
    for path in [
        "/health",
        "/health?full",
        "/internal/",
        "/internal/a/b",
        "/a*",
    ] {
        assert_traced(&layer, &memory, path, false).await;
    }
    assert_eq!(memory.metrics(), []);
    for path in [
        "/health/",
        "/healthy",
        "/internal",
        "/Health",
        "/ab",
        "/%68ealth",
    ] {
        assert_traced(&layer, &memory, path, true).await;
    }
}

#[tokio::test]
async fn an_inner_layer_does_not_trace_what_the_outer_one_left_out() {
    use tower::{Layer, ServiceExt, service_fn};
    let memory = InMemory::new();
    let inner = layer(&memory).layer(service_fn(async |request| {
        Ok::<_, std::convert::Infallible>(ok(request).await)
    }));
    let service = layer(&memory).exclude_paths(["/health"]).layer(inner);
    service.oneshot(get("/health")).await.unwrap();
    assert_eq!(memory.spans().len(), 0);
    assert_eq!(memory.metrics(), []);
}

#[tokio::test]
async fn a_stranger_whose_request_is_left_out_is_not_carried_on() {
    let memory = InMemory::new();
    let public = layer(&memory).public_endpoint();
    let left_out = [
        public.clone().exclude_paths(["/health"]),
        public.filter(|request| request.uri.path() != "/health"),
    ];
    for layer in left_out {
        let (span, tenant) = seen_by_handler(&layer, called("/health")).await;
        assert_eq!((span, &*tenant), (SpanContext::NONE, ""));
    }
    assert_eq!(memory.spans(), []);
    assert_eq!(memory.metrics(), []);
}

fn assert_new_trace(span: &SpanRecord, linked: bool) {
    assert_ne!(span.trace_id.to_string(), TRACE);
    assert_eq!(span.parent_span_id, None);
    let links: Vec<_> = (span.links.iter())
        .map(|link| (link.trace_id.to_string(), link.span_id.to_string()))
        .collect();
    let caller = (TRACE.to_owned(), CALLER.to_owned());
    assert_eq!(links, Vec::from_iter(linked.then_some(caller)));
}

#[tokio::test]
async fn a_public_endpoint_begins_a_trace_with_a_link() {
    let memory = InMemory::new();
    let public = layer(&memory).public_endpoint();
    let (span, tenant) = seen_by_handler(&public, called("/")).await;
    assert_eq!(tenant, "");
    assert_eq!(span.trace_state().header(), "");
    let record = only_span(&memory);
    assert_eq!(span.span_id(), record.span_id);
    assert_new_trace(&record, true);
    serve(&public, get("/"), ok).await;
    assert_new_trace(&memory.spans()[1], false);
    // Nobody outside decides on the sampling.
    let unsampled = Request::get("/").header("traceparent", format!("00-{TRACE}-{CALLER}-00"));
    serve(&public, unsampled.body(()).unwrap(), ok).await;
    assert_new_trace(&memory.spans()[2], true);
}

#[tokio::test]
async fn a_predicate_tells_public_requests() {
    let memory = InMemory::new();
    let layer = layer(&memory).public_endpoint_if(|request| match request.uri.path() {
        "/panic" => panic!("on purpose"),
        path => path == "/public",
    });
    for path in ["/public", "/panic", "/internal"] {
        serve(&layer, called(path), ok).await;
    }
    let [public, panicked, internal] = &memory.spans()[..] else {
        panic!("three spans")
    };
    assert_new_trace(public, true);
    assert_new_trace(panicked, true);
    assert_eq!(internal.trace_id.to_string(), TRACE);
    assert_eq!(internal.links, []);
}

fn unsampled() -> InMemory {
    InMemory::with_sampler(Sampler::AlwaysOff)
}

/// A layer whose hooks count themselves.
fn hooked(memory: &InMemory) -> (ServerLayer, Arc<[AtomicUsize; 3]>) {
    let calls = Arc::<[AtomicUsize; 3]>::default();
    let [one, two, three] = [0, 1, 2].map(|hook| {
        let calls = Arc::clone(&calls);
        move || calls[hook].fetch_add(1, Ordering::SeqCst)
    });
    let layer = layer(memory)
        .on_request(move |request, span| {
            one();
            let query = request.uri.query().unwrap_or_default().to_owned();
            span.set_attributes([KeyValue::new("app.request", query)]);
        })
        .on_response(move |response, span| {
            two();
            let status = i64::from(response.status.as_u16());
            span.set_attributes([KeyValue::new("app.response", status)]);
        })
        .on_finish(move |finish, span| {
            three();
            assert!(!finish.elapsed.is_zero());
            let outcome = format!(
                "{:?} {:?}",
                finish.outcome,
                finish.status.map(|s| s.as_u16())
            );
            span.set_attributes([KeyValue::new("app.finish", outcome)]);
        });
    (layer, calls)
}

#[tokio::test]
async fn hooks_add_to_the_span_once_each() {
    let memory = InMemory::new();
    let (layer, calls) = hooked(&memory);
    serve(&layer, get("/?a"), async |_| Response::new(full("body"))).await;
    let expected = [
        ("app.finish", "Finished Some(200)".into()),
        ("app.request", "a".into()),
        ("app.response", 200.into()),
        ("url.query", "a".into()),
    ];
    assert_more(&only_span(&memory), &expected);
    assert_eq!(
        calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)),
        [1, 1, 1]
    );
    for metric in memory.metrics() {
        assert!(
            !metric.points[0]
                .attributes
                .keys()
                .any(|key| key.starts_with("app."))
        );
    }
}

#[tokio::test]
async fn hooks_see_how_a_request_ended() {
    use tower::{Layer, ServiceExt, service_fn};
    let finish = |memory: &InMemory| {
        only_span(memory)
            .attribute("app.finish")
            .unwrap()
            .to_string()
    };
    let memory = InMemory::new();
    {
        let service = hooked(&memory).0.layer(service_fn(async |_: Request<()>| {
            std::future::pending::<()>().await;
            Ok::<Response<AnyBody>, std::convert::Infallible>(Response::new(full("")))
        }));
        let mut future = Box::pin(service.oneshot(get("/")));
        poll_pending(future.as_mut());
    }
    assert_eq!(finish(&memory), format!("{:?} None", Outcome::Cancelled));

    let memory = InMemory::new();
    let service = hooked(&memory).0.layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(steps([Step::Data("a"), Step::Wait])))
    }));
    drop(service.oneshot(get("/")).await.unwrap());
    assert_eq!(
        finish(&memory),
        format!("{:?} Some(200)", Outcome::Cancelled)
    );
}

#[tokio::test]
async fn hooks_run_only_where_the_span_records() {
    let memory = unsampled();
    let (layer, calls) = hooked(&memory);
    serve(&layer, get("/"), ok).await;
    assert_eq!(
        calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)),
        [0, 0, 0]
    );
}

#[tokio::test]
async fn panics_of_hooks_reach_neither_the_request_nor_the_span() {
    let memory = InMemory::new();
    let layer = layer(&memory)
        .on_request(|_, _| panic!("on purpose"))
        .on_response(|_, _| panic!("on purpose"))
        .on_finish(|_, _| panic!("on purpose"));
    let response = serve(&layer, get("/"), async |_| Response::new(full("body"))).await;
    assert_eq!(response.body(), "body");
    assert_more(&only_span(&memory), &[]);
    assert_eq!(active(&memory), 0.0);
    assert_eq!(
        crate::support::metric(&memory, crate::support::DURATION).points[0].count,
        Some(1)
    );
}

#[tokio::test]
async fn a_name_of_a_hook_is_not_replaced_by_a_late_route() {
    let late = async |_| {
        let mut response = Response::new(full(""));
        response
            .extensions_mut()
            .insert(Route::intern("/late").unwrap());
        response
    };
    let memory = InMemory::new();
    serve(&layer(&memory), get("/"), late).await;
    let on_request = layer(&memory).on_request(|_, span| span.set_name("mine"));
    serve(&on_request, get("/"), late).await;
    let on_response = layer(&memory).on_response(|_, span| span.set_name("mine".to_owned()));
    serve(&on_response, get("/"), late).await;
    let on_finish = layer(&memory).on_finish(|_, span| span.set_name("mine"));
    serve(&on_finish, get("/"), late).await;
    let names: Vec<_> = memory.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /late", "mine", "mine", "mine"]);
}

#[tokio::test]
async fn a_handler_adds_to_its_span() {
    let memory = InMemory::new();
    serve(&layer(&memory), get("/"), async |_| {
        let cx = Context::current();
        cx.span().set_attribute(KeyValue::new("app.order", 7));
        Response::new(full(""))
    })
    .await;
    assert_more(&only_span(&memory), &[("app.order", Value::from(7).into())]);
}

#[tokio::test]
async fn the_caller_is_told_the_span() {
    let answer = async |_| {
        let response = Response::builder()
            .header("server-timing", "db;dur=53")
            .header("traceresponse", "somebody else's");
        response.body(full("")).unwrap()
    };
    let values = |response: &Response<_>, name: &str| -> Vec<String> {
        let values = response.headers().get_all(name).iter();
        values
            .map(|value: &http::HeaderValue| value.to_str().unwrap().to_owned())
            .collect()
    };
    for (memory, flags) in [(InMemory::new(), "01"), (unsampled(), "00")] {
        let layer = layer(&memory).traceresponse().server_timing();
        let response = serve(&layer, called("/"), async |request| {
            let mut response = answer(request).await;
            let span = Context::current().span().span_context().span_id();
            response.extensions_mut().insert(span.to_string());
            response
        })
        .await;
        let span = response.extensions().get::<String>().unwrap();
        let expected = format!("00-{TRACE}-{span}-{flags}");
        assert_ne!(span, CALLER);
        assert_eq!(values(&response, "traceresponse"), [&*expected]);
        let own = format!("traceparent;desc=\"{expected}\"");
        assert_eq!(values(&response, "server-timing"), ["db;dur=53", &*own]);
    }
    // Nothing is said where there is nothing to say, or nobody asked.
    let memory = InMemory::new();
    let left_out = layer(&memory)
        .traceresponse()
        .server_timing()
        .filter(|_| false);
    for layer in [layer(&memory), left_out] {
        let response = serve(&layer, called("/"), answer).await;
        assert_eq!(values(&response, "traceresponse"), ["somebody else's"]);
        assert_eq!(values(&response, "server-timing"), ["db;dur=53"]);
    }
}
