//! `cargo xtask test`.

use anyhow::Result;

use crate::cargo::{self, cargo};

/// Everything: unit and integration tests with all features, then the documentation's examples.
pub(crate) fn run() -> Result<()> {
    for what in ["--all-targets", "--doc"] {
        cargo::run(&mut cargo(["test", "--workspace", "--all-features", what]))?;
    }
    cargo::run(cargo::benches("test")?.args(["--workspace", "--locked"]))
}
