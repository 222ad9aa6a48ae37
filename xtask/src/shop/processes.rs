//! The shop's processes.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cargo::{self, cargo};
use crate::service::{PATIENCE, remove_variables, stop};

/// Builds the shop's programs, with the features that all other builds of the workspace have: nothing is built twice.
pub(crate) fn build() -> Result<()> {
    cargo::run(&mut cargo(["build", "--workspace", "--all-features"]))
}

/// A line that a process wrote.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) service: &'static str,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |key: &str| self.json[key].as_str().unwrap_or_default().to_owned();
        write!(
            f,
            "{:<8}  span {}  {:<5} {}",
            self.service,
            text("span_id"),
            text("level"),
            text("message")
        )?;
        for (key, value) in self.json["fields"].as_object().into_iter().flatten() {
            write!(f, " {key}={value}")?;
        }
        Ok(())
    }
}

type Log = Arc<Mutex<Vec<Line>>>;

/// The running shop.
pub(crate) struct Shop {
    programs: PathBuf,
    processes: Vec<Process>,
    log: Log,
    gateway_url: String,
}

/// What the processes run with.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings<'a> {
    /// Of `OTEL_…` these and nothing else; none: what the environment says.
    pub(crate) variables: Option<&'a [(&'a str, &'a str)]>,
    /// Where the orders are kept; none: as is their default, whatever the environment says, where it is another application's.
    pub(crate) database: Option<&'a str>,
    /// Where their standard error goes; none: to ours.
    pub(crate) stderr: Option<&'a File>,
}

struct Process {
    name: &'static str,
    child: Child,
    /// Ends with the last line of the process.
    reader: JoinHandle<()>,
}

impl Shop {
    /// Starts the four processes on free ports, each with the address of the next.
    pub(crate) async fn start(settings: Settings<'_>) -> Result<Self> {
        let mut shop = Self {
            programs: cargo::programs("debug")?,
            processes: Vec::new(),
            log: Log::default(),
            gateway_url: String::new(),
        };
        let bank = shop.spawn("bank", None, settings).await?;
        let payments = shop
            .spawn("payments", Some(("BANK_URL", &bank)), settings)
            .await?;
        let orders = shop
            .spawn("orders", Some(("PAYMENTS_URL", &payments)), settings)
            .await?;
        shop.gateway_url = shop
            .spawn("gateway", Some(("ORDERS_URL", &orders)), settings)
            .await?;
        Ok(shop)
    }

    /// Starts one process and returns its URL, once it listens.
    async fn spawn(
        &mut self,
        name: &'static str,
        next: Option<(&str, &str)>,
        settings: Settings<'_>,
    ) -> Result<String> {
        let program = self.programs.join(format!("shop-{name}"));
        let mut command = Command::new(&program);
        if settings.variables.is_some() {
            // The checks need the defaults, not what this terminal has set.
            remove_variables(&mut command);
        }
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .env("NO_PROXY", "127.0.0.1")
            .env("OTEL_RUST_LOG_FORMAT", "json")
            // The traces of the demo should not keep anybody waiting.
            .env("OTEL_BSP_SCHEDULE_DELAY", "100")
            .env_remove("DATABASE_URL")
            .envs(settings.database.map(|url| ("DATABASE_URL", url)))
            .envs(next)
            .envs(settings.variables.into_iter().flatten().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(file) = settings.stderr {
            command.stderr(file.try_clone()?);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child
            .stdout
            .take()
            .context("a process without standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let url = timeout(PATIENCE, listening_url(&mut lines))
            .await
            .unwrap_or_else(|_| bail!("it did not listen in time"))
            .with_context(|| format!("{name} did not start"))?;
        let reader = tokio::spawn(collect(name, lines, Arc::clone(&self.log)));
        self.processes.push(Process {
            name,
            child,
            reader,
        });
        Ok(url)
    }

    pub(crate) fn gateway_url(&self) -> &str {
        &self.gateway_url
    }

    /// The lines that the processes wrote so far, in order of their arrival.
    pub(crate) fn log(&self) -> Vec<Line> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn print_usage(&self) {
        println!("the shop stays up until Ctrl-C:");
        for card in ["good", "declined", "broken", "slow"] {
            println!(
                "  curl -i {}/checkout -H 'content-type: application/json' -d \
                 '{{\"customer\":\"ada\",\"item\":\"book\",\"cents\":1999,\"card\":\"{card}\"}}'",
                self.gateway_url,
            );
        }
    }

    /// Asks each process to stop, as an orchestrator would, and waits for it. The log is then complete.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        for process in self.processes.iter_mut().rev() {
            let status = stop(process.name, &mut process.child).await?;
            (&mut process.reader).await?;
            // The bank does not handle the signal.
            if process.name != "bank" && !status.success() {
                bail!("{} stopped with {status}", process.name);
            }
        }
        Ok(())
    }
}

/// Reads to the line that says where the process listens.
async fn listening_url(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String> {
    while let Some(line) = lines.next_line().await? {
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if line["message"] == "listening" {
            let address = line["fields"]["address"].as_str();
            return Ok(format!(
                "http://{}",
                address.context("no address in the line")?
            ));
        }
    }
    bail!("it ended before it listened")
}

async fn collect(service: &'static str, mut lines: Lines<BufReader<ChildStdout>>, log: Log) {
    while let Ok(Some(text)) = lines.next_line().await {
        let json = serde_json::from_str(&text).unwrap_or_default();
        let line = Line {
            service,
            text,
            json,
        };
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}
