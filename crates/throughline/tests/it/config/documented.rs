//! The table of variables in the documentation has a row for every variable, and for nothing else.

use std::cell::RefCell;
use std::collections::BTreeSet;

use throughline::Config;

const README: &str = include_str!("../../../README.md");

/// The variables of the specification: "Environment Variable Specification", "OpenTelemetry Protocol Exporter" and
/// "Metrics Exporter - OTLP".
const SPECIFIED: &[&str] = &[
    "OTEL_SDK_DISABLED",
    "OTEL_ENTITIES",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SERVICE_NAME",
    "OTEL_LOG_LEVEL",
    "OTEL_PROPAGATORS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_ENDPOINT",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS,SPAN,METRIC}_INSECURE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_HEADERS",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "OTEL_EXPORTER_ZIPKIN_{ENDPOINT,TIMEOUT,PROTOCOL}",
    "OTEL_EXPORTER_PROMETHEUS_{HOST,PORT}",
    "OTEL_{TRACES,METRICS,LOGS}_EXPORTER",
    "OTEL_METRICS_EXEMPLAR_FILTER",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "OTEL_EXPERIMENTAL_CONFIG_FILE",
    "OTEL_CONFIG_FILE",
];

/// Every variable that is read where none is set.
pub(super) fn read() -> BTreeSet<String> {
    let read = RefCell::new(BTreeSet::new());
    let none = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        None
    };
    Config::from_variables(none).unwrap();
    read.into_inner()
}

/// The variables for which a name with lists in braces stands.
fn expanded(name: &str) -> Vec<String> {
    let Some((begin, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (list, end) = rest.split_once('}').unwrap();
    let each = list.split(',').map(|it| format!("{begin}{it}{end}"));
    each.flat_map(|name| expanded(&name)).collect()
}

/// The variables in the first column of the table, in order.
fn documented() -> Vec<String> {
    let (_, section) = README.split_once("\n# Variables\n").unwrap();
    let (table, _) = section.split_once("\nA target of a filter").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (names, _) = row.split_once("` |").unwrap();
        names.split("`, `").flat_map(expanded).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn each_variable_has_one_row_and_each_row_a_variable() {
    let rows = documented();
    let once: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), once.len(), "some variable has two rows");
    let read = read();
    let specified: BTreeSet<_> = SPECIFIED.iter().flat_map(|name| expanded(name)).collect();
    let missing: Vec<_> = specified.difference(&once).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let unread: Vec<_> = once.difference(&read).collect();
    assert!(unread.is_empty(), "nothing reads them: {unread:?}");
    // What detectors look at is in the table of the resource.
    let hidden = read.difference(&once);
    let hidden: Vec<_> = hidden
        .filter(|name| !README.contains(&format!("`{name}`")))
        .collect();
    assert!(hidden.is_empty(), "read and not documented: {hidden:?}");
}

#[test]
fn each_row_has_a_meaning_a_default_and_what_a_bad_value_does() {
    let (_, section) = README.split_once("\n# Variables\n").unwrap();
    for row in section.lines().filter(|line| line.starts_with("| `OTEL_")) {
        let columns: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(columns.len(), 4, "{row}");
        assert!(columns.iter().all(|column| !column.is_empty()), "{row}");
    }
}
