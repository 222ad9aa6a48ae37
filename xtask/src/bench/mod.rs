//! `cargo xtask bench`: what tracing costs, ours and the peers'.

mod flood;
mod loopback;
mod machine;
mod rows;
mod table;
mod time;

use std::fs;
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::cargo;
use crate::measure::{self, Cost, Path, Programs, Running};
use rows::Group;
use table::Measured;

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measures only what has this in its name: `request`, `child`, `line`, `sql`, `call`, `query`, `export`, `loopback`, `flood`.
    #[arg(long, default_value = "")]
    only: String,
    /// Writes the figures into `docs/performance.md`, too.
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

/// Measures everything and prints it as Markdown.
pub(crate) fn run(options: &Options) -> Result<()> {
    measure::need_valgrind()?;
    let programs = Programs::all()?;
    let mut printed = String::new();
    let measured = measure_groups(&programs, &options.only)?;
    if !measured.is_empty() {
        printed += &table::paths(&measured);
    }
    if "loopback".contains(&options.only) {
        eprintln!("measuring: end to end");
        printed += "\n";
        printed += &table::loopback(&loopback::serve(&programs)?);
    }
    if "flood".contains(&options.only) {
        eprintln!("measuring: a flood of spans");
        printed += "\n";
        printed += &table::flood(&flood::flood(&programs)?);
    }
    printed += "\n";
    printed += &machine::describe()?;
    println!("{printed}");
    if options.write {
        write(&printed)?;
    }
    Ok(())
}

fn measure_groups(programs: &Programs, only: &str) -> Result<Vec<(Group, Measured)>> {
    let (_server, server_url) = programs.serve()?;
    let mut sink = Running::start(&mut programs.other("sink"))?;
    let ports = sink.read()?;
    let (http, grpc) = ports.split_once(' ').context("the sink prints two ports")?;
    let (http, grpc) = (
        format!("http://127.0.0.1:{http}"),
        format!("http://127.0.0.1:{grpc}"),
    );
    let mut measured = Vec::new();
    for group in rows::groups(&server_url, (&http, &grpc)) {
        if group.bare.what.contains(only) {
            eprintln!("measuring: {}", group.bare.what);
            let figures = measure_group(programs, &group)?;
            measured.push((group, figures));
        }
    }
    Ok(measured)
}

fn measure_group(programs: &Programs, group: &Group) -> Result<Measured> {
    let rows = std::iter::once(&group.bare).chain(&group.rows);
    let paths: Vec<_> = rows.map(|row| programs.path(&row.words)).collect();
    let costs = match group.is_counted {
        true => costs(&paths)?.into_iter().map(Some).collect(),
        false => vec![None; paths.len()],
    };
    let unit = programs.path(&group.unit);
    let (unit_nanos, times) = time::rounds(&unit, &paths, group.flushes)?;
    Ok(Measured {
        unit_nanos,
        costs,
        times,
    })
}

/// The costs of paths, counted side by side: what another process does changes no count.
fn costs(paths: &[Path]) -> Result<Vec<Cost>> {
    let at_once = thread::available_parallelism().map_or(1, Into::into);
    let mut costs = Vec::new();
    for paths in paths.chunks(at_once) {
        thread::scope(|scope| {
            let counting: Vec<_> = paths
                .iter()
                .map(|path| scope.spawn(|| path.cost()))
                .collect();
            for count in counting {
                costs.push(count.join().map_err(|_| anyhow!("counting panicked"))??);
            }
            anyhow::Ok(())
        })?;
    }
    Ok(costs)
}

/// Replaces what stands between the two marks.
fn write(figures: &str) -> Result<()> {
    const BEGIN: &str = "<!-- figures: written by `cargo xtask bench --write` -->\n";
    const END: &str = "<!-- end of the figures -->\n";
    let file = cargo::root()?.join("docs/performance.md");
    let written = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let marks = || -> Option<(&str, &str)> {
        let (before, rest) = written.split_once(BEGIN)?;
        Some((before, rest.split_once(END)?.1))
    };
    let (before, after) =
        marks().context("docs/performance.md has lost the marks of its figures")?;
    fs::write(&file, format!("{before}{BEGIN}\n{figures}\n{END}{after}"))?;
    Ok(())
}
