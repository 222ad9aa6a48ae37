//! Records the compiler's version, for `process.runtime.version`. Where it cannot be asked, there is none.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
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
