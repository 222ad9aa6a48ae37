//! Instructions, by valgrind's callgrind: those of all threads, and the same in each run.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{COUNTED, Path, Scratch, TIMES, WARM, batches, valgrind};

/// The instructions of one time, the least of several runs: how threads meet adds some now and then.
pub(crate) fn instructions(path: &Path) -> Result<f64> {
    const RUNS: usize = 3;
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        least = least.min(functions(path)?.values().sum());
    }
    Ok(least)
}

/// The instructions of one time by the function that they are in, inlined ones within their callers.
pub(crate) fn functions(path: &Path) -> Result<BTreeMap<String, f64>> {
    // What comes before the first mark is the start, in which some crate may spin on a clock.
    let commands = format!("{}mark\n{}mark\n", batches(WARM), batches(COUNTED));
    let (scratch, out) = run(path, &commands)?;
    let written = scratch.read(&format!("{out}.2"));
    let costs = self_costs(&written.context("callgrind has seen no two marks")?).into_iter();
    Ok(costs
        .map(|(function, cost)| (function, cost as f64 / TIMES))
        .collect())
}

/// The instructions of one time of so many paths in one process, of which each is followed by a flush.
pub(crate) fn several(path: &Path, count: usize) -> Result<Vec<f64>> {
    const TIMES: u64 = 8;
    let commands = format!("1\nmark\n{TIMES}\nmark\nflush\n").repeat(count);
    let (scratch, out) = run(path, &commands)?;
    let counted = (1..=count).map(|number| {
        let written = scratch.read(&format!("{out}.{}", 2 * number))?;
        let all: u64 = self_costs(&written).values().sum();
        Ok(all as f64 / TIMES as f64)
    });
    counted.collect()
}

/// Runs a path, and returns where callgrind wrote, and the name of the files, which have the number of a mark behind it.
fn run(path: &Path, commands: &str) -> Result<(Scratch, &'static str)> {
    const OUT: &str = "out";
    let scratch = Scratch::new(path, "callgrind")?;
    let file = format!("--callgrind-out-file={}", scratch.file(OUT));
    let mut tool = vec!["--tool=callgrind", "--dump-before=*drive::mark*", &file];
    if path.is_an_end() {
        tool.push("--toggle-collect=*SpanPipeline*::on_end*");
    }
    valgrind(&tool, path, commands)?;
    Ok((scratch, OUT))
}

/// Reads callgrind's file (the valgrind manual, "Callgrind Format Specification").
fn self_costs(written: &str) -> BTreeMap<String, u64> {
    let mut names = BTreeMap::new();
    let mut costs = BTreeMap::new();
    let mut current = String::new();
    let mut is_of_a_call = false;
    for line in written.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            current = resolve(&mut names, name);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            resolve(&mut names, name);
        } else if line.starts_with("calls=") {
            is_of_a_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok());
            if !is_of_a_call {
                *costs.entry(current.clone()).or_default() += cost.unwrap_or(0);
            }
            is_of_a_call = false;
        }
    }
    costs
}

/// A name is given once, `(7) name`, and then meant by its number, `(7)`.
fn resolve(names: &mut BTreeMap<String, String>, name: &str) -> String {
    let (number, name) = name.split_once(' ').unwrap_or((name, ""));
    if !name.is_empty() {
        names.insert(number.to_owned(), without_hash(name));
    }
    names.get(number).cloned().unwrap_or_default()
}

/// A name without what differs between two builds, or between a call and one within it.
fn without_hash(name: &str) -> String {
    let name = name.split('\'').next().unwrap_or(name);
    let hashed = name.rsplit_once("::h");
    let name = hashed
        .filter(|(_, hash)| hash.len() == 16)
        .map_or(name, |(name, _)| name);
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_of_the_function_without_its_calls() {
        let written = "fl=(1) a.rs\nfn=(1) a::outer::h0123456789abcdef\n12 3\n+2 4\ncfn=(2) a::inner\n\
                       calls=1 20\n+1 50\nfn=(2)\n20 50\nfn=(1)\n* 1\n";
        let costs = self_costs(written);
        let expected =
            [("a::inner", 50), ("a::outer", 8)].map(|(name, cost)| (name.to_owned(), cost));
        assert_eq!(costs, BTreeMap::from(expected));
    }
}
