//! The project's own commands: `cargo xtask demo`, `test`, `lint`, `conformance`, `bench`.

mod bench;
mod cargo;
mod conformance;
mod demo;
mod lint;
mod rules;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the example shop, follows requests through it, and prints and checks their traces.
    Demo(demo::Options),
    /// Runs all tests, doctests and examples of the documentation.
    Test,
    /// Checks formatting, clippy, rustdoc, the crates' import rules and, where installed, cargo-deny.
    Lint,
    /// Runs the W3C trace-context harness, which must be there already.
    Conformance(conformance::Options),
    /// Measures the cost of a request, in instructions (needs valgrind) and allocations.
    Bench,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(options) => demo::run(options),
        Command::Test => test::run(),
        Command::Lint => lint::run(),
        Command::Conformance(options) => conformance::run(&options),
        Command::Bench => bench::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
