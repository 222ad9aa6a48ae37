//! `cargo xtask fuzz`.

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::measure::{self, Programs, Running, callgrind};

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many inputs each target gets.
    #[arg(long, default_value_t = 10_000_000)]
    inputs: u64,
    /// The only target. Default: each.
    target: Option<String>,
}

/// Lengths of an input, in bytes.
const SHORT: u32 = 100;
const LONG: u32 = 8000;

/// How much more a byte of a long input may cost than one of a short one.
const MOST: f64 = 1.5;

/// The ways in which `benches/paths/src/parse.rs` makes an input longer.
const SHAPES: &[&str] = &[
    "repeated", "padded", "encoded", "commas", "noise", "headers",
];

/// Gives random inputs to each target, then holds the cost of long inputs against that of short ones.
pub(crate) fn run(options: &Options) -> Result<()> {
    measure::need_valgrind()?;
    let programs = Programs::own()?;
    let targets = targets(&programs, options)?;
    for (target, _) in &targets {
        let mut running = Running::start(&mut programs.path(&format!("fuzz {target}")).command())?;
        running.run(options.inputs).context(target.clone())?;
        println!("{target}: {} inputs", options.inputs);
    }
    println!("| target, shape, seed | instructions a byte, {SHORT} bytes | {LONG} bytes | ratio |");
    println!("|---|---|---|---|");
    let mut worst = 0.0_f64;
    for (target, seeds) in &targets {
        for shape in SHAPES {
            for seed in 0..*seeds {
                let ratio = ratio(&programs, &format!("{target} {shape} {seed}"))?;
                worst = worst.max(ratio);
            }
        }
    }
    ensure!(
        worst <= MOST,
        "a byte of a long input costs {worst:.2} times one of a short input"
    );
    Ok(())
}

/// The chosen targets, each with the number of its seeds.
fn targets(programs: &Programs, options: &Options) -> Result<Vec<(String, u32)>> {
    let mut targets = Vec::new();
    for line in cargo::output(&mut programs.path("fuzz").command())?.lines() {
        let (target, seeds) = line.split_once(' ').context("a target and its seeds")?;
        if options.target.as_deref().is_none_or(|only| only == target) {
            targets.push((target.to_owned(), seeds.parse()?));
        }
    }
    ensure!(!targets.is_empty(), "there is no such target");
    Ok(targets)
}

fn ratio(programs: &Programs, words: &str) -> Result<f64> {
    let a_byte = |bytes: u32| -> Result<f64> {
        let path = programs.path(&format!("parse {words} {bytes}"));
        let instructions: f64 = callgrind::functions(&path)?.values().sum();
        Ok(instructions / f64::from(bytes))
    };
    let (short, long) = (a_byte(SHORT)?, a_byte(LONG)?);
    let ratio = long / short;
    println!("| {words} | {short:.1} | {long:.1} | {ratio:.2} |");
    Ok(ratio)
}
