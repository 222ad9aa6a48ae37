//! Records what is known of the build alone: the compiler's version, for `process.runtime.version`, and whether the
//! application's lock file has several versions of OpenTelemetry. What cannot be found out is left out.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "src/lock.rs"]
mod lock;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/lock.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    record_compiler();
    record_versions();
}

fn record_compiler() {
    let Some(compiler) = env::var_os("RUSTC") else {
        return;
    };
    let Ok(output) = Command::new(compiler).arg("--version").output() else {
        return;
    };
    let described = String::from_utf8_lossy(&output.stdout);
    // rustc 1.88.0 (6b00bc388 2025-06-23)
    let described = described.trim();
    let mut words = described.split(' ');
    if let (Some("rustc"), Some(version)) = (words.next(), words.next()) {
        println!("cargo::rustc-env=THROUGHLINE_RUSTC={described}");
        println!("cargo::rustc-env=THROUGHLINE_RUSTC_VERSION={version}");
    }
}

fn record_versions() {
    let Some(path) = lock_file() else { return };
    println!("cargo::rerun-if-changed={}", path.display());
    let Ok(lock) = fs::read_to_string(path) else {
        return;
    };
    let versions = lock::versions(&lock, "opentelemetry");
    if versions.len() > 1 {
        let versions = versions.join(", ");
        println!("cargo::rustc-env=THROUGHLINE_OPENTELEMETRY_VERSIONS={versions}");
    }
}

/// That of the application: above the target folder, where that is in its usual place.
fn lock_file() -> Option<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let mut above = out.ancestors().map(|folder| folder.join("Cargo.lock"));
    above.find(|path| Path::is_file(path))
}
