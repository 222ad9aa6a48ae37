//! Time, as a ratio to a unit's in the same round: what disturbs the machine disturbs both.

use anyhow::Result;

use crate::measure::{BATCH, Path, Running};

/// How often all programs are started afresh: where a program's memory lies changes its speed.
const STARTS: usize = 3;
/// How often each gets its turn.
const ROUNDS: usize = 9;
/// Nanoseconds of a turn.
const TURN: f64 = 10e6;

/// The times of a path.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// Passed.
    pub(crate) wall: Spread,
    /// On a processor, of all threads.
    pub(crate) cpu: Spread,
    /// Nanoseconds on a processor, of all threads; the median.
    pub(crate) cpu_nanos: f64,
}

/// Ratios to the unit's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// Of one ratio at least.
    pub(crate) fn of(mut ratios: Vec<f64>) -> Self {
        ratios.sort_by(f64::total_cmp);
        Self {
            median: ratios[ratios.len() / 2],
            lowest: ratios[0],
            highest: ratios[ratios.len() - 1],
        }
    }
}

/// Gives each path its turn, round after round. Returns the nanoseconds of the unit, and the times of each.
pub(crate) fn rounds(unit: &Path, paths: &[Path], flushes: bool) -> Result<(f64, Vec<Times>)> {
    let mut units = Vec::new();
    let mut ratios = vec![(Vec::new(), Vec::new(), Vec::new()); paths.len()];
    for _ in 0..STARTS {
        let mut unit = Turns::start(unit, flushes)?;
        let mut turns = Vec::new();
        for path in paths {
            turns.push(Turns::start(path, flushes)?);
        }
        for _ in 0..ROUNDS {
            let (unit_wall, unit_cpu) = unit.turn()?;
            units.push(unit_wall);
            for (turns, (walls, cpus, nanos)) in turns.iter_mut().zip(&mut ratios) {
                let (wall, cpu) = turns.turn()?;
                walls.push(wall / unit_wall);
                cpus.push(cpu / unit_cpu);
                nanos.push(cpu);
            }
        }
    }
    let times = ratios.into_iter().map(|(walls, cpus, nanos)| Times {
        wall: Spread::of(walls),
        cpu: Spread::of(cpus),
        cpu_nanos: Spread::of(nanos).median,
    });
    Ok((Spread::of(units).median, times.collect()))
}

/// A path that takes turns.
struct Turns {
    running: Running,
    batches: u64,
    flushes: bool,
}

impl Turns {
    fn start(path: &Path, flushes: bool) -> Result<Self> {
        let mut running = Running::start(&mut path.command())?;
        // The first warms up.
        running.run(BATCH)?;
        running.flush()?;
        let took = running.run(BATCH)?.wall + running.flush()?.wall;
        Ok(Self {
            running,
            batches: (TURN / took).ceil().max(1.0) as u64,
            flushes,
        })
    }

    /// The nanoseconds of one time: passed, and on a processor.
    fn turn(&mut self) -> Result<(f64, f64)> {
        let times = (self.batches * BATCH) as f64;
        if !self.flushes {
            let reply = self.running.run(self.batches * BATCH)?;
            return Ok((reply.wall / times, reply.cpu / times));
        }
        let (mut wall, mut cpu) = (0.0, 0.0);
        for _ in 0..self.batches {
            for reply in [self.running.run(BATCH)?, self.running.flush()?] {
                wall += reply.wall;
                cpu += reply.cpu;
            }
        }
        Ok((wall / times, cpu / times))
    }
}
