//! The two services for tests from outside, tested from outside.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use throughline_testing::Collector;

fn service(program: &str, name: &str, collector: &Collector) -> Command {
    let mut command = Command::new(program);
    command
        .env("OTEL_SERVICE_NAME", name)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint())
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn every_call_of_the_client_is_a_trace_and_the_end_of_the_input_ends_the_server() {
    let collector = Collector::start_blocking().unwrap();
    let mut server = service(env!("CARGO_BIN_EXE_scenario-server"), "server", &collector)
        .env("OTEL_HTTP_SCENARIO_PORT", "0")
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    let client = service(env!("CARGO_BIN_EXE_scenario-client"), "client", &collector)
        .env("MOCK_SERVER_URL", url.trim())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&client.stdout),
        "GET /health 200\nGET /users/7 200\nPOST /items 200\nGET /status/404 404\nGET /status/503 503\n\
         GET /stream 200\nGET /upgrade 101\nGET /panic failed\n"
    );
    drop(server.stdin.take());
    let server = server.wait_with_output().unwrap();
    for (output, spans) in [(&client, 8), (&server, 8)] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let report = format!("{spans} spans started: {spans} exported, 0 dropped");
        assert!(said.contains(&report), "{said}");
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
