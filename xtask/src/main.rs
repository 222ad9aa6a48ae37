//! The project's own commands: `cargo xtask demo`, `test`, `lint`, `conformance`, `semconv`, `interop`, `bench`.

mod bench;
mod budget;
mod cargo;
mod conformance;
mod demo;
mod fuzz;
mod interop;
mod lint;
mod measure;
mod rules;
mod semconv;
mod service;
mod shop;
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
    /// Holds what the shop and the scenario's services send against the semantic conventions, with a checker that is there.
    Semconv(semconv::Options),
    /// Sends the example shop's spans, metrics and logs to OTLP receivers of others, and calls to and from services with the
    /// official SDK for Python. Needs Python and, once, a network.
    Interop(interop::Options),
    /// Measures what tracing costs, ours and the peers': instructions (needs valgrind), allocations, time, throughput.
    Bench(bench::Options),
    /// Fails when a path costs more than `benches/budgets.json` allows, and names what has grown. Needs valgrind.
    Budget(budget::Options),
    /// Prints where the instructions and allocations of a path go. Needs valgrind.
    Profile(budget::ProfileOptions),
    /// Gives millions of random inputs to what reads the text of others, and measures that long ones stay cheap. Needs
    /// valgrind.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(options) => demo::run(options),
        Command::Test => test::run(),
        Command::Lint => lint::run(),
        Command::Conformance(options) => conformance::run(&options),
        Command::Semconv(options) => semconv::run(&options),
        Command::Interop(options) => interop::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Budget(options) => budget::run(&options),
        Command::Profile(options) => budget::profile(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
