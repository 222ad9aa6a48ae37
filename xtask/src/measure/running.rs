//! A program that follows commands.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A program that answers each line on its standard input by a line.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a command cost in all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    /// Nanoseconds.
    pub(crate) wall: f64,
    /// Nanoseconds, of all threads.
    pub(crate) cpu: f64,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    pub(crate) retained: f64,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("standard output is piped")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Does the path so many times.
    pub(crate) fn run(&mut self, times: u64) -> Result<Reply> {
        self.command(&times.to_string())
    }

    pub(crate) fn flush(&mut self) -> Result<Reply> {
        self.command("flush")
    }

    fn command(&mut self, command: &str) -> Result<Reply> {
        let numbers = self.ask(command)?;
        let numbers: Result<Vec<f64>, _> = numbers.split(' ').map(str::parse).collect();
        let [wall, cpu, allocations, bytes, retained] = numbers?[..] else {
            anyhow::bail!("a path answers with five numbers");
        };
        Ok(Reply {
            wall,
            cpu,
            allocations,
            bytes,
            retained,
        })
    }

    /// Sends a line and reads one.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String> {
        let input = self.input.as_mut().context("the program has not ended")?;
        writeln!(input, "{line}").context("the program is gone")?;
        self.read()
    }

    /// Reads a line.
    pub(crate) fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line)?;
        ensure!(read > 0, "the program is gone: {:?}", self.child.wait());
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Running {
    /// Ends the program: its input does.
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("a program did not end: {error}");
        }
    }
}
