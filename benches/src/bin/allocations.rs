//! Prints the allocations and the bytes allocated per request.

use std::io;

use clap::Parser;
use throughline_benches::{Arguments, run};

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    run(&arguments, |serve| {
        let counted = allocation_counter::measure(serve);
        let per_request = |total: u64| total as f64 / arguments.requests as f64;
        println!(
            "{:.1} {:.0}",
            per_request(counted.count_total),
            per_request(counted.bytes_total)
        );
    })
}
