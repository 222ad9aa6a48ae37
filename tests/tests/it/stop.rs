//! A service that is told to stop right after a burst of requests.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use throughline_testing::opentelemetry::trace::SpanKind;
use throughline_testing::{Behavior, Collector};
use tokio::task::JoinSet;

const REQUESTS: usize = 1000;

/// Serves a thousand requests, then SIGTERM; returns what the process said last.
async fn burst_and_stop(collector: &Collector) -> String {
    let mut service = Command::new(env!("CARGO_BIN_EXE_trace-context-service"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(service.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let request = client.post(url.trim()).json(&json!([]));
        tasks.spawn(async move {
            for _ in 0..REQUESTS / 20 {
                let request = request.try_clone().unwrap();
                assert!(request.send().await.unwrap().status().is_success());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    // Idle connections would be waited for.
    drop(client);
    let kill = Command::new("kill").arg(service.id().to_string()).status();
    assert!(kill.unwrap().success());
    let output = tokio::task::spawn_blocking(|| service.wait_with_output());
    let output = tokio::time::timeout(Duration::from_secs(30), output).await;
    let output = output.expect("it stops").unwrap().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_thousand_requests_and_sigterm_are_a_thousand_server_spans() {
    let collector = Collector::start().await.unwrap();
    let said = burst_and_stop(&collector).await;
    let spans = collector.spans();
    let servers = spans.iter().filter(|span| span.kind == SpanKind::Server);
    assert_eq!(servers.count(), REQUESTS, "{said}");
    assert!(
        said.contains("1000 spans started: 1000 exported, 0 dropped"),
        "{said}"
    );
}

#[tokio::test]
async fn a_collector_that_hangs_holds_nobody_up_and_everything_lost_is_said() {
    let collector = Collector::start().await.unwrap();
    collector.behave(Behavior::Hang);
    let said = burst_and_stop(&collector).await;
    assert!(
        said.contains("1000 spans started: 0 exported, 1000 dropped"),
        "{said}"
    );
}
