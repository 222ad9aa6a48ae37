//! More spans than go out: to collectors that are dead, and how many go to one that is not.

use std::net::TcpListener;

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::measure::{Programs, Running};

const HTTP: &str = "HTTP";
const GRPC: &str = "gRPC";

/// The spans of a flood at full speed.
const SPANS: f64 = 1e6;

/// What became of spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flooded {
    pub(crate) collector: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) exported: f64,
    pub(crate) dropped: f64,
    pub(crate) per_second: f64,
    /// The most that were seen queued or in flight.
    pub(crate) queued: f64,
    /// The bytes that memory grew by at its peak.
    pub(crate) growth: f64,
    /// Nanoseconds of processor time of a span.
    pub(crate) cpu: f64,
    /// The same, of the collector's process.
    pub(crate) collector_cpu: Option<f64>,
}

/// Floods collectors of each kind, by each protocol.
pub(crate) fn flood(programs: &Programs) -> Result<Vec<Flooded>> {
    let mut flooded = Vec::new();
    for protocol in [HTTP, GRPC] {
        // Nobody listens where somebody has listened.
        let refusing = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // The system accepts, and nobody reads.
        let silence = TcpListener::bind("127.0.0.1:0")?;
        let silent = silence.local_addr()?.port();
        for (collector, port, bytes) in [
            ("refuses connections", refusing, 0),
            ("accepts and never answers", silent, 0),
            ("the same, 16 KiB more a span", silent, 16 * 1024),
        ] {
            let flood = Flood {
                programs,
                collector,
                protocol,
                port,
                bytes,
            };
            flooded.push(flood.spans(SPANS, 0.0)?);
        }
    }
    for protocol in [HTTP, GRPC] {
        flooded.push(lossless(programs, protocol)?);
    }
    Ok(flooded)
}

/// The most spans a second of which a collector gets all: doubled, then halved, then held for longer.
fn lossless(programs: &Programs, protocol: &'static str) -> Result<Flooded> {
    let mut sink = Running::start(&mut programs.other("sink"))?;
    let ports = sink.read()?;
    let (http, grpc) = ports.split_once(' ').context("the sink prints two ports")?;
    let flood = Flood {
        programs,
        collector: "takes all",
        protocol,
        port: if protocol == GRPC { grpc } else { http }.parse()?,
        bytes: 0,
    };
    let mut at = |rate: f64, seconds: f64| -> Result<Option<Flooded>> {
        let mut ask = |what| -> Result<f64> { Ok(sink.ask(what)?.parse()?) };
        let before = [ask("spans")?, ask("cpu")?];
        let spans = rate * seconds;
        let mut flooded = flood.spans(spans, seconds)?;
        flooded.collector_cpu = Some((ask("cpu")? - before[1]) / spans);
        let arrived = ask("spans")? - before[0];
        ensure!(arrived >= flooded.exported, "only {arrived} have arrived");
        let all = flooded.dropped == 0.0 && flooded.per_second > rate * 0.99;
        Ok(all.then_some(flooded))
    };
    let mut rate = 50_000.0;
    while at(rate * 2.0, 1.0)?.is_some() {
        rate *= 2.0;
    }
    let mut step = rate / 2.0;
    for _ in 0..4 {
        if at(rate + step, 1.0)?.is_some() {
            rate += step;
        }
        step /= 2.0;
    }
    loop {
        if let Some(flooded) = at(rate, 5.0)? {
            return Ok(flooded);
        }
        rate *= 0.9;
    }
}

/// Spans on their way to a collector.
#[derive(Clone, Copy)]
struct Flood<'a> {
    programs: &'a Programs,
    collector: &'static str,
    protocol: &'static str,
    port: u16,
    /// What a span has more than ten attributes.
    bytes: usize,
}

impl Flood<'_> {
    /// So many in so many seconds, or at full speed in none.
    fn spans(&self, spans: f64, seconds: f64) -> Result<Flooded> {
        let mut command = self.programs.other("flood");
        command.arg(format!("http://127.0.0.1:{}", self.port));
        command.args(["--bytes", &self.bytes.to_string()]);
        command.args(["--spans", &format!("{spans:.0}")]);
        command.args(["--seconds", &seconds.to_string()]);
        if self.protocol == GRPC {
            command.arg("--grpc");
        }
        let numbers = cargo::output(&mut command)?;
        let numbers: Result<Vec<f64>, _> = numbers.trim_end().split(' ').map(str::parse).collect();
        let [took, cpu, exported, dropped, queued, growth] = numbers?[..] else {
            anyhow::bail!("the flood prints six numbers");
        };
        Ok(Flooded {
            collector: self.collector,
            protocol: self.protocol,
            exported,
            dropped,
            per_second: spans / (took / 1e9),
            queued,
            growth,
            cpu: cpu / spans,
            collector_cpu: None,
        })
    }
}
