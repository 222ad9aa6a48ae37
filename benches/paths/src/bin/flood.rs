//! Spans of ten attributes from two threads, through a pipeline with its default settings.
//!
//! It fails when the pipeline's counts do not add up, or memory has grown beyond a bound that follows from the defaults.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};

use clap::Parser;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use throughline_bench::{collector, cpu_nanos, span};
use throughline_otlp::otlp::Protocol;
use throughline_otlp::{ExportRuntime, SpanPipeline};

const MIB: u64 = 1024 * 1024;

/// The most bytes that memory may grow by. The queue holds 16 MiB, a request 3 MiB, and two batches of 3 MiB are kept to
/// be filled again. What else there is, which no default says, is given 4 MiB: stacks, the allocator's arenas, the
/// connection.
const MOST_GROWTH: u64 = (16 + 3 + 2 * 3 + 4) * MIB;

/// Makes spans, shuts their pipeline down, and prints: the nanoseconds in which they were made, those of all the process's
/// threads until all was shut down, the spans exported, the spans dropped, the most that were seen queued or in flight,
/// and the bytes that memory has grown by at its peak.
#[derive(Parser)]
struct Flood {
    /// The collector's endpoint.
    endpoint: String,
    /// Whether it is for gRPC.
    #[arg(long)]
    grpc: bool,
    /// How many spans.
    #[arg(long)]
    spans: u64,
    /// In how many seconds. Default: as fast as it can.
    #[arg(long, default_value_t = 0.0)]
    seconds: f64,
    /// The bytes of one more attribute. Default: there is none.
    #[arg(long, default_value_t = 0)]
    bytes: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flood = Flood::parse();
    let protocol = match flood.grpc {
        true => Protocol::Grpc,
        false => Protocol::HttpProtobuf,
    };
    let collector = collector(&flood.endpoint, protocol);
    let memory = status("VmRSS:")?;
    let pipeline = SpanPipeline::builder().build_otlp(&ExportRuntime::start()?, &collector)?;
    let provider = SdkTracerProvider::builder()
        .with_span_processor(pipeline.clone())
        .build();
    let begin = Instant::now();
    let queued = flood.make(&provider.tracer("flood"), &pipeline);
    let took = begin.elapsed().as_nanos();
    // With a dead collector it says that spans were lost.
    let _ = pipeline.shutdown_blocking(Duration::from_secs(1));
    let cpu = cpu_nanos();
    let growth = status("VmHWM:")?.saturating_sub(memory);
    let counts = pipeline.counts();
    let (exported, dropped) = (counts.exported, counts.dropped.total());
    if [counts.started, exported + dropped] != [flood.spans; 2] {
        return Err(format!("of {} spans: {counts}", flood.spans).into());
    }
    if growth > MOST_GROWTH {
        return Err(format!("memory has grown by {growth} bytes").into());
    }
    println!("{took} {cpu} {exported} {dropped} {queued} {growth}");
    Ok(())
}

impl Flood {
    /// Returns the most spans that were seen in the pipeline.
    fn make(&self, tracer: &SdkTracer, pipeline: &SpanPipeline) -> u64 {
        thread::scope(|scope| {
            let half = self.spans / 2;
            let parts = [half, self.spans - half];
            let threads = parts.map(|spans| scope.spawn(move || self.make_part(spans, tracer)));
            let mut most = 0;
            while !threads.iter().all(ScopedJoinHandle::is_finished) {
                thread::sleep(Duration::from_millis(1));
                most = most.max(pipeline.counts().queued);
            }
            most
        })
    }

    /// Each millisecond what is due by then, as a server does that is called so often.
    fn make_part(&self, spans: u64, tracer: &SdkTracer) {
        let begin = Instant::now();
        let mut made = 0;
        while made < spans {
            let part = begin.elapsed().as_secs_f64() / self.seconds;
            let due = ((part * spans as f64) as u64).min(spans);
            for _ in made..due {
                let mut span = span(tracer, |text| text.to_owned().into());
                if self.bytes > 0 {
                    span.set_attribute(KeyValue::new("padding", "-".repeat(self.bytes)));
                }
                span.end();
            }
            made = due;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// So many bytes of this process.
fn status(of: &str) -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let lines = status.lines().filter_map(|line| line.strip_prefix(of));
    let mut kib = lines.filter_map(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.next().ok_or(io::ErrorKind::InvalidData)? * 1024)
}
