//! The crates' import rules: who may depend on whom. They are the architecture; see `ARCHITECTURE.md`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::cargo;

/// What each crate must never depend on, directly.
const NEVER: &[(&str, &[&str])] = &[
    (
        "throughline-core",
        &[
            "opentelemetry_sdk",
            "tokio",
            "tracing*",
            "axum",
            "tower*",
            "hyper*",
            "reqwest*",
            "throughline*",
        ],
    ),
    (
        "throughline-tower",
        &[
            "opentelemetry_sdk",
            "tokio",
            "tracing*",
            "hyper*",
            "reqwest*",
            "throughline",
            "throughline-otlp",
            "throughline-log",
            "throughline-reqwest",
        ],
    ),
    (
        "throughline-reqwest",
        &[
            "opentelemetry_sdk",
            "tokio",
            "tracing*",
            "axum",
            "tower*",
            "throughline",
            "throughline-otlp",
            "throughline-log",
            "throughline-tower",
        ],
    ),
    (
        "throughline-sqlx",
        &[
            "opentelemetry_sdk",
            "tokio",
            "tracing*",
            "axum",
            "tower*",
            "hyper*",
            "reqwest*",
            "throughline",
            "throughline-otlp",
            "throughline-log",
            "throughline-tower",
            "throughline-reqwest",
        ],
    ),
    (
        "throughline-redis",
        &[
            "opentelemetry_sdk",
            "tokio",
            "tracing*",
            "axum",
            "tower*",
            "hyper*",
            "reqwest*",
            "sqlx*",
            "throughline",
            "throughline-otlp",
            "throughline-log",
            "throughline-tower",
            "throughline-reqwest",
            "throughline-sqlx",
        ],
    ),
    (
        "throughline-log",
        &[
            "opentelemetry_sdk",
            "tracing-opentelemetry",
            "tokio",
            "throughline*",
        ],
    ),
    (
        "throughline-otlp",
        &[
            "tracing-opentelemetry",
            "tracing-subscriber",
            "axum",
            "reqwest*",
            "throughline*",
        ],
    ),
    (
        "throughline",
        &[
            "axum",
            "tower*",
            "reqwest*",
            "sqlx*",
            "redis",
            "throughline-tower",
            "throughline-redis",
            "throughline-reqwest",
            "throughline-sqlx",
        ],
    ),
    ("throughline-testing", &["throughline*"]),
];

/// Checks every published crate against [`NEVER`], and that each has its rules.
pub(crate) fn check() -> Result<()> {
    let metadata = cargo::metadata()?;
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        // `publish` is an empty list for what is not published.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, never)) = NEVER.iter().find(|(known, _)| *known == name) else {
            broken.push(format!("{name} has no import rules"));
            continue;
        };
        for dependency in dependencies(package) {
            if never.iter().any(|pattern| matches(pattern, &dependency)) {
                broken.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    if !broken.is_empty() {
        bail!(
            "import rules (see ARCHITECTURE.md):\n  {}",
            broken.join("\n  ")
        );
    }
    eprintln!("import rules: kept");
    Ok(())
}

/// The direct dependencies, without those of tests.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned)
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_ending() {
        assert!(matches("tower*", "tower-http"));
        assert!(matches("tower*", "tower"));
        assert!(!matches("tower", "tower-http"));
    }
}
