//! Measuring a path: a program of `benches/` that does one thing as often as its standard input says.

pub(crate) mod callgrind;
pub(crate) mod dhat;
mod running;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo;

pub(crate) use running::Running;

/// How often a path is done before what it left behind is flushed: a batch of the exporters, so that each run makes the
/// same batches.
pub(crate) const BATCH: u64 = 512;

/// The batches that warm up: what is only done once is not counted.
const WARM: usize = 1;

/// The batches that are counted.
const COUNTED: usize = 2;

/// How often a path is done in [`COUNTED`] batches.
const TIMES: f64 = (COUNTED as u64 * BATCH) as f64;

/// The programs of the bench workspace.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    measure: &'static str,
    allocations: &'static str,
}

impl Programs {
    /// With our own paths alone, without any dependency of the peers'.
    pub(crate) fn own() -> Result<Self> {
        Self::build(&["throughline-bench"], "measure", "allocations")
    }

    /// With the peers' paths, too.
    pub(crate) fn all() -> Result<Self> {
        let packages = ["throughline-bench", "throughline-bench-peers"];
        Self::build(&packages, "peers", "peers-allocations")
    }

    /// What reads the text of others, as paths whose allocations nobody counts.
    pub(crate) fn readers() -> Result<Self> {
        Self::build(&["throughline-fuzz"], "throughline-fuzz", "")
    }

    fn build(packages: &[&str], measure: &'static str, allocations: &'static str) -> Result<Self> {
        let mut build = cargo::benches("build")?;
        build.args(["--release", "--locked"]);
        for package in packages {
            build.args(["--package", package]);
        }
        cargo::run(&mut build)?;
        Ok(Self {
            folder: cargo::benches_target()?.join("release"),
            measure,
            allocations,
        })
    }

    /// A program that is no path: `load`, `sink`.
    pub(crate) fn other(&self, name: &str) -> Command {
        Command::new(self.folder.join(name))
    }

    /// A bare server, and what a client calls it by.
    pub(crate) fn serve(&self) -> Result<(Running, String)> {
        let mut server = Running::start(&mut self.path("request bare sampled --serve").command())?;
        let url = format!("http://127.0.0.1:{}/users/42", server.read()?);
        Ok((server, url))
    }

    /// The path of these words.
    pub(crate) fn path(&self, words: &str) -> Path {
        Path {
            measure: self.folder.join(self.measure),
            allocations: self.folder.join(self.allocations),
            words: words.split(' ').map(str::to_owned).collect(),
        }
    }
}

/// Something whose cost can be measured.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    measure: PathBuf,
    allocations: PathBuf,
    words: Vec<String>,
}

/// What one time costs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// On the thread that does it.
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    /// The bytes that are not given back.
    pub(crate) retained: f64,
}

impl Path {
    /// The uncounted program.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.measure);
        command.args(&self.words);
        command
    }

    pub(crate) fn cost(&self) -> Result<Cost> {
        let [allocations, bytes, retained] = self.allocations()?;
        Ok(Cost {
            instructions: callgrind::instructions(self)?,
            allocations,
            bytes,
            retained,
        })
    }

    /// Whether the instructions are only those of a span's way into the queue, not of the span; its allocations are all.
    fn is_an_end(&self) -> bool {
        self.words[0] == "end"
    }

    fn allocations(&self) -> Result<[f64; 3]> {
        let mut command = Command::new(&self.allocations);
        let mut running = Running::start(command.args(&self.words))?;
        let mut counted = [0.0; 3];
        for batch in 0..WARM + COUNTED {
            let done = running.run(BATCH)?;
            running.flush()?;
            if batch >= WARM {
                counted[0] += done.allocations;
                counted[1] += done.bytes;
                counted[2] += done.retained;
            }
        }
        Ok(counted.map(|count| count / TIMES))
    }
}

/// Fails where valgrind is not installed.
pub(crate) fn need_valgrind() -> Result<()> {
    if !cargo::is_installed(Command::new("valgrind").arg("--version")) {
        bail!("valgrind counts the instructions, and is not installed (apt-get install valgrind)");
    }
    Ok(())
}

/// The commands that do a path so many batches long.
fn batches(count: usize) -> String {
    format!("{BATCH}\nflush\n").repeat(count)
}

/// Runs a path under a tool of valgrind's.
fn valgrind(tool: &[&str], path: &Path, commands: &str) -> Result<()> {
    let mut child = Command::new("valgrind")
        .args(tool)
        .arg(&path.measure)
        .args(&path.words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run valgrind")?;
    let mut input = child.stdin.take().context("standard input is piped")?;
    input.write_all(commands.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let printed = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{printed}");
    Ok(())
}

/// A folder of one run of a tool alone, with the files that it writes: beside the programs, where nobody else cleans up.
/// Dropping it removes them.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: &Path, tool: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let all = path.measure.with_file_name("scratch");
        fs::create_dir_all(&all).with_context(|| format!("cannot make {}", all.display()))?;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let folder = all.join(format!("{tool}-{}-{number}", process::id()));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self(folder)),
                // Of a process that was killed, or of one in another container.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make {}", folder.display()));
                }
            }
        }
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn read(&self, name: &str) -> Result<String> {
        let file = self.file(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
