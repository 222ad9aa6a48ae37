//! End to end: servers in processes of their own, all bound to one processor, and the load on another.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::rows::STACKS;
use super::time::Spread;
use crate::cargo;
use crate::measure::{Programs, Running};

const SERVER_CPU: &str = "0";
const LOAD_CPU: &str = "1";

/// What a server did under load.
pub(crate) struct Served {
    pub(crate) by: &'static str,
    /// Of the spans that went to a collector, the part that did not arrive there.
    pub(crate) lost: Option<f64>,
    pub(crate) requests_per_second: f64,
    /// The same, as a ratio to the bare server's in the same round.
    pub(crate) rate: Spread,
    /// Processor time of a request, export included, as a ratio to the bare server's.
    pub(crate) cpu: f64,
    /// The 50th, 99th and 99.9th percentile of the latency, in microseconds.
    pub(crate) latencies: [f64; 3],
}

/// Puts load on each server in turn; the first is bare.
pub(crate) fn serve(programs: &Programs) -> Result<Vec<Served>> {
    let cpus = thread::available_parallelism()?.get();
    ensure!(cpus >= 2, "the servers and the load need a processor each");
    let mut servers = vec![Server::start(programs, "nothing", "request bare", false)?];
    for stack in STACKS {
        servers.push(Server::start(programs, stack.by, stack.words, false)?);
        if stack.exports {
            servers.push(Server::start(programs, stack.by, stack.words, true)?);
        }
    }
    let mut load = programs.other("load");
    load.args(["--cpu", LOAD_CPU])
        .args(servers.iter().map(|server| &server.port));
    let printed = cargo::output(&mut load)?;
    let mut loads = Vec::new();
    for (server, line) in servers.iter_mut().zip(printed.lines()) {
        loads.push(Load::read(line, server)?);
    }
    let bare = loads
        .first()
        .context("the load prints a line for each server")?;
    let served = servers.iter().zip(&loads).map(|(server, load)| {
        let rates = load.rates.iter().zip(&bare.rates);
        Served {
            by: server.by,
            lost: load.lost,
            requests_per_second: Spread::of(load.rates.clone()).median,
            rate: Spread::of(rates.map(|(rate, bare)| rate / bare).collect()),
            cpu: load.cpu / bare.cpu,
            latencies: load.latencies,
        }
    });
    Ok(served.collect())
}

struct Server {
    by: &'static str,
    port: String,
    running: Running,
    /// Where its spans go, if they go anywhere.
    sink: Option<Running>,
}

impl Server {
    fn start(programs: &Programs, by: &'static str, words: &str, exports: bool) -> Result<Self> {
        let mut words = format!("{words} sampled --serve --cpu {SERVER_CPU}");
        let mut sink = None;
        if exports {
            let mut running = Running::start(programs.other("sink").args(["--cpu", LOAD_CPU]))?;
            let ports = running.read()?;
            let (http, _) = ports.split_once(' ').context("the sink prints two ports")?;
            words = format!("{words} --export http://127.0.0.1:{http}");
            sink = Some(running);
        }
        let mut running = Running::start(&mut programs.path(&words).command())?;
        Ok(Self {
            by,
            port: running.read()?,
            running,
            sink,
        })
    }

    /// Nanoseconds of processor time since its start.
    fn cpu(&mut self) -> Result<f64> {
        Ok(self.running.ask("cpu")?.parse()?)
    }

    /// The part of so many spans that did not arrive, after the time in which the slowest queue is emptied.
    fn lost(&mut self, spans: f64) -> Result<Option<f64>> {
        const PATIENCE: Duration = Duration::from_secs(15);
        let Some(sink) = &mut self.sink else {
            return Ok(None);
        };
        let begin = Instant::now();
        loop {
            let arrived: f64 = sink.ask("spans")?.parse()?;
            if arrived >= spans || begin.elapsed() > PATIENCE {
                return Ok(Some(1.0 - arrived / spans));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What the load printed of one server.
struct Load {
    rates: Vec<f64>,
    /// Nanoseconds of a request.
    cpu: f64,
    lost: Option<f64>,
    latencies: [f64; 3],
}

impl Load {
    fn read(line: &str, server: &mut Server) -> Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [requests, rates, p50, p99, p999] = words[..] else {
            anyhow::bail!("the load prints five words for each server");
        };
        let requests: f64 = requests.parse()?;
        let rates: Result<Vec<f64>, _> = rates.split(',').map(str::parse).collect();
        let mut latencies = [0.0; 3];
        for (latency, nanos) in latencies.iter_mut().zip([p50, p99, p999]) {
            *latency = nanos.parse::<f64>()? / 1000.0;
        }
        Ok(Self {
            rates: rates?,
            cpu: server.cpu()? / requests,
            lost: server.lost(requests)?,
            latencies,
        })
    }
}
