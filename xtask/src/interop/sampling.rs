//! Whether a ratio takes the same traces as in the official SDK for Python.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};

use super::python::Python;
use crate::cargo;

/// What the official SDK takes.
const SCRIPT: &str = include_str!("sampling.py");

/// 1 %, 10 %, a half, and some that are no round numbers.
pub(super) const RATIOS: [&str; 7] = [
    "0",
    "0.001",
    "0.01",
    "0.1",
    "0.3333333333333333",
    "0.5",
    "1",
];

/// How many trace ids are compared.
const COUNT: usize = 100_000;

/// Compares the decisions at a ratio, id by id.
pub(super) fn check(ratio: &str, python: &Python) -> Result<String> {
    let mut theirs = Command::new(&python.program);
    let theirs = cargo::output(theirs.args(["-c", SCRIPT, ratio, &COUNT.to_string()]))?;
    let theirs: Vec<_> = theirs
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    ensure!(theirs.len() == COUNT, "{} ids", theirs.len());
    let ids: String = theirs.iter().map(|(id, _)| format!("{id}\n")).collect();
    let ours = ours(ratio, &ids, &cargo::programs("debug")?)?;
    let ours: Vec<_> = ours.lines().collect();
    ensure!(ours.len() == COUNT, "{} answers", ours.len());
    let mut differing = (theirs.iter().zip(&ours)).filter(|((_, theirs), ours)| theirs != *ours);
    if let Some(((id, theirs), _)) = differing.next() {
        let count = differing.count() + 1;
        anyhow::bail!("{count} of {COUNT} differ, first {id}: Python says {theirs}");
    }
    let taken = ours.iter().filter(|answer| **answer == "1").count();
    Ok(format!("{COUNT} ids, {taken} of them taken by both"))
}

/// What we take, by the variables.
fn ours(ratio: &str, ids: &str, programs: &Path) -> Result<String> {
    let mut program = Command::new(programs.join("sampled"))
        .env("OTEL_TRACES_SAMPLER", "traceidratio")
        .env("OTEL_TRACES_SAMPLER_ARG", ratio)
        .envs(["TRACES", "METRICS", "LOGS"].map(|of| (format!("OTEL_{of}_EXPORTER"), "none")))
        .env("RUST_LOG", "off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start sampled")?;
    let mut stdin = program.stdin.take().context("no standard input")?;
    let output = thread::scope(|scope| {
        // It answers while it still reads. A write that fails shows in the number of answers.
        scope.spawn(move || stdin.write_all(ids.as_bytes()).ok());
        program.wait_with_output()
    })?;
    ensure!(
        output.status.success(),
        "sampled stopped with {}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}
