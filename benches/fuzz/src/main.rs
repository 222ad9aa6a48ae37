//! What reads text that others wrote: given anything, it must not panic, and longer input must not cost more a byte.
//!
//! What reads is one table, [`targets`]. Each command but `list` follows lines on standard input, as the measured paths do.

mod cost;
mod random;
mod targets;

use std::error::Error;
use std::io;

use clap::Parser;
use throughline_bench::{count_nothing, drive};

use cost::Costs;
use random::Fuzzing;
use targets::Target;

/// Gives inputs to what reads the text of others.
#[derive(Parser)]
enum Arguments {
    /// Prints a line for each target: its name, `1`, or how much fewer inputs it should get than others, and whether an
    /// input has a cost that does not come from its text.
    List,
    /// Prints a line for each input of which `cost` makes longer ones.
    Inputs {
        /// What reads.
        target: String,
    },
    /// Gives a target random inputs.
    Random {
        /// What reads.
        target: String,
    },
    /// Gives a target one input again and again, after a flush the next: each of `inputs`, in each of these lengths.
    Cost {
        /// What reads.
        target: String,
        /// How long the values and the rests of the names are, in bytes.
        lengths: Vec<usize>,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse() {
        Arguments::List => {
            for target in targets::all() {
                let fewer = if target.is_dear { 10 } else { 1 };
                println!("{} {fewer} {}", target.name, target.has_fixed_cost);
            }
            Ok(())
        }
        Arguments::Inputs { target } => {
            for (seed, shape) in cost::inputs(find(&target)?) {
                let shown = seed.lines().next().unwrap_or_default();
                println!("{shape} `{}`", shown.replace('|', "\\|"));
            }
            Ok(())
        }
        Arguments::Random { target } => drive(&mut Fuzzing::new(find(&target)?), count_nothing),
        Arguments::Cost { target, lengths } => {
            drive(&mut Costs::new(find(&target)?, &lengths), count_nothing)
        }
    }
}

fn find(name: &str) -> io::Result<Target> {
    let target = targets::all()
        .into_iter()
        .find(|target| target.name == name);
    target.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no target {name}")))
}
