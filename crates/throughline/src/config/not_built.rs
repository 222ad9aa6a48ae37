//! Variables of the specification that nothing here obeys yet: set to anything that asks for more, they are warned of.

use super::env::Env;

/// A variable, and the values that ask for nothing but what is there (in lower case).
type NotBuilt = (&'static str, &'static [&'static str]);

const NONE: &[&str] = &[];

/// What is used instead of each group.
const GROUPS: &[(&str, &[NotBuilt])] = &[
    (
        "the other variables",
        &[
            ("OTEL_CONFIG_FILE", NONE),
            ("OTEL_EXPERIMENTAL_CONFIG_FILE", NONE),
        ],
    ),
    (
        "the specification's default",
        &[
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", &["128"]),
            ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", &["128"]),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &["128"]),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &["128"]),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                &["cumulative"],
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                &["explicit_bucket_histogram"],
            ),
        ],
    ),
    (
        "the timeout of OTLP",
        &[("OTEL_METRIC_EXPORT_TIMEOUT", NONE)],
    ),
    ("RUST_LOG", &[("OTEL_LOG_LEVEL", NONE)]),
    (
        "no exemplars",
        &[("OTEL_METRICS_EXEMPLAR_FILTER", &["always_off"])],
    ),
];

/// Warns of each such variable.
pub(super) fn warn(env: &Env<'_>) {
    for (used, variables) in GROUPS {
        for (variable, asking_for_nothing) in *variables {
            let Some(keyword) = env.keyword(variable) else {
                continue;
            };
            if !asking_for_nothing.contains(&keyword.as_str()) {
                let value = env.text(variable).unwrap_or_default();
                env.warn(variable, &value, "is not built in yet", used);
            }
        }
    }
}
