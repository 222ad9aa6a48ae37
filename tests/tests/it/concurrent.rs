//! Many requests at once, through the server's layer, `#[instrument]` functions and sqlx: each span is under its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry::trace::{SpanId, SpanKind, TraceId};
use throughline_testing::{Collector, SpanRecord};
use tokio::task::JoinSet;

const REQUESTS: u32 = 200;

/// Each request's: the server's, three of functions, ten of queries.
const SPANS: usize = 14;

#[tokio::test]
async fn no_span_of_many_requests_is_under_anothers() {
    let collector = Collector::start().await.unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_queries-service"))
        .arg(REQUESTS.to_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint())
        // All end at about the same time.
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "10000")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(service.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut tasks = JoinSet::new();
    for request in 0..REQUESTS {
        let parent = format!("00-{}-{}-01", trace_id(request), caller(request));
        let asked = client.get(format!("{}/{request}", url.trim()));
        tasks.spawn(asked.header("traceparent", parent).send());
    }
    for answer in tasks.join_all().await {
        assert!(answer.unwrap().status().is_success());
    }
    // Idle connections would be waited for.
    drop(client);
    let kill = Command::new("kill").arg(service.id().to_string()).status();
    assert!(kill.unwrap().success());
    let output = tokio::task::spawn_blocking(|| service.wait_with_output());
    let output = output.await.unwrap().unwrap();

    let spans = collector.spans();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(spans.len(), REQUESTS as usize * SPANS, "{said}");
    for span in &spans {
        check_parent(span, &spans);
    }
}

fn trace_id(request: u32) -> TraceId {
    TraceId::from(u128::from(request) + 1)
}

/// The span of the request's caller.
fn caller(request: u32) -> SpanId {
    SpanId::from(u64::from(request) + 1)
}

/// A span says which request it is of, and a query also which span it was sent under.
fn check_parent(span: &SpanRecord, spans: &[SpanRecord]) {
    let text = |key| match span.attribute(key) {
        Some(Value::String(text)) => text.as_str(),
        _ => panic!("no {key}: {span:#?}"),
    };
    let parent = (spans.iter()).find(|it| Some(it.span_id) == span.parent_span_id);
    let parent = parent.map(|it| (it.name.as_str(), it.trace_id));
    let (request, expected): (u32, &[&str]) = match span.kind {
        SpanKind::Server => {
            let request = text("url.path").rsplit('/').next().unwrap();
            let request = request.parse().unwrap();
            assert_eq!(span.parent_span_id, Some(caller(request)));
            (request, &[])
        }
        SpanKind::Internal => {
            let request = span.attribute("request").unwrap().to_string();
            let under: &[&str] = match span.name.as_str() {
                "book" => &["GET /orders/{request}"],
                _ => &["GET /orders/{request}", "book"],
            };
            (request.parse().unwrap(), under)
        }
        _ => {
            let (_, marker) = text("db.query.text").split_once(" of_").unwrap();
            let (place, request) = marker.split_once('_').unwrap();
            let under: &[&str] = match place {
                "handler" => &["GET /orders/{request}"],
                "book" => &["book"],
                _ => &["check"],
            };
            (request.parse().unwrap(), under)
        }
    };
    assert_eq!(span.trace_id, trace_id(request), "{span:#?}");
    match parent {
        None => assert!(expected.is_empty(), "{span:#?}"),
        Some((name, trace_id)) => {
            assert!(expected.contains(&name), "under {name}: {span:#?}");
            assert_eq!(trace_id, span.trace_id);
        }
    }
}
