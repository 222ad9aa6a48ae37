//! The workspace's programs as services: how they are started and stopped.

use std::env;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::cargo;

/// How long a process may take to listen, and to stop.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A program with the defaults, but for its name and where it exports to: with nothing that this terminal has set.
pub(crate) fn service(name: &str, endpoint: &str) -> Result<Command> {
    let mut command = Command::new(cargo::programs("debug")?.join(name));
    remove_variables(&mut command);
    command
        .env("OTEL_SERVICE_NAME", name)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    Ok(command)
}

/// Takes OpenTelemetry's variables of this terminal from a command.
pub(crate) fn remove_variables(command: &mut Command) {
    let inherited = env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
}

/// Asks a process to stop, as an orchestrator would, and waits for it.
pub(crate) async fn stop(name: &str, child: &mut Child) -> Result<ExitStatus> {
    let id = child.id();
    let id = id.with_context(|| format!("{name} stopped by itself"))?;
    Command::new("kill").arg(id.to_string()).status().await?;
    let status = timeout(PATIENCE, child.wait()).await;
    Ok(status.with_context(|| format!("{name} did not stop"))??)
}
