//! What each variable changes, and what is said of a bad value: a row a case. A line of the printed configuration has the
//! value and where it came from, so a row fails when nothing reads its variable.

use super::{Variables, from};

/// `variable` changes these lines of what is printed with the variables of `context`, and adds these warnings, which are
/// told without the name of the variable.
#[track_caller]
pub(super) fn check_change(
    context: Variables<'_>,
    (variable, value): (&str, &str),
    lines: &[&str],
    warnings: &[&str],
) {
    let case = format!("{variable}={value}");
    let before = from(context).unwrap();
    let after = from(&[context, &[(variable, value)]].concat()).unwrap();
    let printed = before.to_string();
    let printed: Vec<_> = printed.lines().collect();
    let now = after.to_string();
    let changed: Vec<_> = (now.lines())
        .filter(|line| !printed.contains(line))
        .collect();
    let lines: Vec<_> = (lines.iter())
        .map(|line| format!("{line} ({variable})"))
        .collect();
    assert_eq!(changed, lines, "{case}");
    let warned: Vec<_> = (after.warnings.iter())
        .filter(|warning| !before.warnings.contains(warning))
        .map(ToString::to_string)
        .collect();
    let warnings: Vec<_> = (warnings.iter())
        .map(|warning| format!("{variable}: {warning}"))
        .collect();
    assert_eq!(warned, warnings, "{case}");
}

/// A good value and the line that it makes; a bad value and what is said of it.
pub(super) type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

#[track_caller]
pub(super) fn check_rows(rows: &[Row<'_>]) {
    for &(variable, good, line, bad, warning) in rows {
        check_change(&[], (variable, good), &[line], &[]);
        check_change(&[], (variable, bad), &[], &[warning]);
        check_change(&[], (variable, ""), &[], &[]);
    }
}

#[test]
fn what_is_general() {
    check_rows(&[
        (
            "OTEL_SDK_DISABLED",
            "true",
            "disabled: true",
            "1",
            r#""1" is not true or false; instead: false"#,
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a=1%202",
            "resource a: 1 2",
            "a",
            r#""a" is not key=value,key=value with percent-encoded values; instead: none of its attributes"#,
        ),
        (
            "OTEL_RUST_RESOURCE_DETECTORS",
            "os,host",
            "resource detectors: os,host",
            "ec2",
            r#""ec2" is no resource detector (there are service, host, os, process, process_args, container, k8s, deployment; all; none); instead: all"#,
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "always_on",
            "sampler: always_on",
            "always",
            r#""always" is no sampler (there are always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio); instead: parentbased_always_on"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "b3,baggage",
            "propagators: b3,baggage",
            "w3c",
            r#""w3c" is not tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace or none; instead: tracecontext,baggage"#,
        ),
        (
            "OTEL_LOG_LEVEL",
            "Error",
            "log level of telemetry: error",
            "fatal",
            r#""fatal" is not none, error, warn, info, debug or trace; instead: RUST_LOG"#,
        ),
    ]);
    let quoted = r#""\"shop\"" has quotes around it, which are part of the value: leave them out where no shell takes them away"#;
    check_change(
        &[],
        ("OTEL_SERVICE_NAME", "\"shop\""),
        &["service.name: \"shop\""],
        &[quoted],
    );
    check_change(
        &[],
        ("OTEL_SERVICE_NAME", "shop"),
        &["service.name: shop"],
        &[],
    );
    let ratio = ("OTEL_TRACES_SAMPLER", "traceidratio");
    let argument = "OTEL_TRACES_SAMPLER_ARG";
    let bad = r#""10" is no number from 0 to 1, such as 0.1 for a tenth; instead: 1"#;
    check_change(&[ratio], (argument, "10"), &[], &[bad]);
    let printed = from(&[ratio, (argument, "0.5")]).unwrap().to_string();
    assert!(printed.contains("\nsampler: traceidratio 0.5 (OTEL_TRACES_SAMPLER)\n"));
}

#[test]
fn levels_have_the_names_that_other_sdks_know() {
    for (value, level) in [
        ("none", "off"),
        ("OFF", "off"),
        ("warn", "warn"),
        ("warning", "warn"),
        ("INFO", "info"),
        ("debug", "debug"),
        ("trace", "trace"),
        ("verbose", "trace"),
        ("all", "trace"),
    ] {
        let line = format!("log level of telemetry: {level}");
        check_change(&[], ("OTEL_LOG_LEVEL", value), &[&line], &[]);
    }
}

#[test]
fn batches() {
    for (prefix, what, delay) in [
        ("OTEL_BSP", "span", 5000),
        ("OTEL_BLRP", "log record", 1000),
    ] {
        let check = |variable: &str, good: &str, line: &str, bad: &str, warning: &str| {
            let variable = format!("{prefix}_{variable}");
            check_rows(&[(&variable, good, &format!("{what} {line}"), bad, warning)]);
        };
        let no_duration = |bad: &str, default: u64| {
            format!(
                "{bad:?} is no number of milliseconds, such as 10000 for 10 seconds; instead: {default} ms"
            )
        };
        let line = "schedule delay: 100ms";
        check(
            "SCHEDULE_DELAY",
            "100",
            line,
            "-1",
            &no_duration("-1", delay),
        );
        let line = "export timeout: none";
        check(
            "EXPORT_TIMEOUT",
            "0",
            line,
            "10s",
            &no_duration("10s", 30_000),
        );
        let zero = r#""0" is no number above 0; instead: 2048"#;
        check("MAX_QUEUE_SIZE", "4096", "queue size: 4096", "0", zero);
        let words = r#""many" is no number above 0; instead: 512"#;
        check("MAX_EXPORT_BATCH_SIZE", "9", "batch size: 9", "many", words);
        let short =
            r#""10" is 10 milliseconds, too short for most exports: write 10000 for 10 seconds"#;
        let timeout = format!("{prefix}_EXPORT_TIMEOUT");
        let line = format!("{what} export timeout: 10ms");
        check_change(&[], (&timeout, "10"), &[&line], &[short]);
        let large = (format!("{prefix}_MAX_EXPORT_BATCH_SIZE"), "9000");
        let more = r#""9000" is more than the queue holds; instead: 2048"#;
        let line = format!("{what} batch size: 2048");
        check_change(&[], (&large.0, large.1), &[&line], &[more]);
    }
}

#[test]
fn limits() {
    const COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
    const LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    let no_count = |bad: &str| format!("{bad:?} is no number from 0; instead: 128");
    let no_length = |bad: &str| format!("{bad:?} is no number from 0; instead: no limit");
    for (variable, name, generic) in [
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "span attribute count",
            Some(COUNT),
        ),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "span event count", None),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "span link count", None),
        (
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "event attribute count",
            Some(COUNT),
        ),
        (
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "link attribute count",
            Some(COUNT),
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "log record attribute count",
            Some(COUNT),
        ),
        (
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "span attribute value length",
            Some(LENGTH),
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "log record attribute value length",
            Some(LENGTH),
        ),
    ] {
        for (value, shown) in [("0", "0"), ("7", "7"), ("5000000000", "5000000000")] {
            let line = format!("{name} limit: {shown}");
            check_change(&[], (variable, value), &[&line], &[]);
            // The own one wins over the generic one, and an empty one does not hide it.
            if let Some(generic) = generic {
                check_change(&[(generic, "3")], (variable, value), &[&line], &[]);
                check_change(&[(generic, "3")], (variable, " "), &[], &[]);
            }
        }
        for bad in ["-1", "many", "1.5", "99999999999999999999"] {
            let length = generic == Some(LENGTH);
            let warning = if length {
                no_length(bad)
            } else {
                no_count(bad)
            };
            check_change(&[], (variable, bad), &[], &[&warning]);
        }
    }
    let counts = [
        "span attribute",
        "event attribute",
        "link attribute",
        "log record attribute",
    ];
    let counts = counts.map(|what| format!("{what} count limit: 3"));
    check_change(
        &[],
        (COUNT, "3"),
        &counts.each_ref().map(String::as_str),
        &[],
    );
    check_change(&[], (COUNT, "x"), &[], &[&no_count("x")]);
    let lengths =
        ["span", "log record"].map(|what| format!("{what} attribute value length limit: 3"));
    check_change(
        &[],
        (LENGTH, "3"),
        &lengths.each_ref().map(String::as_str),
        &[],
    );
    check_change(&[], (LENGTH, "x"), &[], &[&no_length("x")]);
}

#[test]
fn n_plus_one() {
    check_rows(&[
        (
            "OTEL_RUST_N_PLUS_ONE",
            "True",
            "n+1: true",
            "on",
            r#""on" is not true or false; instead: false"#,
        ),
        (
            "OTEL_RUST_N_PLUS_ONE_MIN_QUERIES",
            "2",
            "n+1 queries: 2",
            "1",
            r#""1" is no number above 1; instead: 5"#,
        ),
        (
            "OTEL_RUST_N_PLUS_ONE_MIN_TIME",
            "0",
            "n+1 time: 0ns",
            "50ms",
            r#""50ms" is no number of milliseconds, such as 10000 for 10 seconds; instead: 50 ms"#,
        ),
    ]);
}

#[test]
fn metrics() {
    let no_exemplars = "is not built yet, since the SDK has no exemplars (always_off says so); instead: no exemplars";
    check_rows(&[
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "20",
            "metric export interval: 20ms",
            "0",
            r#""0" is no number of milliseconds above 0, such as 10000 for 10 seconds; instead: 60000 ms"#,
        ),
        (
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "0",
            "metric export timeout: none",
            "-1",
            r#""-1" is no number of milliseconds, such as 10000 for 10 seconds; instead: 30000 ms"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "Delta",
            "metric temporality: delta",
            "absolute",
            r#""absolute" is not cumulative, delta or lowmemory; instead: cumulative"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "LowMemory",
            "metric temporality: lowmemory",
            "low memory",
            r#""low memory" is not cumulative, delta or lowmemory; instead: cumulative"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "Base2_Exponential_Bucket_Histogram",
            "histogram aggregation: base2_exponential_bucket_histogram",
            "exponential",
            r#""exponential" is not explicit_bucket_histogram or base2_exponential_bucket_histogram; instead: explicit_bucket_histogram"#,
        ),
    ]);
    const FILTER: &str = "OTEL_METRICS_EXEMPLAR_FILTER";
    check_change(&[], (FILTER, "Always_Off"), &[], &[]);
    for value in ["always_on", "trace_based", "Trace_Based"] {
        check_change(
            &[],
            (FILTER, value),
            &[],
            &[&format!("{value:?} {no_exemplars}")],
        );
    }
    let unknown = r#""some" is not always_on, always_off or trace_based; instead: no exemplars"#;
    check_change(&[], (FILTER, "some"), &[], &[unknown]);
}

#[test]
fn what_is_not_built_yet() {
    let zipkin = "is for an exporter that is not built yet: a collector passes on to Zipkin what it is sent by otlp; \
                  instead: OTEL_TRACES_EXPORTER";
    let prometheus = "is for an exporter that is not built yet: Prometheus takes what it is sent by otlp; instead: \
                      OTEL_METRICS_EXPORTER";
    let file = "is not read: there is no configuration by file yet; instead: the other variables";
    let old = |name: &str| {
        format!("is an old name that is not read; instead: OTEL_EXPORTER_OTLP_{name}_INSECURE")
    };
    for (variable, message) in [
        ("OTEL_CONFIG_FILE", file),
        ("OTEL_EXPERIMENTAL_CONFIG_FILE", file),
        (
            "OTEL_ENTITIES",
            "is not read: entities are not built yet; instead: OTEL_RESOURCE_ATTRIBUTES",
        ),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", zipkin),
        ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", zipkin),
        ("OTEL_EXPORTER_ZIPKIN_PROTOCOL", zipkin),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", prometheus),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", prometheus),
        ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", &old("TRACES")),
        ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", &old("METRICS")),
    ] {
        check_change(&[], (variable, "x"), &[], &[&format!("\"x\" {message}")]);
        check_change(&[], (variable, ""), &[], &[]);
    }
    for name in ["jaeger_remote", "parentbased_jaeger_remote", "xray"] {
        let warning = format!("{name:?} is not built yet; instead: parentbased_always_on");
        check_change(&[], ("OTEL_TRACES_SAMPLER", name), &[], &[&warning]);
    }
    let url = (
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "http://u:secret@z/api?key=secret",
    );
    let warnings = from(&[url]).unwrap().warnings;
    assert!(
        !warnings[0].to_string().contains("secret"),
        "{}",
        warnings[0]
    );
}
