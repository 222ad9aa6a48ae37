//! `init()` that fails, and what is possible after it.

use std::error::Error as _;
use std::time::Instant;

use throughline::{Config, InitError};
use throughline_testing::Collector;

use crate::app::{self, App};
use crate::process;

async fn one_request_arrives(telemetry: throughline::Telemetry) {
    let app = App::new().await;
    app::oneshots(&app.router, 1).await;
    let report = telemetry.shutdown().await.unwrap();
    assert_eq!(report.spans.exported, 1);
}

#[test]
fn a_second_init_is_an_error_and_the_first_goes_on() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            for error in [throughline::init(), throughline::builder().init()] {
                assert_eq!(
                    error.unwrap_err().to_string(),
                    "throughline is initialized already: call init() once, at the start of main, and keep what it \
                     returns"
                );
            }
            one_request_arrives(telemetry).await;
            // Not even after the shutdown: the subscriber stays.
            let error = throughline::init().unwrap_err();
            assert!(matches!(error, InitError::AlreadyInitialized), "{error}");
        });
    };
    let Some(process) = process::of(a_second_init_is_an_error_and_the_first_goes_on, scenario)
    else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn a_foreign_subscriber_is_an_error_that_leaves_nothing_behind() {
    let scenario = || {
        app::on_current_thread(async {
            tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
            let start = Instant::now();
            // Each time the same, since the reason stays.
            for _ in 0..2 {
                assert_eq!(
                    throughline::init().unwrap_err().to_string(),
                    "a tracing subscriber is installed already: call throughline's init() first, and leave out the \
                     application's own (for example tracing_subscriber::fmt::init())"
                );
            }
            assert!(start.elapsed() < app::AMPLE, "{:?}", start.elapsed());
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
        });
    };
    let test = a_foreign_subscriber_is_an_error_that_leaves_nothing_behind;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.requests(), 0);
}

#[test]
fn a_foreign_logger_keeps_its_records_and_everything_else_works() {
    struct Foreign;
    impl tracing_log::log::Log for Foreign {
        fn enabled(&self, _: &tracing_log::log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &tracing_log::log::Record<'_>) {
            println!("foreign {}", record.args());
        }
        fn flush(&self) {}
    }
    let scenario = || {
        app::on_current_thread(async {
            tracing_log::log::set_logger(&Foreign).unwrap();
            tracing_log::log::set_max_level(tracing_log::log::LevelFilter::Info);
            let telemetry = app::init();
            tracing_log::log::info!("a record");
            one_request_arrives(telemetry).await;
        });
    };
    let test = a_foreign_logger_keeps_its_records_and_everything_else_works;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = process.exporting_to(&collector).run();
    assert_eq!(output.after("foreign "), "a record");
    output.log_line(
        "another logger is installed for the log crate: its records do not become log lines with ids",
    );
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn records_of_the_log_crate_are_log_lines() {
    let scenario = || {
        let _telemetry = app::init();
        tracing_log::log::info!("a record");
        tracing_log::log::debug!("a detail");
    };
    let Some(process) = process::of(records_of_the_log_crate_are_log_lines, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = process.exporting_to(&collector).run();
    assert_eq!(output.log_line("a record")["target"], "it::startup");
    assert_eq!(output.logged().len(), 1, "{:?}", output.lines());
}

#[test]
fn a_failed_init_can_be_put_right() {
    let scenario = || {
        app::on_current_thread(async {
            let wrong = |change: fn(&mut Config)| {
                throughline::builder().configure(change).init().unwrap_err()
            };
            let error = wrong(|config| config.log_filter = "a=b=c".to_owned());
            assert!(
                error.to_string().starts_with("\"a=b=c\" is no filter: "),
                "{error}"
            );
            let error = wrong(|config| config.span_filter = "a=loud".to_owned());
            assert!(
                error.to_string().starts_with("\"a=loud\" is no filter: "),
                "{error}"
            );
            let error = wrong(|config| config.metrics_otlp.endpoint = "https://u:p@c".to_owned());
            assert_eq!(
                error.to_string(),
                "the OTLP endpoint \"https://c\" cannot be used: user information is not sent; use an \
                 `authorization` header instead"
            );
            assert!(error.source().is_some());
            one_request_arrives(app::init()).await;
        });
    };
    let Some(process) = process::of(a_failed_init_can_be_put_right, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn a_wrong_variable_stops_init() {
    let scenario = || {
        let error = throughline::init().unwrap_err();
        println!("error {error}");
    };
    let Some(process) = process::of(a_wrong_variable_stops_init, scenario) else {
        return;
    };
    let output = process
        .variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .run();
    assert_eq!(
        output.after("error "),
        "OTEL_EXPORTER_OTLP_PROTOCOL=\"http/json\" cannot be followed: use http/protobuf or grpc"
    );
}

#[test]
fn warnings_are_logged_and_the_configuration_too_where_it_is_asked_for() {
    let scenario = || drop(app::init());
    let test = warnings_are_logged_and_the_configuration_too_where_it_is_asked_for;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector).variables(&[
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret"),
    ]);
    let warning =
        "OTEL_TRACES_SAMPLER: \"sometimes\" is no sampler; instead: parentbased_always_on";
    let output = process.clone().run();
    let line = output.log_line(warning);
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"WARN".into(), &"throughline".into())
    );
    assert_eq!(output.logged().len(), 1, "{:?}", output.lines());
    let output = process.variable("RUST_LOG", "throughline=debug").run();
    let logged = output.logged();
    let configuration = logged[1]["message"].as_str().unwrap();
    assert!(
        configuration.starts_with("configuration:\ndisabled: false\n"),
        "{configuration}"
    );
    assert!(!output.lines().concat().contains("secret"));
}

#[test]
fn an_interval_beyond_all_bounds_harms_nobody() {
    let scenario = || {
        app::on_current_thread(async { one_request_arrives(app::init()).await });
    };
    let Some(process) = process::of(an_interval_beyond_all_bounds_harms_nobody, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let longest = u64::MAX.to_string();
    let process = process.exporting_to(&collector).variables(&[
        ("OTEL_METRIC_EXPORT_INTERVAL", &longest),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", &longest),
    ]);
    process.run();
    assert_eq!(collector.spans().len(), 1);
}
