//! The standard samplers.

use std::fmt;

use opentelemetry_sdk::trace::ShouldSample;
use throughline_core::{Prediction, SamplerHint};

use super::deferring::Deferring;
use super::env::Env;

/// Which spans are recorded (specification, "Built-in samplers").
///
/// The names are those of `OTEL_TRACES_SAMPLER`, the ratios that of `OTEL_TRACES_SAMPLER_ARG` (0 to 1, default 1). A ratio
/// that code gives below 0, or that is no number, is 0, and one above 1 is 1.
///
/// # Ratios in services of several languages
///
/// The specification leaves open which traces make up a ratio. Here it is those whose low 64 bits, as a number, are below
/// the ratio of 2⁶⁴, without the lowest bit: the rule of the OpenTelemetry SDK for Rust.
///
/// | SDK | its rule | the same traces at equal ratios |
/// |---|---|---|
/// | Go (since 1.12), Rust | low 64 bits shifted right by one, below the ratio of 2⁶³, rounded down | yes, always |
/// | Python, Ruby | low 64 bits below the ratio of 2⁶⁴, rounded | yes; below a ratio of 2⁻¹⁰, all but at most 2 ids of 2⁶⁴ |
/// | Java, .NET | low 64 bits as a signed number: its absolute value below the ratio of 2⁶³ | no |
/// | JavaScript | the four 32-bit words, combined by exclusive or, below the ratio of 2³² − 1 | no |
/// | C++ | the high 64 bits as the machine orders them | no |
/// | PHP | low 56 bits *at or above* a threshold, as the specification's `ProbabilitySampler` | no |
///
/// No rule agrees with all of them. Where services of several languages share traces, let the parent decide
/// (`parentbased_traceidratio`, the same ratio everywhere): only the first service of a trace then asks the ratio.
/// `traceidratio` alone asks it again in each service, whatever the parent says. The specification intends to put
/// `ProbabilitySampler` in the place of this sampler, in 2027 at the earliest.
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
    /// As another sampler says for each kind of parent. Code only.
    ParentBased(Box<ParentBased>),
}

/// A sampler for each kind of parent (specification, "ParentBased"): by default a span is recorded if its parent is.
///
/// ```
/// use throughline::{ParentBased, Sampler};
///
/// // Of the traces that come in, all that the caller records and a hundredth of the others.
/// let sampler = ParentBased::new(Sampler::AlwaysOn)
///     .remote_parent_not_sampled(Sampler::TraceIdRatio(0.01));
/// # let telemetry = || -> Result<_, throughline::InitError> {
/// let telemetry = throughline::builder()
///     .configure(|config| config.sampler = sampler.into())
///     .init()?;
/// # Ok(telemetry)
/// # };
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ParentBased {
    root: Sampler,
    remote_parent_sampled: Sampler,
    remote_parent_not_sampled: Sampler,
    local_parent_sampled: Sampler,
    local_parent_not_sampled: Sampler,
}

impl ParentBased {
    /// `root` for spans without a parent; the others as their parent.
    #[must_use]
    pub fn new(root: Sampler) -> Self {
        Self {
            root,
            remote_parent_sampled: Sampler::AlwaysOn,
            remote_parent_not_sampled: Sampler::AlwaysOff,
            local_parent_sampled: Sampler::AlwaysOn,
            local_parent_not_sampled: Sampler::AlwaysOff,
        }
    }

    /// For spans whose parent is in another process and recorded. Default: [`Sampler::AlwaysOn`].
    #[must_use]
    pub fn remote_parent_sampled(mut self, sampler: Sampler) -> Self {
        self.remote_parent_sampled = sampler;
        self
    }

    /// For spans whose parent is in another process and not recorded. Default: [`Sampler::AlwaysOff`].
    #[must_use]
    pub fn remote_parent_not_sampled(mut self, sampler: Sampler) -> Self {
        self.remote_parent_not_sampled = sampler;
        self
    }

    /// For spans whose parent is in this process and recorded. Default: [`Sampler::AlwaysOn`].
    #[must_use]
    pub fn local_parent_sampled(mut self, sampler: Sampler) -> Self {
        self.local_parent_sampled = sampler;
        self
    }

    /// For spans whose parent is in this process and not recorded. Default: [`Sampler::AlwaysOff`].
    #[must_use]
    pub fn local_parent_not_sampled(mut self, sampler: Sampler) -> Self {
        self.local_parent_not_sampled = sampler;
        self
    }

    fn build(&self) -> Box<dyn ShouldSample> {
        let by_flag = opentelemetry_sdk::trace::Sampler::parent_based(self.root.build())
            .with_remote_parent_sampled(self.remote_parent_sampled.build())
            .with_remote_parent_not_sampled(self.remote_parent_not_sampled.build())
            .with_local_parent_sampled(self.local_parent_sampled.build())
            .with_local_parent_not_sampled(self.local_parent_not_sampled.build());
        Box::new(Deferring {
            by_flag,
            root: self.root.build(),
            accepted: self.remote_parent_sampled.build(),
            denied: self.remote_parent_not_sampled.build(),
        })
    }

    /// A hint does not tell remote parents from local ones: where they differ, only that attributes are not looked at.
    fn hint(&self) -> SamplerHint {
        let either = |one: Prediction, other: Prediction| {
            if one == other {
                one
            } else {
                Prediction::Unknown
            }
        };
        let mut hint = SamplerHint::default();
        hint.root = self.root.hint().root;
        hint.sampled_parent = either(
            self.remote_parent_sampled.hint().sampled_parent,
            self.local_parent_sampled.hint().sampled_parent,
        );
        hint.unsampled_parent = either(
            self.remote_parent_not_sampled.hint().unsampled_parent,
            self.local_parent_not_sampled.hint().unsampled_parent,
        );
        hint
    }

    fn description(&self) -> String {
        format!(
            "ParentBased{{root:{},remoteParentSampled:{},remoteParentNotSampled:{},localParentSampled:{},\
             localParentNotSampled:{}}}",
            self.root.description(),
            self.remote_parent_sampled.description(),
            self.remote_parent_not_sampled.description(),
            self.local_parent_sampled.description(),
            self.local_parent_not_sampled.description(),
        )
    }
}

impl From<ParentBased> for Sampler {
    fn from(sampler: ParentBased) -> Self {
        Self::ParentBased(Box::new(sampler))
    }
}

const NAME: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// The names of all, as a warning tells them.
const NAMES: &str = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, \
                     parentbased_traceidratio";

impl Sampler {
    pub(super) fn of(env: &Env<'_>) -> Self {
        let default = Self::ParentBasedAlwaysOn;
        let Some(name) = env.text(NAME) else {
            unused_argument(env, "has no effect without OTEL_TRACES_SAMPLER", &default);
            return default;
        };
        let sampler = match name.to_ascii_lowercase().as_str() {
            "always_on" => Self::AlwaysOn,
            "always_off" => Self::AlwaysOff,
            "traceidratio" => Self::TraceIdRatio(ratio(env)),
            "parentbased_always_on" => Self::ParentBasedAlwaysOn,
            "parentbased_always_off" => Self::ParentBasedAlwaysOff,
            "parentbased_traceidratio" => Self::ParentBasedTraceIdRatio(ratio(env)),
            "jaeger_remote" | "parentbased_jaeger_remote" | "xray" => {
                env.warn(NAME, &name, "is not built yet", &default.to_string());
                return default;
            }
            _ => {
                let problem = format!("is no sampler (there are {NAMES})");
                env.warn(NAME, &name, &problem, &default.to_string());
                return default;
            }
        };
        if !sampler.has_argument() {
            unused_argument(env, "is an argument for a sampler that has none", &sampler);
        }
        sampler
    }

    fn has_argument(&self) -> bool {
        matches!(
            self,
            Self::TraceIdRatio(_) | Self::ParentBasedTraceIdRatio(_)
        )
    }

    /// The description of the specification, such as `TraceIdRatioBased{0.000100}`. Its [`Display`](fmt::Display) is as
    /// the variables would say it, where they can.
    ///
    /// ```
    /// use throughline::Sampler;
    ///
    /// let sampler = Sampler::TraceIdRatio(0.0001);
    /// assert_eq!(sampler.description(), "TraceIdRatioBased{0.000100}");
    /// assert_eq!(sampler.to_string(), "traceidratio 0.0001");
    /// ```
    #[must_use]
    pub fn description(&self) -> String {
        let parent_based = |root| ParentBased::new(root).description();
        match self {
            Self::AlwaysOn => "AlwaysOnSampler".to_owned(),
            Self::AlwaysOff => "AlwaysOffSampler".to_owned(),
            Self::TraceIdRatio(ratio) => format!("TraceIdRatioBased{{{}}}", decimal(*ratio)),
            Self::ParentBasedAlwaysOn => parent_based(Self::AlwaysOn),
            Self::ParentBasedAlwaysOff => parent_based(Self::AlwaysOff),
            Self::ParentBasedTraceIdRatio(ratio) => parent_based(Self::TraceIdRatio(*ratio)),
            Self::ParentBased(sampler) => sampler.description(),
        }
    }

    pub(crate) fn build(&self) -> Box<dyn ShouldSample> {
        use opentelemetry_sdk::trace::Sampler as Sdk;
        match self {
            Self::AlwaysOn => Box::new(Sdk::AlwaysOn),
            Self::AlwaysOff => Box::new(Sdk::AlwaysOff),
            Self::TraceIdRatio(ratio) => Box::new(Sdk::TraceIdRatioBased(*ratio)),
            Self::ParentBasedAlwaysOn => ParentBased::new(Self::AlwaysOn).build(),
            Self::ParentBasedAlwaysOff => ParentBased::new(Self::AlwaysOff).build(),
            Self::ParentBasedTraceIdRatio(ratio) => {
                ParentBased::new(Self::TraceIdRatio(*ratio)).build()
            }
            Self::ParentBased(sampler) => sampler.build(),
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
            Self::ParentBased(sampler) => sampler.hint(),
        }
    }
}

/// "Invalid or unrecognized input MUST be logged" (specification, "General SDK Configuration"): who gives a ratio and no
/// sampler that has one believes that fewer traces are recorded.
fn unused_argument(env: &Env<'_>, problem: &str, used: &Sampler) {
    if let Some(value) = env.text(ARGUMENT) {
        env.warn(ARGUMENT, &value, problem, &used.to_string());
    }
}

/// With six places, or as many as tell it from every other ratio.
fn decimal(ratio: f64) -> String {
    let short = format!("{ratio:.6}");
    if short.parse() == Ok(ratio) {
        short
    } else {
        ratio.to_string()
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
            env.warn(
                ARGUMENT,
                &value,
                "is no number from 0 to 1, such as 0.1 for a tenth",
                "1",
            );
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
            Self::ParentBased(sampler) => f.write_str(&sampler.description()),
        }
    }
}

#[cfg(test)]
mod tests;
