//! The end: what arrives, and how long it takes where nothing can.

use std::thread;
use std::time::{Duration, Instant};

use throughline::{ShutdownError, ShutdownReport, Telemetry};
use throughline_testing::{Behavior, Collector};

use crate::app::{self, App};
use crate::process::{self, Process};

/// The deadline of a shutdown that has nowhere to send to.
const SHORT: Duration = Duration::from_millis(500);

/// What a deadline of [`SHORT`] may take on a busy machine.
const GENEROUS: Duration = Duration::from_secs(5);

#[track_caller]
fn check_sum(report: &ShutdownReport) {
    let spans = report.spans;
    let sum = spans.exported + spans.dropped.total() + spans.queued + spans.open;
    assert_eq!(spans.started, sum, "{spans:?}");
}

#[test]
fn a_thousand_requests_and_a_shutdown_at_once_are_a_thousand_spans() {
    let scenario = || {
        app::on_multi_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 1000).await;
            let report = telemetry.shutdown().await.unwrap();
            check_sum(&report);
            assert_eq!(
                report.spans.to_string(),
                "1000 spans started: 1000 exported, 0 dropped"
            );
        });
    };
    let test = a_thousand_requests_and_a_shutdown_at_once_are_a_thousand_spans;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1000);
    assert!(spans.iter().all(|span| span.name == "GET /leaf"));
}

/// How the child runs.
const EXECUTOR: &str = "THROUGHLINE_TEST_EXECUTOR";

/// What the shutdown is expected to yield.
const EXPECTED: &str = "THROUGHLINE_TEST_EXPECTED";

fn is_delivered() -> bool {
    std::env::var(EXPECTED).unwrap() == "delivered"
}

fn requests_and_shutdown() {
    let serve = async || {
        let app = App::new().await;
        app::oneshots(&app.router, 20).await;
    };
    let timeout = if is_delivered() { app::AMPLE } else { SHORT };
    let in_runtime = async || {
        let telemetry = app::init_with_timeout(timeout);
        serve().await;
        let start = Instant::now();
        check_end(&telemetry.shutdown().await, start);
    };
    match std::env::var(EXECUTOR).unwrap().as_str() {
        "current_thread" => app::on_current_thread(in_runtime()),
        "multi_thread" => app::on_multi_thread(in_runtime()),
        _ => {
            let telemetry = app::init_with_timeout(timeout);
            app::on_current_thread(serve());
            let start = Instant::now();
            check_end(&telemetry.shutdown_blocking(), start);
        }
    }
}

fn check_end(result: &Result<ShutdownReport, ShutdownError>, start: Instant) {
    let took = start.elapsed();
    let delivered = is_delivered();
    assert!(delivered || took < GENEROUS, "{took:?}");
    let report = match result {
        Ok(report) => report,
        Err(error) => error.report(),
    };
    check_sum(report);
    let spans = report.spans;
    assert_eq!((spans.started, spans.queued, spans.open), (20, 0, 0));
    assert_eq!(result.is_ok(), delivered, "{result:?}");
    assert_eq!(report.metrics_delivered, delivered);
    assert_eq!(report.spans.exported, if delivered { 20 } else { 0 });
    if let Err(error) = result {
        assert_eq!(
            error.to_string(),
            format!("telemetry was not delivered in full: {report}")
        );
        assert!(
            report
                .to_string()
                .ends_with("; the last metrics were not taken"),
            "{report}"
        );
    }
}

#[test]
fn a_shutdown_keeps_its_deadline_on_any_executor_whatever_the_collector_does() {
    let test = a_shutdown_keeps_its_deadline_on_any_executor_whatever_the_collector_does;
    let Some(process) = process::of(test, requests_and_shutdown) else {
        return;
    };
    let run = |process: &Process, executor: &str, expected: &str| {
        let process = process.clone().variable(EXECUTOR, executor);
        process.variable(EXPECTED, expected).run();
    };
    let run = &run;
    // Each of them waits for most of its time.
    thread::scope(|scope| {
        for executor in ["current_thread", "multi_thread", "none"] {
            for behavior in [
                Behavior::Accept,
                Behavior::Refuse,
                Behavior::Hang,
                Behavior::Status(503),
                Behavior::Status(400),
            ] {
                let process = process.clone();
                scope.spawn(move || {
                    let collector = Collector::start_blocking().unwrap();
                    collector.behave(behavior);
                    let expected = match behavior {
                        Behavior::Accept => "delivered",
                        _ => "lost",
                    };
                    run(&process.exporting_to(&collector), executor, expected);
                });
            }
            let nobody = process
                .clone()
                .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
            scope.spawn(move || run(&nobody, executor, "lost"));
        }
    });
}

#[test]
fn one_signal_that_is_lost_is_an_error_and_the_other_is_delivered() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
            println!("error {}", telemetry.shutdown().await.unwrap_err());
        });
    };
    let test = one_signal_that_is_lost_is_an_error_and_the_other_is_delivered;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    const NO_METRICS: &str = "; the last metrics were not taken";
    for (lost, report) in [
        ("METRICS", "1 span started: 1 exported, 0 dropped"),
        (
            "TRACES",
            "1 span started: 0 exported, 1 dropped (export failed: 1)",
        ),
    ] {
        let [good, bad] = [(); 2].map(|()| Collector::start_blocking().unwrap());
        bad.behave(Behavior::Status(400));
        let variable = format!("OTEL_EXPORTER_OTLP_{lost}_ENDPOINT");
        let path = format!("/v1/{}", lost.to_lowercase());
        let process = process.clone().exporting_to(&good);
        let output = process
            .variable(&variable, &(bad.http_endpoint() + &path))
            .run();
        let counts = format!("telemetry was not delivered in full: {report}");
        output.check_report("error ", &counts);
        let metrics = output.after("error ").ends_with(NO_METRICS);
        assert_eq!(metrics, lost == "METRICS");
    }
}

#[test]
fn what_is_flushed_arrives_and_the_rest_with_the_shutdown() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            for round in 1..=2 {
                app::oneshots(&app.router, 1).await;
                let report = telemetry.flush().await.unwrap();
                check_sum(&report);
                assert_eq!(
                    (report.spans.exported, report.metrics_delivered),
                    (round, true)
                );
            }
            app::oneshots(&app.router, 1).await;
            let report = telemetry.shutdown().await.unwrap();
            assert_eq!(report.spans.exported, 3);
        });
    };
    let test = what_is_flushed_arrives_and_the_rest_with_the_shutdown;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn a_flush_that_fails_says_so_and_telemetry_goes_on() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init_with_timeout(SHORT);
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
            let error = telemetry.flush().await.unwrap_err();
            assert_eq!(error.report().spans.started, 1);
            check_sum(error.report());
            app::oneshots(&app.router, 1).await;
            let error = telemetry.shutdown().await.unwrap_err();
            assert_eq!(error.report().spans.started, 2);
            check_sum(error.report());
        });
    };
    let test = a_flush_that_fails_says_so_and_telemetry_goes_on;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Hang);
    process.exporting_to(&collector).run();
}

#[test]
fn a_guard_that_is_dropped_delivers() {
    let scenario = || {
        app::on_current_thread(async {
            // As an error returned by `main` would drop it.
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 10).await;
            drop(telemetry);
        });
    };
    let Some(process) = process::of(a_guard_that_is_dropped_delivers, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 10);
}

#[test]
fn a_shutdown_that_nobody_awaits_delivers() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 10).await;
            drop(telemetry.shutdown());
        });
    };
    let Some(process) = process::of(a_shutdown_that_nobody_awaits_delivers, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 10);
}

#[test]
fn spans_that_are_open_at_the_end_are_counted() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let open = tracing::info_span!("open").entered();
            let report = telemetry.shutdown().await.unwrap();
            check_sum(&report);
            assert_eq!(
                report.spans.to_string(),
                "1 span started: 0 exported, 0 dropped, 1 open"
            );
            drop(open);
        });
    };
    let Some(process) = process::of(spans_that_are_open_at_the_end_are_counted, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert!(collector.spans().is_empty());
}

#[test]
fn what_is_dropped_for_a_full_queue_is_in_the_report_and_no_error() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 6000).await;
            println!("served");
            let report = telemetry.shutdown().await.unwrap();
            check_sum(&report);
            let spans = report.spans;
            assert!(spans.dropped.queue_full > 0, "{report}");
            assert_eq!(spans.dropped.queue_full + spans.exported, 6000, "{report}");
            println!("dropped {}", spans.dropped.queue_full);
        });
    };
    let test = what_is_dropped_for_a_full_queue_is_in_the_report_and_no_error;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    // So slow that the queue fills up, until all has been served.
    collector.behave(Behavior::Delay(Duration::from_secs(1)));
    let mut running = process.exporting_to(&collector).start();
    running.line("served");
    collector.behave(Behavior::Accept);
    let output = running.wait();
    assert_eq!(output.after("dropped "), output.warned_of().to_string());
}

#[test]
fn a_shutdown_without_a_bound_delivers() {
    let scenario = || {
        let telemetry = app::init_with_timeout(Duration::MAX);
        app::on_current_thread(async {
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
            telemetry.flush().await.unwrap();
        });
        let report = telemetry.shutdown_blocking().unwrap();
        assert!(report.metrics_delivered);
    };
    let Some(process) = process::of(a_shutdown_without_a_bound_delivers, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn the_guard_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Telemetry>();
}
