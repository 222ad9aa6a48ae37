//! How a path is driven: by lines on standard input.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Something that is done again and again.
pub trait Path {
    /// Does it so many times.
    fn run(&mut self, times: u64);

    /// Waits until everything that was left behind is exported.
    ///
    /// # Errors
    ///
    /// When something was not.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an allocator counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Allocations.
    pub allocations: u64,
    /// The bytes that were asked for in them.
    pub bytes: u64,
    /// The bytes that were not given back.
    pub retained: i64,
}

/// For a program whose allocator does not count.
pub fn count_nothing(work: &mut dyn FnMut()) -> Counts {
    work();
    Counts::default()
}

/// Follows the commands on standard input until its end: a number runs the path so many times, `flush` flushes it, `mark`
/// does nothing. Each is answered by the nanoseconds that passed, those of all the process's threads, allocations, bytes allocated and
/// bytes retained.
///
/// # Errors
///
/// When standard input or output fails, or a command is none of these.
pub fn drive(
    path: &mut dyn Path,
    count: impl Fn(&mut dyn FnMut()) -> Counts,
) -> Result<(), Box<dyn std::error::Error>> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let command = line.as_str();
        let wall = Instant::now();
        let cpu = cpu_nanos();
        let mut done = Ok(());
        let counts = match command {
            "mark" => count(&mut || mark()),
            "flush" => count(&mut || done = path.flush()),
            times => {
                let times = times.parse()?;
                count(&mut || path.run(times))
            }
        };
        done?;
        let wall = wall.elapsed().as_nanos();
        let cpu = cpu_nanos() - cpu;
        let Counts {
            allocations,
            bytes,
            retained,
        } = counts;
        println!("{wall} {cpu} {allocations} {bytes} {retained}");
        io::stdout().flush()?;
    }
    Ok(())
}

/// Callgrind parts its counts where this is called, for it knows it by its name.
#[inline(never)]
fn mark() {
    black_box(());
}

/// The time that all threads of this process have spent on a processor.
#[must_use]
pub fn cpu_nanos() -> i64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
