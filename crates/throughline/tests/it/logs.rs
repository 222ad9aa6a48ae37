//! Log lines on standard output and log records at the collector, and the ids in them.

use std::collections::BTreeMap;

use opentelemetry::Value as AttributeValue;
use serde_json::Value;
use throughline_testing::{Behavior, Collector, LogRecord, SpanRecord};

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

/// The message of a record and its ids.
fn record(record: &LogRecord) -> (String, Option<(String, String)>) {
    let body = record.body.as_ref().unwrap().to_string();
    let ids = record.trace_id.zip(record.span_id);
    (
        body,
        ids.map(|(trace, span)| (trace.to_string(), span.to_string())),
    )
}

#[test]
fn a_record_goes_out_for_each_line_with_the_same_ids() {
    let test = a_record_goes_out_for_each_line_with_the_same_ids;
    let Some(process) = process::of(test, request_with_logs) else {
        return;
    };
    for (protocol, compression) in [("http/protobuf", "none"), ("grpc", "gzip")] {
        let collector = Collector::start_blocking().unwrap();
        let endpoint = match protocol {
            "grpc" => collector.grpc_endpoint(),
            _ => collector.http_endpoint(),
        };
        let process = process.clone().exporting_to(&collector);
        let output = process
            .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .variable("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
            .run();
        let records = collector.logs();
        let sent: BTreeMap<_, _> = records.iter().map(record).collect();
        let message = |line: &Value| line["message"].as_str().unwrap().to_owned();
        let mut lines: BTreeMap<_, _> = (output.logged().iter())
            .map(|line| (message(line), ids(line)))
            .collect();
        // It tells where records go, and is none.
        lines.remove("telemetry is set up").unwrap();
        // Lines go on.
        lines.remove("after the shutdown").unwrap();
        assert_eq!(sent, lines, "{protocol}");
        assert!(records.iter().all(|record| {
            record.service.as_deref() == Some("shop")
                && record.severity_text.as_deref() == Some("INFO")
                && record.scope.starts_with("it::")
        }));
    }
}

#[test]
fn records_go_where_their_exporter_says_and_lines_are_written_anyway() {
    let test = records_go_where_their_exporter_says_and_lines_are_written_anyway;
    let Some(process) = process::of(test, request_with_logs) else {
        return;
    };
    let check = |variables: &[(&str, &str)], records: usize, lines: usize| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        let output = process.variables(variables).run();
        let found = (collector.logs().len(), output.logged().len());
        assert_eq!(found, (records, lines), "{variables:?}");
    };
    // One line is not the application's.
    check(&[], 6, 8);
    check(&[("OTEL_LOGS_EXPORTER", "otlp")], 6, 8);
    check(&[("OTEL_LOGS_EXPORTER", "none")], 0, 8);
    check(&[("OTEL_LOGS_EXPORTER", "console")], 0, 8);
    check(&[("OTEL_LOGS_EXPORTER", "console,otlp")], 6, 8);
    check(&[("OTEL_SDK_DISABLED", "true")], 0, 8);
    // On the same output, all records in one more line.
    check(&[("OTEL_LOGS_EXPORTER", "otlp/stdout")], 0, 8 + 1);
    check(&[("OTEL_LOGS_EXPORTER", "otlp/stdout,otlp")], 6, 8 + 1);
    // One filter for both.
    check(&[("RUST_LOG", "it::app=info")], 5, 5);
    check(&[("RUST_LOG", "off")], 0, 0);
}

#[test]
fn what_the_exporter_logs_does_not_go_out() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            for round in 0..3 {
                tracing::info!(round, "ours");
                telemetry.flush().await.unwrap();
            }
            telemetry.shutdown().await.unwrap();
        });
    };
    let Some(process) = process::of(what_the_exporter_logs_does_not_go_out, scenario) else {
        return;
    };
    for protocol in ["http/protobuf", "grpc"] {
        let collector = Collector::start_blocking().unwrap();
        let endpoint = match protocol {
            "grpc" => collector.grpc_endpoint(),
            _ => collector.http_endpoint(),
        };
        let process = process.clone().exporting_to(&collector);
        let output = process
            .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .variable("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .variable("RUST_LOG", "trace")
            .run();
        let is_transport = |target: &str| target.starts_with("hyper") || target.starts_with("h2");
        // It does log, and its lines are there.
        let lines = output.logged();
        assert!(
            (lines.iter()).any(|line| is_transport(line["target"].as_str().unwrap())),
            "{lines:#?}"
        );
        let records = collector.logs();
        let ours = |record: &&LogRecord| record.scope == "it::logs";
        assert_eq!(records.iter().filter(ours).count(), 3, "{records:#?}");
        let foreign: Vec<_> = records.iter().filter(|r| is_transport(&r.scope)).collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
    }
}

#[test]
fn records_that_are_lost_are_counted_and_said() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            for _ in 0..3 {
                tracing::warn!("about to be lost");
            }
            let error = telemetry.shutdown().await.unwrap_err();
            println!("logs {}", error.report().logs);
        });
    };
    let Some(process) = process::of(records_that_are_lost_are_counted_and_said, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    collector.behave(Behavior::Status(400));
    let output = process
        .exporting_to(&collector)
        .variable("OTEL_TRACES_EXPORTER", "none")
        .variable("OTEL_METRICS_EXPORTER", "none")
        .run();
    // What the pipeline says about the loss is a line only: it comes from the export thread.
    assert_eq!(
        output.after("logs "),
        "3 log records emitted: 0 exported, 3 dropped (export failed: 3)"
    );
    let warning = output.log_line("log records were dropped because they could not be exported");
    assert_eq!(warning["fields"]["count"], 3);
}

#[test]
fn long_attributes_are_cut_off() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            tracing::info_span!("work", value = "0123456789").in_scope(|| {
                tracing::info!(value = "0123456789", "done");
            });
            telemetry.shutdown().await.unwrap();
        });
    };
    let Some(process) = process::of(long_attributes_are_cut_off, scenario) else {
        return;
    };
    let check = |variables: &[(&str, &str)], span: &'static str, record: &'static str| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        process.variables(variables).run();
        let (spans, mut records) = (collector.spans(), collector.logs());
        // Not what is said about the variables.
        records.retain(|record| record.scope == "it::logs");
        let values = [&spans[0].attributes, &records[0].attributes].map(|map| map["value"].clone());
        let expected = [span, record].map(AttributeValue::from);
        assert_eq!(values, expected, "{variables:?}");
    };
    const GENERIC: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    const SPAN: &str = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    const RECORD: &str = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    check(&[], "0123456789", "0123456789");
    check(&[(GENERIC, "3")], "012", "012");
    check(&[(GENERIC, "3"), (SPAN, "2")], "01", "012");
    check(&[(GENERIC, "3"), (RECORD, "")], "012", "012");
    check(&[(RECORD, "0")], "0123456789", "");
    check(&[(SPAN, "wrong")], "0123456789", "0123456789");
    // Where spans are not encoded, too.
    let collector = Collector::start_blocking().unwrap();
    let output = (process.exporting_to(&collector))
        .variable("OTEL_TRACES_EXPORTER", "otlp/stdout")
        .variable(SPAN, "3")
        .run();
    let spans = output.after("{\"resourceSpans\":");
    assert!(spans.contains("{\"stringValue\":\"012\"}"), "{spans}");
    assert!(!spans.contains("0123"), "{spans}");
}
