//! `cargo xtask demo`: the example shop as separate processes, real requests, their traces printed and checked.

mod follow;

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use throughline_testing::Collector;

use crate::shop::{self, SCENARIOS, Settings, Shop};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What the demo does beside its checks.
#[derive(Args)]
pub(crate) struct Options {
    /// Keeps the shop up afterwards, for curl.
    #[arg(long)]
    serve: bool,
    /// Writes everything that the collector received to this file, as OTLP/JSON lines.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Where the orders are kept, of SQLite or PostgreSQL. Default: SQLite in memory.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

#[tokio::main]
pub(crate) async fn run(options: Options) -> Result<()> {
    shop::build()?;
    let elsewhere = env::var(ENDPOINT)
        .ok()
        .filter(|endpoint| !endpoint.is_empty());
    let collector = match &elsewhere {
        Some(endpoint) => {
            println!("traces go to {endpoint} ({ENDPOINT} is set) and are not checked here");
            None
        }
        None => Some(
            Collector::start()
                .await
                .context("cannot start the collector")?,
        ),
    };
    let endpoint = collector.as_ref().map(Collector::http_endpoint);
    let variables = endpoint.as_deref().map(|endpoint| [(ENDPOINT, endpoint)]);
    let settings = Settings {
        variables: variables.as_ref().map(<[_; 1]>::as_slice),
        database: options.database.as_deref(),
        stderr: None,
    };
    let mut shop = Shop::start(settings).await?;
    println!("gateway, orders, payments and a bank are up: four processes\n");

    for scenario in SCENARIOS {
        println!("── {} ──", scenario.title);
        follow::follow(scenario, &shop, collector.as_ref()).await?;
        println!();
    }
    if options.serve {
        shop.print_usage();
        tokio::signal::ctrl_c().await?;
    }
    shop.stop().await?;
    if let (Some(file), Some(collector)) = (options.save, &collector) {
        fs::write(&file, collector.otlp_json())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if collector.is_some() {
        println!(
            "{} traces, each one tree over four processes: all as expected",
            SCENARIOS.len()
        );
    }
    Ok(())
}
