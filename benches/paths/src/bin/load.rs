//! Load over loopback, on servers in turn, so that what disturbs the machine disturbs all of them.
//!
//! Cheap on purpose: the server is to be the bottleneck. A request is bytes that are ready, a response so many bytes as
//! the first one had.

use std::io;
use std::time::{Duration, Instant};

use clap::Parser;
use hdrhistogram::Histogram;
use throughline_bench::{Input, bind_to};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Sends requests to servers in turn and prints a line for each: all the requests, those that warm up included; then
/// requests per second, one number a round; then the 50th, 99th and 99.9th percentile of the latency, in nanoseconds.
#[derive(Parser)]
struct Arguments {
    /// The ports of the servers.
    ports: Vec<u16>,
    /// The connections, each of which has one request under way.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How often each server gets its turn.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long a turn is, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    turn: u64,
    /// The processor that the program is bound to.
    #[arg(long)]
    cpu: Option<usize>,
}

struct Server {
    port: u16,
    requests: u64,
    rates: Vec<f64>,
    latencies: Histogram<u64>,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    bind_to(arguments.cpu)?;
    let mut servers = Vec::new();
    for &port in &arguments.ports {
        servers.push(Server {
            port,
            requests: 0,
            rates: Vec::new(),
            latencies: Histogram::new_with_bounds(1, 60_000_000_000, 3)
                .map_err(io::Error::other)?,
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The first round warms up.
    for round in 0..=arguments.rounds {
        for server in &mut servers {
            let turn = Duration::from_millis(arguments.turn);
            let (latencies, took) =
                runtime.block_on(load(server.port, arguments.connections, turn))?;
            // Each connection's first is not timed.
            server.requests += latencies.len() + arguments.connections as u64;
            if round > 0 {
                server
                    .rates
                    .push(latencies.len() as f64 / took.as_secs_f64());
                server.latencies.add(latencies).map_err(io::Error::other)?;
            }
        }
    }
    for Server {
        requests,
        rates,
        latencies,
        ..
    } in servers
    {
        let rates: Vec<_> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
        let [p50, p99, p999] = [50.0, 99.0, 99.9].map(|p| latencies.value_at_percentile(p));
        println!("{requests} {} {p50} {p99} {p999}", rates.join(","));
    }
    Ok(())
}

async fn load(
    port: u16,
    connections: usize,
    turn: Duration,
) -> io::Result<(Histogram<u64>, Duration)> {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(requests(port, begin + turn));
    }
    let mut all = Histogram::new_with_bounds(1, 60_000_000_000, 3).map_err(io::Error::other)?;
    for latencies in tasks.join_all().await {
        all.add(latencies?).map_err(io::Error::other)?;
    }
    Ok((all, begin.elapsed()))
}

async fn requests(port: u16, end: Instant) -> io::Result<Histogram<u64>> {
    let parent = Input::Sampled.traceparent().unwrap_or_default();
    let request = format!(
        "GET /users/42 HTTP/1.1\r\nhost: shop.example:8080\r\nuser-agent: bench/1.0\r\naccept: */*\r\n\
         traceparent: {parent}\r\n\r\n",
    );
    let mut latencies =
        Histogram::new_with_bounds(1, 60_000_000_000, 3).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = first_response(&mut stream).await?;
    loop {
        let begin = Instant::now();
        if begin > end {
            return Ok(latencies);
        }
        stream.write_all(request.as_bytes()).await?;
        stream.read_exact(&mut response).await?;
        if !response.starts_with(b"HTTP/1.1 200 ") {
            return Err(io::Error::other("a response is not as the first"));
        }
        latencies.saturating_record(begin.elapsed().as_nanos() as u64);
    }
}

async fn first_response(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut response = Vec::new();
    // The body is `42`, and nothing else follows.
    while !response.ends_with(b"\r\n\r\n42") {
        if stream.read_buf(&mut response).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(response)
}
