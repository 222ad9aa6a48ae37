//! Log lines on standard output, and the ids in them.

use serde_json::Value;
use throughline_testing::{Collector, SpanRecord};

use crate::app::{self, App};
use crate::process;

fn request_with_logs() {
    app::on_multi_thread(async {
        let telemetry = app::init();
        tracing::info!("outside of any trace");
        let base = App::new().await.serve();
        app::request(&format!("{base}/logs"), &[]).await;
        telemetry.shutdown().await.unwrap();
        tracing::info!("after the shutdown");
    });
}

fn ids(line: &Value) -> Option<(String, String)> {
    let text = |key| line.get(key)?.as_str().map(str::to_owned);
    text("trace_id").zip(text("span_id"))
}

fn ids_of(span: &SpanRecord) -> Option<(String, String)> {
    Some((span.trace_id.to_string(), span.span_id.to_string()))
}

#[test]
fn a_log_line_has_the_ids_of_the_span_that_it_is_written_in() {
    let test = a_log_line_has_the_ids_of_the_span_that_it_is_written_in;
    let Some(process) = process::of(test, request_with_logs) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = process.exporting_to(&collector).run();
    let traces = collector.traces();
    traces[0].assert_tree(
        "SERVER GET /logs
           INTERNAL other
           INTERNAL inner",
    );
    let check = |message: &str, span: Option<&str>| {
        let expected = span.and_then(|name| ids_of(traces[0].find(name)));
        let line = output.log_line(message);
        assert_eq!(ids(&line), expected, "{line}");
    };
    check("outside of any trace", None);
    check("in the handler", Some("GET /logs"));
    check("under an explicit parent", Some("other"));
    check("under no parent", None);
    check("in the instrumented function", Some("inner"));
    check("after an await", Some("inner"));
    check("after the shutdown", None);
}

#[test]
fn the_log_filter_decides_on_lines() {
    let Some(process) = process::of(the_log_filter_decides_on_lines, request_with_logs) else {
        return;
    };
    let check = |filter: &str, expected: usize| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        let output = process.variable("RUST_LOG", filter).run();
        let ours = |line: &&Value| line["target"].as_str().unwrap().starts_with("it::");
        assert_eq!(
            output.logged().iter().filter(ours).count(),
            expected,
            "{filter}"
        );
    };
    check("", 7);
    check("info", 7);
    check("warn", 0);
    check("off", 0);
    check("it::app=info", 5);
    check("warn,it::logs=debug", 2);
    // A filter by span: one that is logged nowhere else.
    check("[inner]=info", 2);
}

#[test]
fn lines_are_text_where_that_is_asked_for() {
    let test = lines_are_text_where_that_is_asked_for;
    let Some(process) = process::of(test, request_with_logs) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector);
    let output = process.variable("OTEL_RUST_LOG_FORMAT", "text").run();
    assert!(output.logged().is_empty());
    let handler = collector.traces()[0].find("GET /logs").clone();
    let end = format!(
        "INFO it::app: in the handler trace_id={} span_id={} trace_flags=01",
        handler.trace_id, handler.span_id
    );
    assert!(
        output.lines().iter().any(|line| line.ends_with(&end)),
        "{end}: {:#?}",
        output.lines()
    );
}
