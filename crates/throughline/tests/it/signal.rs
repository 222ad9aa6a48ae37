//! A service that is asked to stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use throughline_testing::Collector;

use crate::app::{self, App};
use crate::process::{self, Running};

/// In a child: the time that open requests get, in milliseconds.
const GRACE: &str = "THROUGHLINE_TEST_GRACE";

/// Over soon.
const SHORT: &str = "200";

/// Never over.
const LONG: &str = "60000";

/// What the whole stop may take on a busy machine.
const GENEROUS: Duration = Duration::from_secs(10);

async fn serve(app: App) {
    let grace = std::env::var(GRACE).unwrap().parse().unwrap();
    println!("listening {}", app.base.trim_start_matches("http://"));
    let server = axum::serve(app.listener, app.router)
        .with_graceful_shutdown(throughline::shutdown_signal());
    tokio::select! {
        // Listens for the signal before there is a request that the test could wait for.
        biased;
        () = throughline::shutdown_deadline(Duration::from_millis(grace)) => println!("the grace is over"),
        served = server.into_future() => served.unwrap(),
    }
}

/// As documented: the runtime ends, and with it what is still open, before the telemetry does.
fn main_around_a_runtime() {
    let telemetry = app::init();
    app::on_multi_thread(async { serve(App::new().await).await });
    let report = telemetry.shutdown_blocking().unwrap();
    println!("report {report}");
}

/// A request to the child; reads until `end` has come.
fn get(address: &str, path: &str, end: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: shop\r\n\r\n").unwrap();
    let mut read = String::new();
    while !read.contains(end) {
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{read}");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    stream
}

fn check_stop(mut running: Running, signal: &str, path: &str, end: &str) -> process::Output {
    let address = running.line("listening ");
    let _open = get(&address, path, end);
    let start = Instant::now();
    running.signal(signal);
    let output = running.wait();
    let took = start.elapsed();
    assert!(took < GENEROUS, "{took:?}");
    output
}

#[test]
fn an_endless_stream_is_cut_after_the_grace_and_its_span_arrives_as_cancelled() {
    let test = an_endless_stream_is_cut_after_the_grace_and_its_span_arrives_as_cancelled;
    let Some(process) = process::of(test, main_around_a_runtime) else {
        return;
    };
    for signal in ["TERM", "INT"] {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        let running = process.variable(GRACE, SHORT).start();
        let output = check_stop(running, signal, "/stream", "begun");
        output.after("the grace is over");
        output.check_report("report ", "1 span started: 1 exported, 0 dropped");
        collector.traces()[0].assert_tree("SERVER GET /stream [error cancelled]");
    }
}

#[test]
fn a_service_without_open_requests_stops_at_once() {
    let Some(process) = process::of(
        a_service_without_open_requests_stops_at_once,
        main_around_a_runtime,
    ) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let running = process
        .exporting_to(&collector)
        .variable(GRACE, LONG)
        .start();
    let output = check_stop(running, "TERM", "/leaf", "shop");
    assert!(
        !output
            .lines()
            .iter()
            .any(|line| line == "the grace is over")
    );
    collector.traces()[0].assert_tree("SERVER GET /leaf");
}

#[test]
fn inside_the_runtime_of_the_server_an_open_stream_is_counted_as_open() {
    let scenario = || {
        app::on_multi_thread(async {
            let telemetry = app::init();
            serve(App::new().await).await;
            let report = telemetry.shutdown().await.unwrap();
            println!("report {report}");
        });
    };
    let test = inside_the_runtime_of_the_server_an_open_stream_is_counted_as_open;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let running = process
        .exporting_to(&collector)
        .variable(GRACE, SHORT)
        .start();
    let output = check_stop(running, "TERM", "/stream", "begun");
    output.check_report("report ", "1 span started: 0 exported, 0 dropped, 1 open");
    assert!(collector.spans().is_empty());
}

#[test]
fn a_request_in_flight_has_its_time() {
    let Some(process) = process::of(a_request_in_flight_has_its_time, main_around_a_runtime) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector).variable(GRACE, LONG);
    let mut running = process.start();
    let address = running.line("listening ");
    let client = thread::spawn(move || get(&address, "/slow", "done"));
    running.line("in the slow handler");
    running.signal("TERM");
    let output = running.wait();
    client.join().unwrap();
    assert!(
        !output
            .lines()
            .iter()
            .any(|line| line == "the grace is over")
    );
    collector.traces()[0].assert_tree("SERVER GET /slow");
}
