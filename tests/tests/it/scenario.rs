//! The two services for tests from outside, tested from outside.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use throughline_testing::Collector;

fn service(program: &str, name: &str, collector: &Collector, variable: (&str, &str)) -> Command {
    let mut command = Command::new(program);
    command
        .env("OTEL_SERVICE_NAME", name)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint())
        .env("NO_PROXY", "127.0.0.1")
        .envs([variable])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the server on a free port, and returns its URL.
fn start(collector: &Collector, variable: (&str, &str)) -> (Child, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let server = env!("CARGO_BIN_EXE_scenario-server");
    let mut server = service(server, "server", collector, variable)
        .env("OTEL_HTTP_SCENARIO_PORT", port.to_string())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    assert_eq!(url, format!("http://127.0.0.1:{port}\n"));
    (server, url.trim().to_owned())
}

/// Runs the client against the server, both with `variable`, and returns what they said at their ends.
fn run(collector: &Collector, variable: (&str, &str)) -> [String; 2] {
    let (mut server, url) = start(collector, variable);
    let client = env!("CARGO_BIN_EXE_scenario-client");
    let client = service(client, "client", collector, variable)
        .env("MOCK_SERVER_URL", url)
        .env("RUST_LOG", "off")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&client.stdout),
        "GET /health 200\nGET /users/7 200\nPOST /items 200\nGET /status/404 404\nGET /status/503 503\n\
         GET /stream 200\nGET /upgrade 101\nGET /panic failed\n"
    );
    drop(server.stdin.take());
    [client, server.wait_with_output().unwrap()].map(|output| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    })
}

/// How many calls the durations of `name` count, in all their points.
fn measured(collector: &Collector, name: &str) -> u64 {
    let metrics = collector.metrics();
    let points =
        (metrics.iter().filter(|metric| metric.name == name)).flat_map(|metric| &metric.points);
    points.filter_map(|point| point.count).sum()
}

#[test]
fn every_call_of_the_client_is_a_trace_and_the_end_of_the_input_ends_the_server() {
    let collector = Collector::start_blocking().unwrap();
    for said in run(&collector, ("OTEL_TRACES_SAMPLER", "parentbased_always_on")) {
        let report = "8 spans started: 8 exported, 0 dropped";
        assert!(said.contains(report), "{said}");
    }
    let expected = [
        ("GET", "GET /health"),
        ("GET", "GET /users/{id}"),
        ("POST", "POST /items"),
        ("GET [error 404]", "GET /status/{code}"),
        ("GET [error 503]", "GET /status/{code} [error 503]"),
        ("GET", "GET /stream"),
        ("GET", "GET /upgrade"),
        ("GET [error request]", "GET /panic [error panic]"),
    ];
    let traces = collector.traces();
    assert_eq!(traces.len(), expected.len());
    for (trace, (call, served)) in traces.iter().zip(expected) {
        trace.assert_tree(&format!("client: CLIENT {call}\n  server: SERVER {served}"));
    }
}

#[test]
fn every_call_is_measured_without_traces() {
    for variable in [
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        let collector = Collector::start_blocking().unwrap();
        run(&collector, variable);
        assert_eq!(collector.spans(), []);
        assert_eq!(measured(&collector, "http.server.request.duration"), 8);
        assert_eq!(measured(&collector, "http.client.request.duration"), 8);
    }
}

#[test]
fn a_connection_in_use_does_not_keep_the_server_alive() {
    let collector = Collector::start_blocking().unwrap();
    let (mut server, url) = start(&collector, ("OTEL_METRICS_EXPORTER", "none"));
    let mut connection = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let half = b"POST /items HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf";
    connection.write_all(half).unwrap();
    // The other request has come after that one was accepted.
    let mut other = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    other
        .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut status = String::new();
    BufReader::new(other).read_line(&mut status).unwrap();
    assert!(status.contains("200"), "{status}");
    drop(server.stdin.take());
    let (end, ended) = mpsc::channel();
    thread::spawn(move || end.send(server.wait_with_output()));
    let output = ended.recv_timeout(Duration::from_secs(30)).unwrap();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("spans started"),
        "{said}"
    );
    drop(connection);
}
