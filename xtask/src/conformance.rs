//! `cargo xtask conformance`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::{self, cargo};

/// Where the harness is.
#[derive(Args)]
pub(crate) struct Options {
    /// A checkout of <https://github.com/w3c/trace-context>.
    harness: PathBuf,
    /// A Python 3 that has the package aiohttp.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

/// Runs the W3C trace-context harness at its strictest against a service of ours, with every span recorded and with
/// none.
pub(crate) fn run(options: &Options) -> Result<()> {
    cargo::run(&mut cargo(["build", "--workspace", "--all-features"]))?;
    for sampler in ["always_on", "always_off"] {
        println!("OTEL_TRACES_SAMPLER={sampler}");
        let service = cargo::programs("debug")?.join("trace-context-service");
        let mut service = Command::new(service)
            .env("OTEL_TRACES_SAMPLER", sampler)
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_METRICS_EXPORTER", "none")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = service
            .stdout
            .take()
            .context("a process without standard output")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        let passed = Command::new(&options.python)
            .args(["test.py", url.trim()])
            .current_dir(options.harness.join("test"))
            .env("STRICT_LEVEL", "2")
            .env("SPEC_LEVEL", "2")
            .status();
        service.kill()?;
        service.wait()?;
        if !passed.context("cannot run the harness")?.success() {
            bail!("the harness found faults with the sampler {sampler}");
        }
    }
    Ok(())
}
