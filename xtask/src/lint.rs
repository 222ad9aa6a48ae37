//! `cargo xtask lint`.

use anyhow::Result;

use crate::cargo::{self, cargo};
use crate::rules;

/// Everything that is checked without running the code.
pub(crate) fn run() -> Result<()> {
    rules::check()?;
    cargo::run(&mut cargo(["fmt", "--all", "--", "--check"]))?;
    let clippy = "clippy --workspace --all-targets --all-features -- -D warnings";
    cargo::run(&mut cargo(clippy.split(' ')))?;
    // What has features must compile and pass without them, and with some of them.
    for some in [
        "throughline-tower",
        "throughline-sqlx",
        "throughline-sqlx --features sqlite",
    ] {
        let some = format!("clippy --package {some} --all-targets -- -D warnings");
        cargo::run(&mut cargo(some.split(' ')))?;
    }
    cargo::run(cargo::benches("fmt")?.args(["--all", "--", "--check"]))?;
    let clippy = "--workspace --all-targets --locked -- -D warnings";
    cargo::run(cargo::benches("clippy")?.args(clippy.split(' ')))?;
    let documentation = "doc --workspace --all-features --no-deps";
    cargo::run(cargo(documentation.split(' ')).env("RUSTDOCFLAGS", "-D warnings"))?;
    if cargo::is_installed(&mut cargo(["deny", "--version"])) {
        cargo::run(&mut cargo(["deny", "check"]))?;
    } else {
        eprintln!("SKIPPED: cargo-deny is not installed, licences and advisories were not checked");
    }
    Ok(())
}
