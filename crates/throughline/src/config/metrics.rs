//! How metrics are aggregated and exported: `OTEL_METRIC_…`, `OTEL_METRICS_EXEMPLAR_FILTER` and
//! `OTEL_EXPORTER_OTLP_METRICS_…`
//! (<https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/>).

use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::env::{Env, Variables};

/// How metrics are aggregated and how often they go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricSettings {
    /// The time from one export to the next. `OTEL_METRIC_EXPORT_INTERVAL` in milliseconds; default: 60 s.
    pub export_interval: Duration,
    /// The longest time for one export to a collector, beside the timeout of OTLP: the shorter one counts; 0 is no limit.
    /// `OTEL_METRIC_EXPORT_TIMEOUT` in milliseconds; default: 30 s.
    pub export_timeout: Duration,
    /// Whether sums and histograms that go out as OTLP begin anew with each export.
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`; default: [`Temporality::Cumulative`]. What is printed for people
    /// is always cumulative.
    pub temporality: Temporality,
    /// How histograms sort what they measure. `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`; default:
    /// [`HistogramAggregation::ExplicitBucket`]. The SDK has it for all exporters or for none.
    pub histogram_aggregation: HistogramAggregation,
}

/// How a histogram sorts what it measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// `explicit_bucket_histogram`: by the boundaries that the instrument was given, else by the specification's. The
    /// default.
    #[default]
    ExplicitBucket,
    /// `base2_exponential_bucket_histogram`: by at most 160 boundaries that follow the measurements. Those that an
    /// instrument was given do not count.
    Base2ExponentialBucket,
}

pub(super) const INTERVAL: Variables = &["OTEL_METRIC_EXPORT_INTERVAL"];
pub(super) const TIMEOUT: Variables = &["OTEL_METRIC_EXPORT_TIMEOUT"];

impl MetricSettings {
    pub(super) fn of(env: &Env<'_>) -> Self {
        exemplars(env);
        let second = Duration::from_secs(1);
        Self {
            export_interval: env.milliseconds(INTERVAL, 60 * second),
            export_timeout: env.timeout(TIMEOUT, 30 * second),
            temporality: temporality(env),
            histogram_aggregation: histogram_aggregation(env),
        }
    }

    /// The limit of one export, where the exporter has one of its own.
    pub(crate) fn shorter_timeout(&self, of_exporter: Duration) -> Duration {
        match (self.export_timeout, of_exporter) {
            (Duration::ZERO, limit) | (limit, Duration::ZERO) => limit,
            (one, other) => one.min(other),
        }
    }
}

fn temporality(env: &Env<'_>) -> Temporality {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let Some(value) = env.text(VARIABLE) else {
        return Temporality::Cumulative;
    };
    value.parse().unwrap_or_else(|()| {
        let problem = "is not cumulative, delta or lowmemory";
        env.warn(VARIABLE, &value, problem, "cumulative");
        Temporality::Cumulative
    })
}

fn histogram_aggregation(env: &Env<'_>) -> HistogramAggregation {
    const VARIABLE: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let default = HistogramAggregation::ExplicitBucket;
    match env.keyword(VARIABLE).as_deref() {
        None | Some("explicit_bucket_histogram") => default,
        Some("base2_exponential_bucket_histogram") => HistogramAggregation::Base2ExponentialBucket,
        Some(_) => {
            let value = env.text(VARIABLE).unwrap_or_default();
            let problem = "is not explicit_bucket_histogram or base2_exponential_bucket_histogram";
            env.warn(VARIABLE, &value, problem, &default.to_string());
            default
        }
    }
}

/// The default of the specification is `trace_based`. Who leaves it asks for nothing, and is not bothered; who names it
/// waits for exemplars that do not come.
fn exemplars(env: &Env<'_>) {
    const VARIABLE: &str = "OTEL_METRICS_EXEMPLAR_FILTER";
    let Some(value) = env.text(VARIABLE) else {
        return;
    };
    let problem = match value.to_ascii_lowercase().as_str() {
        "always_off" => return,
        "always_on" | "trace_based" => {
            "is not built yet, since the SDK has no exemplars (always_off says so)"
        }
        _ => "is not always_on, always_off or trace_based",
    };
    env.warn(VARIABLE, &value, problem, "no exemplars");
}

/// As in `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
impl fmt::Display for HistogramAggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExplicitBucket => "explicit_bucket_histogram",
            Self::Base2ExponentialBucket => "base2_exponential_bucket_histogram",
        })
    }
}
