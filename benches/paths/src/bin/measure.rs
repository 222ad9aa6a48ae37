//! Does a path of throughline's, uncounted: callgrind counts, or a clock.

use clap::Parser;
use throughline_bench::{Command, count_nothing, drive};

/// Does a path, as often as standard input says.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    path: Command,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut path = Arguments::parse().path.path()?;
    drive(&mut *path, count_nothing)
}
