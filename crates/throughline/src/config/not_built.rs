//! Variables of the specification that nothing here obeys: set, they are warned of.

use super::env::Env;

/// What is said of a variable, and what is used instead.
type Said = (&'static str, &'static str);

const CONFIG_FILE: Said = (
    "is not read: there is no configuration by file yet",
    "the other variables",
);
const ZIPKIN: Said = (
    "is for an exporter that is not built yet: a collector passes on to Zipkin what it is sent by otlp",
    "OTEL_TRACES_EXPORTER",
);
const PROMETHEUS: Said = (
    "is for an exporter that is not built yet: Prometheus takes what it is sent by otlp",
    "OTEL_METRICS_EXPORTER",
);

const VARIABLES: &[(&str, Said)] = &[
    ("OTEL_CONFIG_FILE", CONFIG_FILE),
    ("OTEL_EXPERIMENTAL_CONFIG_FILE", CONFIG_FILE),
    (
        "OTEL_ENTITIES",
        (
            "is not read: entities are not built yet",
            "OTEL_RESOURCE_ATTRIBUTES",
        ),
    ),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", ZIPKIN),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", ZIPKIN),
    ("OTEL_EXPORTER_ZIPKIN_PROTOCOL", ZIPKIN),
    ("OTEL_EXPORTER_PROMETHEUS_HOST", PROMETHEUS),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", PROMETHEUS),
    (
        "OTEL_EXPORTER_OTLP_SPAN_INSECURE",
        (
            "is an old name that is not read",
            "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
        ),
    ),
    (
        "OTEL_EXPORTER_OTLP_METRIC_INSECURE",
        (
            "is an old name that is not read",
            "OTEL_EXPORTER_OTLP_METRICS_INSECURE",
        ),
    ),
];

/// Warns of each such variable. A URL among them may hold credentials.
pub(super) fn warn(env: &Env<'_>) {
    for (variable, (problem, used)) in VARIABLES {
        if let Some(value) = env.text(variable) {
            let shown = throughline_otlp::otlp::OtlpConfig::new(value).shown_endpoint();
            env.warn(variable, &shown, problem, used);
        }
    }
}
