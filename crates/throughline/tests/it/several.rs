//! Several exporters of one signal.

use throughline_testing::{Behavior, Collector};

use crate::app::{self, App};
use crate::process::{self, Output};
use crate::variables::{counted, five_requests};

fn lines_of(output: &Output, begin: &str) -> usize {
    let lines = output.lines().iter();
    lines.filter(|line| line.starts_with(begin)).count()
}

#[test]
fn each_of_several_exporters_gets_everything() {
    let test = each_of_several_exporters_gets_everything;
    let Some(process) = process::of(test, five_requests) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = (process.exporting_to(&collector))
        .variable("OTEL_TRACES_EXPORTER", "otlp,console,otlp/stdout,otlp")
        .variable("OTEL_METRICS_EXPORTER", "console,otlp/stdout,otlp")
        .variable("OTEL_LOGS_EXPORTER", "otlp/stdout,otlp,console")
        .run();
    assert_eq!(collector.spans().len(), 5);
    assert_eq!(counted(&collector.metrics()), 5);
    assert_eq!(lines_of(&output, "└─ GET /leaf [Server] "), 5);
    assert_eq!(lines_of(&output, r#"{"resourceSpans":"#), 1);
    let printed = "http.server.request.duration s count=5 ";
    assert_eq!(lines_of(&output, printed), 1);
    assert_eq!(lines_of(&output, r#"{"resourceMetrics":"#), 1);
    // Each span counts for each of its exporters.
    output.check_report("report ", "15 spans started: 15 exported, 0 dropped");
    // The metrics about the pipelines tell them apart, and a span was started once.
    let metrics = collector.metrics();
    let points = |name: &str| {
        let metric = metrics.iter().find(|metric| metric.name == name);
        let points = metric.unwrap().points.iter();
        points.map(|point| point.value).collect::<Vec<_>>()
    };
    assert_eq!(points("otel.sdk.span.started"), [5.0]);
    assert_eq!(
        points("otel.sdk.processor.span.queue.capacity"),
        [2048.0; 3]
    );
}

#[test]
fn an_exporter_that_fails_costs_the_others_nothing_and_is_said() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 5).await;
            println!("flush {}", telemetry.flush().await.unwrap_err());
            println!("shutdown {}", telemetry.shutdown().await.unwrap_err());
        });
    };
    let test = an_exporter_that_fails_costs_the_others_nothing_and_is_said;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    for order in ["otlp,console", "console,otlp"] {
        let collector = Collector::start_blocking().unwrap();
        collector.behave(Behavior::Status(400));
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_TRACES_EXPORTER", order)
            .variable("OTEL_METRICS_EXPORTER", order)
            .variable("OTEL_LOGS_EXPORTER", "none")
            .run();
        assert_eq!(lines_of(&output, "└─ GET /leaf [Server] "), 5, "{order}");
        let counts = "telemetry was not delivered in full: 10 spans started: 5 exported, 5 dropped (export failed: 5)";
        output.check_report("flush ", counts);
        output.check_report("shutdown ", counts);
        assert!(
            output
                .after("shutdown ")
                .ends_with("the last metrics were not taken")
        );
    }
}
