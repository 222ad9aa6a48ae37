//! `cargo xtask bench`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{self, cargo};

/// What is measured: the layer, the caller's decision, metrics.
const ROWS: &[(&str, &str, bool)] = &[
    ("noop", "sampled", false),
    ("throughline", "sampled", false),
    ("throughline", "sampled", true),
    ("throughline", "unsampled", false),
    ("throughline", "unsampled", true),
    ("throughline", "absent", false),
    ("disabled", "sampled", false),
];

/// Prints the cost of each row over the bare router's with the same request.
pub(crate) fn run() -> Result<()> {
    let build = "build --profile bench --package throughline-benches";
    cargo::run(&mut cargo(build.split(' ')))?;
    let has_valgrind = cargo::is_installed(Command::new("valgrind").arg("--version"));
    if !has_valgrind {
        eprintln!("SKIPPED: valgrind is not installed, no instructions were counted");
    }
    println!("| layer | parent | metrics | instructions | over bare | allocations | over bare |");
    println!("|---|---|---|---|---|---|---|");
    let mut bare = BTreeMap::new();
    for &(_, parent, _) in ROWS {
        if !bare.contains_key(parent) {
            bare.insert(parent, measure("bare", parent, false, has_valgrind)?);
        }
    }
    for &(layer, parent, metrics) in ROWS {
        let cost = measure(layer, parent, metrics, has_valgrind)?;
        let bare = &bare[parent];
        println!(
            "| {layer} | {parent} | {} | {} | {} | {} | {} |",
            if metrics { "on" } else { "off" },
            cost.instructions,
            cost.instructions - bare.instructions,
            cost.allocations,
            cost.allocations - bare.allocations,
        );
    }
    Ok(())
}

struct Cost {
    instructions: i64,
    allocations: f64,
}

fn measure(layer: &str, parent: &str, metrics: bool, has_valgrind: bool) -> Result<Cost> {
    let mut arguments = vec![layer, parent];
    if metrics {
        arguments.push("--metrics");
    }
    let programs = cargo::programs("release")?;
    let printed = cargo::output(Command::new(programs.join("allocations")).args(&arguments))?;
    let allocations = printed.split(' ').next().unwrap_or_default();
    let instructions = |requests: i64| -> Result<i64> {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(programs.join("instructions"))
            .args(&arguments)
            .args(["--requests", &requests.to_string()]);
        let printed = command.output().context("cannot run valgrind")?.stderr;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let collected = printed
            .lines()
            .find_map(|line| line.split_once("Collected : "));
        let (_, count) =
            collected.with_context(|| format!("callgrind counted nothing:\n{printed}"))?;
        Ok(count.trim().parse()?)
    };
    // The difference of two runs: what the start costs falls out.
    const FEW: i64 = 1000;
    const MANY: i64 = 3000;
    Ok(Cost {
        instructions: match has_valgrind {
            true => (instructions(MANY)? - instructions(FEW)?) / (MANY - FEW),
            false => 0,
        },
        allocations: allocations.parse()?,
    })
}
