//! Running cargo and other programs.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A cargo command in the workspace.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A cargo command in the workspace of the benches.
pub(crate) fn benches(subcommand: &str) -> Result<Command> {
    let mut command = cargo([subcommand, "--manifest-path=benches/Cargo.toml"]);
    command.current_dir(root()?);
    command.env("CARGO_TARGET_DIR", benches_target()?);
    Ok(command)
}

/// The target folder of the benches.
pub(crate) fn benches_target() -> Result<PathBuf> {
    Ok(target()?.join("benches"))
}

/// Runs a command to its end, with its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}):\n{printed}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is installed.
pub(crate) fn is_installed(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// `cargo metadata` of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value> {
    let printed = output(&mut cargo(["metadata", "--format-version=1", "--no-deps"]))?;
    Ok(serde_json::from_str(&printed)?)
}

/// The root of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    folder("workspace_root")
}

/// The folder of a profile's programs.
pub(crate) fn programs(profile: &str) -> Result<PathBuf> {
    Ok(target()?.join(profile))
}

/// The target folder.
pub(crate) fn target() -> Result<PathBuf> {
    folder("target_directory")
}

fn folder(name: &str) -> Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata[name].as_str();
    Ok(folder
        .with_context(|| format!("cargo metadata names no {name}"))?
        .into())
}

fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
