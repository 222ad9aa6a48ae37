//! Does a path of throughline's and counts the allocations of its thread.

use clap::Parser;
use throughline_bench::{Command, Counts, drive};

/// Does a path, as often as standard input says.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    path: Command,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut path = Arguments::parse().path.path()?;
    drive(&mut *path, |work| {
        let counted = allocation_counter::measure(work);
        Counts {
            allocations: counted.count_total,
            bytes: counted.bytes_total,
            retained: counted.bytes_current,
        }
    })
}
