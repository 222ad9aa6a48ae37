//! The processor that a program runs on.

use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Binds this thread, and those that it starts from here on, to a processor. Without one it does nothing.
///
/// # Errors
///
/// When there is no such processor.
pub fn bind_to(cpu: Option<usize>) -> io::Result<()> {
    let Some(cpu) = cpu else {
        return Ok(());
    };
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    Ok(sched_setaffinity(None, &cpus)?)
}
