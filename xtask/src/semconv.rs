//! `cargo xtask semconv`: what we send by default, against the registry of the semantic conventions.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use throughline_testing::Collector;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::cargo;
use crate::service::{PATIENCE, service};
use crate::shop::{self, SCENARIOS, Settings, Shop};

/// Where the checker is.
#[derive(Args)]
pub(crate) struct Options {
    /// A folder with the checker, `tools/semconv_check.py`, and its registry, `cases/semconv_registry_1.44.0.json`.
    checker: PathBuf,
    /// A Python 3.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

const SERVER: &str = "scenario-server";
const CLIENT: &str = "scenario-client";

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Runs the demo shop and the services of the scenario with the defaults, and the checker on what they sent.
#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    shop::build()?;
    let collector = Collector::start()
        .await
        .context("cannot start the collector")?;
    let endpoint = collector.http_endpoint();
    let mut shop = Shop::start(Settings {
        variables: Some(&[(ENDPOINT, &endpoint)]),
        database: None,
        stderr: None,
    })
    .await?;
    for scenario in SCENARIOS {
        scenario.send(&shop).await?;
    }
    shop.stop().await?;
    serve_and_call(&endpoint).await?;

    let (spans, metrics) = (collector.spans(), collector.metrics());
    for service in [SERVER, CLIENT] {
        let is_its = |name: &Option<String>| name.as_deref() == Some(service);
        let has_spans = spans.iter().any(|span| is_its(&span.service));
        let has_metrics = metrics.iter().any(|metric| is_its(&metric.service));
        ensure!(
            has_spans && has_metrics,
            "{service} sent no spans or no metrics"
        );
    }
    let asks_a_database = spans
        .iter()
        .any(|span| span.attribute("db.system.name").is_some());
    // What tells the state of a pool ends with it, before the last metrics go out.
    let has_waited = (metrics.iter()).any(|it| it.name == "db.client.connection.wait_time");
    ensure!(
        asks_a_database && has_waited,
        "the shop's orders sent nothing of their database"
    );
    let (spans, metrics) = (spans.len(), metrics.len());
    let received = cargo::target()?.join("semconv.jsonl");
    fs::write(&received, collector.otlp_json())?;
    println!(
        "{spans} spans and {metrics} metrics are in {}",
        received.display()
    );
    let passed = Command::new(&options.python)
        .arg(options.checker.join("tools/semconv_check.py"))
        .arg(options.checker.join("cases/semconv_registry_1.44.0.json"))
        .arg(received)
        .status()
        .context("cannot run the checker")?;
    if !passed.success() {
        bail!("the checker found faults");
    }
    Ok(())
}

/// Starts the server of the scenario, lets the client make its calls, and ends both.
async fn serve_and_call(endpoint: &str) -> Result<()> {
    let mut server = service(SERVER, endpoint)?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = server
        .stdout
        .take()
        .context("a process without standard output")?;
    let mut url = String::new();
    BufReader::new(stdout).read_line(&mut url).await?;
    let client = service(CLIENT, endpoint)?
        .env("MOCK_SERVER_URL", url.trim())
        .status()
        .await?;
    ensure!(client.success(), "scenario-client stopped with {client}");
    drop(server.stdin.take());
    let stopped = timeout(PATIENCE, server.wait()).await;
    let stopped = stopped.context("scenario-server did not stop")??;
    ensure!(stopped.success(), "scenario-server stopped with {stopped}");
    Ok(())
}
