//! What the figures were taken on and of.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::Result;

use crate::cargo;

/// The crates whose versions are named.
const CRATES: &[&str] = &[
    "axum",
    "axum-otel",
    "axum-tracing-opentelemetry",
    "fastrace",
    "fastrace-axum",
    "opentelemetry",
    "opentelemetry-instrumentation-tower",
    "opentelemetry-otlp",
    "opentelemetry_sdk",
    "reqwest",
    "reqwest-tracing",
    "tower-http",
    "tower-otel",
    "tracing-opentelemetry",
    "tracing-subscriber",
];

/// A paragraph on the machine and one on the versions.
pub(crate) fn describe() -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let models = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let model = models
        .map(|model| model.trim_start_matches([':', ' ', '\t']))
        .next();
    let rustc = cargo::output(Command::new("rustc").arg("--version"))?;
    let valgrind = cargo::output(Command::new("valgrind").arg("--version"))?;
    let lock = fs::read_to_string(cargo::root()?.join("benches/Cargo.lock"))?;
    let mut versions = Vec::new();
    for name in CRATES {
        versions.push(format!("{name} {}", versions_of(&lock, name).join(" and ")));
    }
    Ok(format!(
        "Machine: {} processors, {}; {}; {}; {}.\n\nVersions: {}.\n",
        thread::available_parallelism()?,
        model.unwrap_or("of an unknown model"),
        system()?,
        rustc.trim(),
        valgrind.trim(),
        versions.join(", ")
    ))
}

/// The system and its allocator.
fn system() -> Result<String> {
    let libc = cargo::output(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    Ok(format!("Linux {kernel}, {}", libc.trim()))
}

fn versions_of<'a>(lock: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("name = \"{name}\"\nversion = \"");
    let found = lock.match_indices(&begin);
    let rest = found.map(|(at, _)| &lock[at + begin.len()..]);
    rest.filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_of_a_crate_is_found() {
        let lock = "[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n\n[[package]]\nname = \"axum-core\"\n\
                    version = \"0.5.6\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.7.0\"\n";
        assert_eq!(versions_of(lock, "axum"), ["0.8.9", "0.7.0"]);
        assert_eq!(versions_of(lock, "axum-core"), ["0.5.6"]);
    }
}
