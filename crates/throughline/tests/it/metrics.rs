//! How metrics are aggregated, and how long an export of them may take.

use std::time::Instant;

use opentelemetry::global;
use throughline_testing::{Behavior, Collector};

use crate::app;
use crate::process;

/// Two exports with a measurement by each kind of instrument before each.
fn two_exports() {
    let telemetry = app::init();
    let meter = global::meter("test");
    let counter = meter.u64_counter("counter").build();
    let balance = meter.i64_up_down_counter("balance").build();
    let boundaries = vec![1.0, 2.0];
    let histogram = meter
        .f64_histogram("histogram")
        .with_boundaries(boundaries)
        .build();
    let _observed = (meter.u64_observable_counter("observed"))
        .with_callback(|observer| observer.observe(7, &[]))
        .build();
    for _ in 0..2 {
        counter.add(2, &[]);
        balance.add(2, &[]);
        histogram.record(1.5, &[]);
        app::on_current_thread(telemetry.flush()).unwrap();
    }
    telemetry.shutdown_blocking().unwrap();
}

/// The temporality of a metric in every export, as OTLP's number: 1 is delta, 2 is cumulative.
fn temporality(exports: &[serde_json::Value], name: &str) -> Vec<u64> {
    let scopes = exports.iter().flat_map(|export| {
        let resources = export["resourceMetrics"].as_array().unwrap();
        resources
            .iter()
            .flat_map(|it| it["scopeMetrics"].as_array().unwrap())
    });
    let metrics = scopes.flat_map(|scope| scope["metrics"].as_array().unwrap());
    let named = metrics.filter(|metric| metric["name"] == name);
    let mut found: Vec<_> = named
        .filter_map(|metric| {
            let data = ["sum", "histogram", "exponentialHistogram"];
            data.iter()
                .find_map(|data| metric[data]["aggregationTemporality"].as_u64())
        })
        .collect();
    found.dedup();
    found
}

#[test]
fn temporality_is_as_preferred_by_the_kind_of_instrument() {
    let test = temporality_is_as_preferred_by_the_kind_of_instrument;
    let Some(process) = process::of(test, two_exports) else {
        return;
    };
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    // Of the counter, the one that is observed, the histogram, the one that grows and shrinks.
    let check = |value: &str, expected: [u64; 4]| {
        let collector = Collector::start_blocking().unwrap();
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_METRICS_EXPORTER", "otlp,otlp/stdout")
            .variable("OTEL_TRACES_EXPORTER", "none")
            .variable("OTEL_LOGS_EXPORTER", "none")
            .variable(VARIABLE, value)
            .run();
        let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let sent = collector.otlp_json();
        let sent: Vec<_> = sent.lines().map(json).collect();
        let printed = output.lines().iter();
        let printed = printed.filter(|line| line.starts_with(r#"{"resourceMetrics":"#));
        let printed: Vec<_> = printed.map(|line| json(line)).collect();
        for exports in [sent, printed] {
            let names = ["counter", "observed", "histogram", "balance"];
            let found = names.map(|name| temporality(&exports, name));
            assert_eq!(found, expected.map(|it| vec![it]), "{value}");
        }
        let metrics = collector.metrics();
        let counter = metrics.iter().find(|metric| metric.name == "counter");
        assert_eq!(counter.unwrap().points[0].value, 4.0, "{value}");
    };
    check("", [2, 2, 2, 2]);
    check("Cumulative", [2, 2, 2, 2]);
    check("DELTA", [1, 1, 1, 2]);
    check("lowmemory", [1, 2, 1, 2]);
}

#[test]
fn histograms_are_exponential_where_that_is_asked_for() {
    let test = histograms_are_exponential_where_that_is_asked_for;
    let Some(process) = process::of(test, two_exports) else {
        return;
    };
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let check = |value: &str, bounds: &[f64]| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        process.variable(VARIABLE, value).run();
        let metrics = collector.metrics();
        let histogram = metrics.iter().find(|metric| metric.name == "histogram");
        let point = &histogram.unwrap().points[0];
        assert_eq!((point.count, &*point.bounds), (Some(2), bounds), "{value}");
        let is_exponential = collector.otlp_json().contains("exponentialHistogram");
        assert_eq!(is_exponential, bounds.is_empty(), "{value}");
    };
    check("", &[1.0, 2.0]);
    check("Explicit_Bucket_Histogram", &[1.0, 2.0]);
    check("BASE2_exponential_bucket_histogram", &[]);
}

#[test]
fn an_export_of_metrics_ends_at_its_timeout() {
    let scenario = || {
        let telemetry = app::init();
        global::meter("test")
            .u64_counter("counter")
            .build()
            .add(1, &[]);
        let begun = Instant::now();
        let error = telemetry.shutdown_blocking().unwrap_err();
        assert!(!error.report().metrics_delivered);
        println!("took {}", begun.elapsed().as_millis());
    };
    let Some(process) = process::of(an_export_of_metrics_ends_at_its_timeout, scenario) else {
        return;
    };
    for (export, otlp) in [("200", "4000"), ("4000", "200"), ("200", "0"), ("0", "200")] {
        let collector = Collector::start_blocking().unwrap();
        collector.behave(Behavior::Hang);
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_TRACES_EXPORTER", "none")
            .variable("OTEL_LOGS_EXPORTER", "none")
            .variable("OTEL_METRIC_EXPORT_TIMEOUT", export)
            .variable("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", otlp)
            .run();
        let took: u64 = output.after("took ").parse().unwrap();
        assert!((200..3000).contains(&took), "{export} {otlp}: {took}");
    }
}
