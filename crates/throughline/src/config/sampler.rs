//! The standard samplers.

use std::fmt;

use opentelemetry_sdk::trace::ShouldSample;
use throughline_core::{Prediction, SamplerHint};

use super::env::Env;

/// Which spans are recorded.
///
/// The names are those of `OTEL_TRACES_SAMPLER`, the ratios that of `OTEL_TRACES_SAMPLER_ARG` (0 to 1, default 1).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// `always_on`: every one.
    AlwaysOn,
    /// `always_off`: none.
    AlwaysOff,
    /// `traceidratio`: this part of all traces.
    TraceIdRatio(f64),
    /// `parentbased_always_on`: as the parent; every trace that begins here.
    ParentBasedAlwaysOn,
    /// `parentbased_always_off`: as the parent; no trace that begins here.
    ParentBasedAlwaysOff,
    /// `parentbased_traceidratio`: as the parent; this part of the traces that begin here.
    ParentBasedTraceIdRatio(f64),
}

const NAME: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

impl Sampler {
    pub(super) fn of(env: &Env<'_>) -> Self {
        let default = Self::ParentBasedAlwaysOn;
        let Some(name) = env.text(NAME) else {
            return default;
        };
        match name.to_ascii_lowercase().as_str() {
            "always_on" => Self::AlwaysOn,
            "always_off" => Self::AlwaysOff,
            "traceidratio" => Self::TraceIdRatio(ratio(env)),
            "parentbased_always_on" => Self::ParentBasedAlwaysOn,
            "parentbased_always_off" => Self::ParentBasedAlwaysOff,
            "parentbased_traceidratio" => Self::ParentBasedTraceIdRatio(ratio(env)),
            "jaeger_remote" | "parentbased_jaeger_remote" | "xray" => {
                env.warn(NAME, &name, "is not built yet", &default.to_string());
                default
            }
            _ => {
                env.warn(NAME, &name, "is no sampler", &default.to_string());
                default
            }
        }
    }

    pub(crate) fn build(&self) -> Box<dyn ShouldSample> {
        use opentelemetry_sdk::trace::Sampler as Sdk;
        match self {
            Self::AlwaysOn => Box::new(Sdk::AlwaysOn),
            Self::AlwaysOff => Box::new(Sdk::AlwaysOff),
            Self::TraceIdRatio(ratio) => Box::new(Sdk::TraceIdRatioBased(*ratio)),
            Self::ParentBasedAlwaysOn => Box::new(Sdk::parent_based(Sdk::AlwaysOn)),
            Self::ParentBasedAlwaysOff => Box::new(Sdk::parent_based(Sdk::AlwaysOff)),
            Self::ParentBasedTraceIdRatio(ratio) => {
                Box::new(Sdk::parent_based(Sdk::TraceIdRatioBased(*ratio)))
            }
        }
    }

    /// None of the standard samplers looks at attributes.
    pub(crate) fn hint(&self) -> SamplerHint {
        match self {
            Self::AlwaysOn => SamplerHint::always(Prediction::Record),
            Self::AlwaysOff => SamplerHint::always(Prediction::Drop),
            Self::TraceIdRatio(_) => SamplerHint::always(Prediction::Unknown),
            Self::ParentBasedAlwaysOn => SamplerHint::parent_based(Prediction::Record),
            Self::ParentBasedAlwaysOff => SamplerHint::parent_based(Prediction::Drop),
            Self::ParentBasedTraceIdRatio(_) => SamplerHint::parent_based(Prediction::Unknown),
        }
    }
}

/// "If unset, the ratio defaults to 1.0" (specification, "General SDK Configuration").
fn ratio(env: &Env<'_>) -> f64 {
    let Some(value) = env.text(ARGUMENT) else {
        return 1.0;
    };
    match value.parse() {
        Ok(ratio @ 0.0..=1.0) => ratio,
        _ => {
            env.warn(ARGUMENT, &value, "is no number from 0 to 1", "1");
            1.0
        }
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysOn => f.write_str("always_on"),
            Self::AlwaysOff => f.write_str("always_off"),
            Self::TraceIdRatio(ratio) => write!(f, "traceidratio {ratio}"),
            Self::ParentBasedAlwaysOn => f.write_str("parentbased_always_on"),
            Self::ParentBasedAlwaysOff => f.write_str("parentbased_always_off"),
            Self::ParentBasedTraceIdRatio(ratio) => write!(f, "parentbased_traceidratio {ratio}"),
        }
    }
}
