//! `cargo xtask budget` and `cargo xtask profile`.

mod table;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::cargo;
use crate::measure::dhat::Place;
use crate::measure::{self, Path, Programs, Running, callgrind, dhat};
use table::{Entry, NOTABLE, Table};

/// What has a budget.
const PATHS: &[&str] = &[
    "request throughline sampled",
    "request throughline sampled --metrics",
    "request throughline sampled --work",
    "request throughline unsampled",
    "request throughline unsampled --metrics",
    "request throughline always-off",
    "request throughline always-on",
    "request disabled sampled",
    "child throughline sampled",
    "child instrument sampled",
    "child instrument sampled --event",
    "child instrument unsampled",
    "end",
    "end --n-plus-one",
    "end --query --n-plus-one",
    "line throughline-json",
    "line throughline-text",
    "call throughline sampled",
    "call throughline sampled --metrics",
    "call throughline unsampled",
];

/// What each is held against, in the same run: what another compiler does to both falls out.
const BARE: &str = "request bare sampled";

/// How much of its ratio to the bare request a path may grow. Allocations must not grow at all.
const TOLERANCE: f64 = 0.05;

/// Options of `cargo xtask budget`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Writes what is measured into the table, instead of holding it against the table.
    #[arg(long)]
    update: bool,
}

/// Options of `cargo xtask profile`.
#[derive(clap::Args)]
pub(crate) struct ProfileOptions {
    /// The words of a path, as in `benches/budgets.json`.
    #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
    words: Vec<String>,
}

/// Our paths, with a server where the calls go, and spans, which it refuses.
struct Paths {
    programs: Programs,
    url: String,
    _server: Running,
}

impl Paths {
    fn start() -> Result<Self> {
        let programs = Programs::own()?;
        let (server, url) = programs.serve()?;
        Ok(Self {
            programs,
            url,
            _server: server,
        })
    }

    fn path(&self, words: &str) -> Path {
        match words.starts_with("call ") || words.starts_with("end") {
            true => self.programs.path(&format!("{words} {}", self.url)),
            false => self.programs.path(words),
        }
    }
}

/// Measures each path, and fails where one has grown.
pub(crate) fn run(options: &Options) -> Result<()> {
    measure::need_valgrind()?;
    let paths = Paths::start()?;
    let file = cargo::root()?.join("benches/budgets.json");
    let bare = paths.path(BARE).cost()?.instructions;
    if options.update {
        let mut table = Table::default();
        for words in PATHS {
            table.set(words, &measured(&paths.path(words), bare)?);
        }
        return table.write(&file);
    }
    let table = Table::read(&file)?;
    let mut is_kept = true;
    println!("| path | instructions | × bare | budget | allocations | budget |");
    println!("|---|---|---|---|---|---|");
    for words in PATHS {
        let path = paths.path(words);
        let budget = table.get(words)?;
        let cost = path.cost()?;
        let ratio = cost.instructions / bare;
        println!(
            "| {words} | {:.0} | {ratio:.3} | {:.3} | {:.2} | {:.2} |",
            cost.instructions, budget.ratio, cost.allocations, budget.allocations
        );
        if ratio > budget.ratio * (1.0 + TOLERANCE) {
            is_kept = false;
            explain_instructions(&path, &budget)?;
        }
        if cost.allocations > budget.allocations + 0.05 {
            is_kept = false;
            explain_allocations(&path, &budget)?;
        }
    }
    if !is_kept {
        bail!(
            "a path has grown. If it must, `cargo xtask budget --update` writes the new budgets; \
             say why in the commit"
        );
    }
    Ok(())
}

/// Where a path's instructions and allocations go.
pub(crate) fn profile(options: &ProfileOptions) -> Result<()> {
    measure::need_valgrind()?;
    let paths = Paths::start()?;
    let path = paths.path(&options.words.join(" "));
    let mut functions: Vec<_> = callgrind::functions(&path)?.into_iter().collect();
    functions.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let all: f64 = functions.iter().map(|(_, count)| count).sum();
    println!("{all:>8.0} instructions");
    for (function, count) in functions.iter().filter(|(_, count)| *count >= 20.0) {
        println!("{count:>8.0} {function}");
    }
    let places = dhat::places(&path)?;
    println!("{:>8.2} allocations", places.values().sum::<f64>());
    for (Place { file, line }, count) in places {
        println!("{count:>8.2} {file}:{line}");
    }
    Ok(())
}

fn measured(path: &Path, bare: f64) -> Result<Entry> {
    let cost = path.cost()?;
    Ok(Entry {
        ratio: cost.instructions / bare,
        allocations: cost.allocations,
        functions: callgrind::functions(path)?,
        places: by_file(&dhat::places(path)?),
    })
}

/// Lines move with each change; files do not.
fn by_file(places: &BTreeMap<Place, f64>) -> BTreeMap<String, f64> {
    let mut files = BTreeMap::new();
    for (place, count) in places {
        *files.entry(place.file.clone()).or_default() += count;
    }
    files
}

fn explain_instructions(path: &Path, budget: &Entry) -> Result<()> {
    eprintln!(
        "  its instructions have grown by more than {:.0}%:",
        TOLERANCE * 100.0
    );
    let functions = callgrind::functions(path)?;
    let notable = functions.values().sum::<f64>() * NOTABLE;
    for (function, before, after) in grown(&budget.functions, &functions, notable) {
        eprintln!("  {before:>7.0} → {after:>7.0}  {function}");
    }
    Ok(())
}

fn explain_allocations(path: &Path, budget: &Entry) -> Result<()> {
    eprintln!("  its allocations have grown (those that are not below are reallocations):");
    let places = dhat::places(path)?;
    for (file, before, after) in grown(&budget.places, &by_file(&places), 0.05) {
        eprintln!("  {before:>7.2} → {after:>7.2}  {file}");
        for (place, count) in places.iter().filter(|(place, _)| place.file == file) {
            eprintln!("  {:>19.2} in line {}", count, place.line);
        }
    }
    Ok(())
}

/// What has grown by at least `notable`, the most first.
fn grown(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    notable: f64,
) -> Vec<(String, f64, f64)> {
    const MANY: usize = 12;
    let with_both = after.iter().map(|(name, after)| {
        let before = before.get(name).copied().unwrap_or_default();
        (name.clone(), before, *after)
    });
    let mut grown: Vec<_> = with_both
        .filter(|(_, before, after)| after - before >= notable)
        .collect();
    grown.sort_by(|one, other| (other.2 - other.1).total_cmp(&(one.2 - one.1)));
    grown.truncate(MANY);
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_growth_is_named_the_most_first() {
        let numbers = |all: &[(&str, f64)]| {
            let all = all
                .iter()
                .map(|(name, number)| ((*name).to_owned(), *number));
            all.collect::<BTreeMap<_, _>>()
        };
        let before = numbers(&[("same", 5.0), ("less", 5.0), ("more", 5.0), ("gone", 5.0)]);
        let after = numbers(&[("same", 5.0), ("less", 4.0), ("more", 6.0), ("new", 9.0)]);
        let expected = [("new", 0.0, 9.0), ("more", 5.0, 6.0)];
        let expected = expected.map(|(name, before, after)| (name.to_owned(), before, after));
        assert_eq!(grown(&before, &after, 0.5), expected);
    }
}
