//! `cargo xtask fuzz`.

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::measure::{self, Programs, Running, callgrind};

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many inputs each target gets; what reads a whole configuration gets a tenth.
    #[arg(long, default_value_t = 10_000_000)]
    inputs: u64,
    /// The only target. Default: each.
    target: Option<String>,
}

/// Lengths of an input, in bytes: the first for what is not of the input.
type Lengths = [u32; 3];

/// Of headers and variables, and of statements, of which 32 KiB are looked at.
const LENGTHS: Lengths = [0, 100, 8000];
const SQL_LENGTHS: Lengths = [0, 1000, 32_000];

/// How much more a byte of a long input may cost than one of a short one.
const MOST: f64 = 1.5;

/// A byte that costs less than this counts as this much: it is copied or printed, and hardly read.
const LEAST: f64 = 10.0;

/// What reads the text of others, a line of `throughline-fuzz list`.
struct Target {
    name: String,
    /// How many times fewer inputs it gets.
    fewer: u64,
    has_fixed_cost: bool,
}

impl Target {
    fn lengths(&self) -> Lengths {
        match self.name.starts_with("sql-") {
            true => SQL_LENGTHS,
            false => LENGTHS,
        }
    }
}

/// Gives random inputs to each target, then holds the cost of long inputs against that of short ones.
pub(crate) fn run(options: &Options) -> Result<()> {
    measure::need_valgrind()?;
    let programs = Programs::readers()?;
    let targets = targets(&programs, options)?;
    for target in &targets {
        let path = programs.path(&format!("random {}", target.name));
        let inputs = options.inputs / target.fewer;
        let mut running = Running::start(&mut path.command())?;
        running.run(inputs).context(target.name.clone())?;
        println!("{}: {inputs} inputs", target.name);
    }
    println!(
        "| target | input | bytes | instructions a byte | bytes | instructions a byte | ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut dear = Vec::new();
    for target in &targets {
        dear.extend(costs(&programs, target)?);
    }
    ensure!(
        dear.is_empty(),
        "a byte of a long input costs more than {MOST} times one of a short input:\n{}",
        dear.join("\n")
    );
    Ok(())
}

/// The chosen targets.
fn targets(programs: &Programs, options: &Options) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for line in cargo::output(&mut programs.path("list").command())?.lines() {
        let [name, fewer, has_fixed_cost] = line.split(' ').collect::<Vec<_>>()[..] else {
            anyhow::bail!("a target is three words, not {line:?}");
        };
        if options.target.as_deref().is_none_or(|only| only == name) {
            targets.push(Target {
                name: name.to_owned(),
                fewer: fewer.parse()?,
                has_fixed_cost: has_fixed_cost.parse()?,
            });
        }
    }
    ensure!(!targets.is_empty(), "there is no such target");
    Ok(targets)
}

/// Prints a target's costs, and returns the rows in which a byte of a long input costs too much.
fn costs(programs: &Programs, target: &Target) -> Result<Vec<String>> {
    let name = &target.name;
    let inputs = cargo::output(&mut programs.path(&format!("inputs {name}")).command())?;
    let inputs: Vec<_> = inputs.lines().collect();
    let lengths = target.lengths();
    let shown = lengths.map(|length| length.to_string()).join(" ");
    let path = programs.path(&format!("cost {name} {shown}"));
    let counted = callgrind::several(&path, inputs.len() * lengths.len())?;
    let mut dear = Vec::new();
    for (input, counted) in inputs.iter().zip(counted.chunks(lengths.len())) {
        // What is refused at once costs less than what is read in full, of which nothing can then be taken off.
        let is_read = target.has_fixed_cost && counted[1] > counted[0];
        let fixed = if is_read { counted[0] } else { 0.0 };
        let a_byte = |place: usize| (counted[place] - fixed) / f64::from(lengths[place]);
        let (short, long) = (a_byte(1), a_byte(2));
        let ratio = long / short.max(LEAST);
        let [_, shorter, longer] = lengths;
        let row = format!(
            "| {name} | {input} | {shorter} | {short:.1} | {longer} | {long:.1} | {ratio:.2} |"
        );
        println!("{row}");
        if ratio > MOST {
            dear.push(row);
        }
    }
    Ok(dear)
}
