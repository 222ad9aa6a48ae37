//! Serves the requests and prints nothing: callgrind counts.

use std::io;

use clap::Parser;
use throughline_benches::{Arguments, run};

fn main() -> io::Result<()> {
    run(&Arguments::parse(), |serve| serve())
}
