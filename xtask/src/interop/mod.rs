//! `cargo xtask interop`: what the example shop sends is accepted by OTLP receivers that others wrote, over gRPC and HTTP,
//! compressed and not.
//!
//! One receiver is rotel, a collector; the other is the Python packages of Google's protobuf and gRPC and of the official
//! schema. Both are installed below `target/interop`, in the versions of `requirements.txt`.
//!
//! Each receiver passes on what it accepted to our own collector. What is there must be what was sent: by ids, by the
//! tree of each request, by the log lines, and in all that the collector shows of it as in a run with no receiver in
//! between. A relay on the way to the receiver sees that the shop sent in the way that was meant.
//!
//! A ratio of traces is compared with the official SDK for Python, trace id by trace id. In each format of propagation, a
//! client with that SDK calls a service of ours, which calls a server with that SDK: one trace, with all parents in it.

mod check;
mod logs;
mod propagation;
mod python;
mod receiver;
mod relay;
mod sampling;
mod shape;

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use throughline_testing::Collector;

use crate::cargo;
use crate::shop::{self, SCENARIOS, Settings, Shop};
use check::Sent;
use python::Python;
use receiver::{Kind, Receiver};
use relay::Relay;

/// Where Python is.
#[derive(Args)]
pub(crate) struct Options {
    /// A Python 3 with its module venv, of a version that the pinned packages have wheels for.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

/// How the shop sends.
#[derive(Clone, Copy, Debug)]
enum Protocol {
    Grpc,
    Http,
}

/// One run.
struct Combination {
    receiver: Kind,
    protocol: Protocol,
    gzip: bool,
}

impl Combination {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for receiver in [Kind::Rotel, Kind::Google] {
            for protocol in [Protocol::Grpc, Protocol::Http] {
                for gzip in [false, true] {
                    all.push(Self {
                        receiver,
                        protocol,
                        gzip,
                    });
                }
            }
        }
        all
    }

    /// The value of `OTEL_EXPORTER_OTLP_PROTOCOL`.
    fn protocol(&self) -> &'static str {
        match self.protocol {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http/protobuf",
        }
    }

    /// The value of `OTEL_EXPORTER_OTLP_COMPRESSION`.
    fn compression(&self) -> &'static str {
        if self.gzip { "gzip" } else { "none" }
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (receiver, protocol, compression) =
            (self.receiver, self.protocol(), self.compression());
        write!(f, "{receiver:<6}  {protocol:<13}  {compression}")
    }
}

#[tokio::main]
pub(crate) async fn run(options: &Options) -> Result<()> {
    shop::build()?;
    let folder = cargo::target()?.join("interop");
    let python = Python::prepare(&options.python, &folder.join("python"))?;
    println!("{}", python::REQUIREMENTS);
    // Processes are killed when what holds them is dropped, which a signal alone would not do.
    tokio::select! {
        result = all(&python, &folder) => result,
        _ = tokio::signal::ctrl_c() => bail!("stopped"),
        _ = terminated() => bail!("stopped"),
    }
}

#[cfg(unix)]
async fn terminated() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> Result<()> {
    std::future::pending().await
}

/// Every combination, whatever becomes of the others.
async fn all(python: &Python, folder: &Path) -> Result<()> {
    let sent = directly(&folder.join("directly"))
        .await
        .context("the shop failed with no receiver in between")?;
    let (mut checks, mut failures) = (0, 0);
    for ratio in sampling::RATIOS {
        checks += 1;
        match sampling::check(ratio, python) {
            Ok(found) => println!("sampler  {ratio:<18}  ok      {found}"),
            Err(error) => {
                failures += 1;
                println!("sampler  {ratio:<18}  FAILED  {error:#}");
            }
        }
    }
    for case in propagation::Case::all() {
        checks += 1;
        match case.check(python, folder).await {
            Ok(found) => println!("propagators  {case}  ok      {found}"),
            Err(error) => {
                failures += 1;
                println!("propagators  {case}  FAILED  {error:#}");
            }
        }
    }
    for combination in Combination::all() {
        let outcomes = match through(&combination, python, folder, &sent).await {
            Ok(outcomes) => outcomes.into(),
            Err(error) => vec![("run", Err(error))],
        };
        for (what, outcome) in outcomes {
            checks += 1;
            match outcome {
                Ok(found) => println!("{combination}  {what:<7}  ok      {found}"),
                Err(error) => {
                    failures += 1;
                    let error = format!("{error:#}").trim_end().replace('\n', "\n    ");
                    println!("{combination}  {what:<7}  FAILED  {error}");
                }
            }
        }
    }
    if failures > 0 {
        bail!(
            "{failures} of {checks} checks failed; what the processes said is in {}",
            folder.display()
        );
    }
    println!("{checks} checks: all as expected");
    Ok(())
}

/// The shop with our collector and nothing in between.
async fn directly(folder: &Path) -> Result<Sent> {
    let collector = Collector::start()
        .await
        .context("cannot start the collector")?;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.http_endpoint())];
    let shop = drive(&variables, folder).await?;
    Sent::of(&collector, &shop).await
}

/// The shop with a receiver in between, and what was found of each signal.
async fn through(
    combination: &Combination,
    python: &Python,
    folder: &Path,
    sent: &Sent,
) -> Result<[(&'static str, Result<String>); 4]> {
    let protocol = combination.protocol().replace('/', "-");
    let name = format!(
        "{}-{protocol}-{}",
        combination.receiver,
        combination.compression()
    );
    let folder = folder.join(name);
    let collector = Collector::start()
        .await
        .context("cannot start the collector")?;
    let forward = collector.http_endpoint();
    let receiver = Receiver::start(combination.receiver, python, &folder, &forward).await?;
    let relay = Relay::start(receiver.address(combination.protocol)).await?;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*relay.endpoint()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", combination.protocol()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", combination.compression()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
    ];
    let shop = drive(&variables, &folder).await?;
    // What it accepted has then been passed on: nothing is waited for.
    receiver.stop().await?;
    fs::write(folder.join("received.jsonl"), collector.otlp_json())?;
    Ok([
        ("wire", relay.check(combination)),
        ("traces", sent.traces(&collector, &shop).await),
        ("metrics", sent.metrics(&collector)),
        ("logs", logs::check(&collector, &shop)),
    ])
}

/// Starts the shop, sends every request, and stops it, with which it has sent everything.
async fn drive(variables: &[(&str, &str)], folder: &Path) -> Result<Shop> {
    fs::create_dir_all(folder)?;
    let stderr = File::create(folder.join("shop.stderr"))?;
    let mut shop = Shop::start(Settings {
        variables: Some(variables),
        database: None,
        stderr: Some(&stderr),
    })
    .await?;
    for scenario in SCENARIOS {
        scenario.send(&shop).await?;
    }
    shop.stop().await?;
    Ok(shop)
}
