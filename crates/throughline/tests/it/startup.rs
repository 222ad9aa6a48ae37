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
    // And the one that says what is set up.
    assert_eq!(output.logged().len(), 2, "{:?}", output.lines());
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
        "OTEL_EXPORTER_OTLP_PROTOCOL=\"http/json\" cannot be followed: JSON is not built yet: use \
         http/protobuf or grpc"
    );
}

#[test]
fn warnings_are_logged_and_what_is_set_up_in_one_line() {
    let scenario = || drop(app::init());
    let Some(process) = process::of(warnings_are_logged_and_what_is_set_up_in_one_line, scenario)
    else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector).variables(&[
        ("OTEL_TRACES_SAMPLER", "Always_On"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "often"),
        ("OTEL_TRACE_SAMPLER", "secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret"),
    ]);
    let output = process.clone().run();
    for warning in [
        "OTEL_BLRP_SCHEDULE_DELAY: \"often\" is no number of milliseconds, such as 10000 for 10 seconds; instead: \
         1000 ms",
        "OTEL_TRACE_SAMPLER: \"…\" is the value of a variable that is not read: write OTEL_TRACES_SAMPLER",
    ] {
        let line = output.log_line(warning);
        assert_eq!(
            (&line["level"], &line["target"]),
            (&"WARN".into(), &"throughline".into())
        );
    }
    let line = output.log_line("telemetry is set up");
    assert_eq!(
        (&line["level"], &line["target"]),
        (&"INFO".into(), &"throughline".into())
    );
    let endpoint = collector.http_endpoint();
    let expected = serde_json::json!({
        "service": "shop",
        "traces": format!("otlp by http/protobuf to {endpoint}/v1/traces, console"),
        "metrics": "none",
        "logs": format!("otlp by http/protobuf to {endpoint}/v1/logs"),
        "sampler": "always_on",
        "propagators": "tracecontext,baggage",
        "resource_detectors": "service,host,os,process,container,k8s,deployment",
        "changed": "traces headers: x-key=***; logs headers: x-key=***; span schedule delay: 100ms; shutdown timeout: 30s",
    });
    assert_eq!(line["fields"], expected);
    assert_eq!(output.logged().len(), 3, "{:?}", output.lines());
    assert!(!output.lines().concat().contains("secret"));
    // The warnings are records too, and the line is none.
    assert_eq!(collector.logs().len(), 2);
    let output = process.clone().variable("OTEL_SDK_DISABLED", "true").run();
    output.log_line("telemetry is disabled");
    let output = process.variable("RUST_LOG", "warn").run();
    assert_eq!(output.logged().len(), 2, "{:?}", output.lines());
}

#[test]
fn the_level_of_telemetrys_own_messages_is_apart_from_the_log_filter() {
    let scenario = || {
        let telemetry = app::init();
        tracing::info!("of the application");
        drop(telemetry);
    };
    let test = the_level_of_telemetrys_own_messages_is_apart_from_the_log_filter;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let check = |level: &str, filter: &str, expected: &[&str]| {
        let collector = Collector::start_blocking().unwrap();
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_LOG_LEVEL", level)
            .variable("RUST_LOG", filter)
            .run();
        let logged = output.logged();
        let messages: Vec<_> = logged.iter().map(|line| &line["message"]).collect();
        assert_eq!(messages, expected, "{level} {filter}");
    };
    let (own, other) = ("telemetry is set up", "of the application");
    check("", "", &[own, other]);
    check("warn", "", &[other]);
    check("none", "info", &[other]);
    check("info", "warn", &[own]);
    check("error", "info,throughline=info", &[own, other]);
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

#[test]
fn a_service_without_a_name_is_warned_of() {
    let scenario = || drop(throughline::init().unwrap());
    let Some(process) = process::of(a_service_without_a_name_is_warned_of, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector);
    let executable = std::env::current_exe().unwrap();
    let executable = executable.file_name().unwrap().to_string_lossy();
    let warning = format!(
        "OTEL_SERVICE_NAME: \"\" names no service, and neither does the code; instead: unknown_service:{executable}"
    );
    process.clone().run().log_line(&warning);
    let named = process.clone().variable("OTEL_SERVICE_NAME", "shop");
    for quiet in [named, process.variable("OTEL_SDK_DISABLED", "true")] {
        let output = quiet.run();
        assert_eq!(output.logged().len(), 1, "{:?}", output.lines());
    }
}
