//! Instructions, by valgrind's callgrind: those of all threads, and the same in each run.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use super::{COUNTED, Path, TIMES, WARM, batches, scratch, valgrind};

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
    let out = scratch("callgrind");
    let out = out.display();
    let file = format!("--callgrind-out-file={out}");
    let mut tool = vec!["--tool=callgrind", "--dump-before=*drive::mark*", &file];
    if path.is_an_end() {
        tool.push("--toggle-collect=*SpanPipeline*::on_end*");
    }
    // What comes before the first mark is the start, in which some crate may spin on a clock.
    let commands = format!("{}mark\n{}mark\n", batches(WARM), batches(COUNTED));
    valgrind(&tool, path, &commands)?;
    let counted = format!("{out}.2");
    let written = fs::read_to_string(&counted).context("callgrind has seen no two marks")?;
    for part in [format!("{out}"), format!("{out}.1"), counted] {
        fs::remove_file(part)?;
    }
    let costs = self_costs(&written).into_iter();
    Ok(costs
        .map(|(function, cost)| (function, cost as f64 / TIMES))
        .collect())
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
