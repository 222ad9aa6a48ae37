//! A receiver that others wrote, as a process that passes on what it accepted.

use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::Protocol;
use super::python::Python;

/// How long a receiver may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

const SCRIPT: &str = include_str!("receiver.py");

/// Whose receiver.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A collector of its own, <https://rotel.dev>.
    Rotel,
    /// The packages of Google's protobuf and gRPC, in `receiver.py`.
    Google,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rotel => "rotel",
            Self::Google => "google",
        })
    }
}

/// A running receiver. It is killed when this is dropped.
pub(super) struct Receiver {
    child: Child,
    grpc: SocketAddr,
    http: SocketAddr,
    log: PathBuf,
}

impl Receiver {
    /// Starts a receiver on free ports, which keeps its files in `folder` and passes everything on to a collector, given by
    /// its URL of OTLP over HTTP. Returns once it listens.
    pub(super) async fn start(
        kind: Kind,
        python: &Python,
        folder: &Path,
        collector: &str,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let (grpc, http) = free_addresses()?;
        let mut command = match kind {
            Kind::Rotel => rotel(python, folder, grpc, http, collector),
            Kind::Google => google(python, folder, grpc, http, collector)?,
        };
        let log = folder.join("receiver.log");
        let output = File::create(&log)?;
        let child = command
            .current_dir(folder)
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{kind} cannot be started"))?;
        let mut receiver = Self {
            child,
            grpc,
            http,
            log,
        };
        let listens = timeout(PATIENCE, receiver.wait_until_it_listens()).await;
        match listens {
            Ok(Ok(())) => Ok(receiver),
            Ok(Err(error)) => Err(error.context(format!("{kind} did not start"))),
            Err(_) => bail!("{kind} did not listen in time:\n{}", receiver.output()),
        }
    }

    pub(super) fn address(&self, protocol: Protocol) -> SocketAddr {
        match protocol {
            Protocol::Grpc => self.grpc,
            Protocol::Http => self.http,
        }
    }

    /// Asks it to stop, and waits until it has passed on everything.
    pub(super) async fn stop(mut self) -> Result<()> {
        let Some(id) = self.child.id() else {
            bail!("the receiver stopped by itself:\n{}", self.output());
        };
        Command::new("kill").arg(id.to_string()).status().await?;
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => bail!("the receiver failed:\n{}", self.output()),
            Err(_) => bail!("the receiver did not stop:\n{}", self.output()),
        }
    }

    async fn wait_until_it_listens(&mut self) -> Result<()> {
        for address in [self.grpc, self.http] {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = self.child.try_wait()? {
                    bail!("it ended with {status}:\n{}", self.output());
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// What it printed.
    fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn rotel(
    python: &Python,
    folder: &Path,
    grpc: SocketAddr,
    http: SocketAddr,
    forward: &str,
) -> Command {
    let mut command = Command::new(python.packages.join("rotel/rotel-agent"));
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("ROTEL_")) {
        command.env_remove(name);
    }
    command
        // It is linked with Python's library, which not every Python has where the system looks.
        .env("LD_LIBRARY_PATH", &python.libraries)
        .env("NO_PROXY", "127.0.0.1")
        .arg("start")
        .args(["--otlp-grpc-endpoint", &grpc.to_string()])
        .args(["--otlp-http-endpoint", &http.to_string()])
        .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
        .args(["--otlp-exporter-endpoint", forward])
        .arg("--pid-file")
        .arg(folder.join("rotel.pid"))
        .arg("--log-file")
        .arg(folder.join("rotel.log"));
    for signal in ["traces", "metrics", "logs"] {
        command.args(["--debug-log", signal]);
    }
    command
}

fn google(
    python: &Python,
    folder: &Path,
    grpc: SocketAddr,
    http: SocketAddr,
    forward: &str,
) -> Result<Command> {
    let script = folder.join("receiver.py");
    fs::write(&script, SCRIPT)?;
    let mut command = Command::new(&python.program);
    command
        .arg(script)
        .args([grpc.port().to_string(), http.port().to_string()])
        .arg(forward);
    Ok(command)
}

/// Two addresses that were free a moment ago: the receivers cannot say which they were given.
fn free_addresses() -> Result<(SocketAddr, SocketAddr)> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (one, other) = (bind()?, bind()?);
    Ok((one.local_addr()?, other.local_addr()?))
}
