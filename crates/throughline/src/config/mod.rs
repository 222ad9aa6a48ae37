//! The configuration: read once from the environment, printable, changeable by code, then built.

mod env;
mod otlp;
mod sampler;

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use throughline_core::propagation::Propagator;
use throughline_log::Format;
use throughline_otlp::otlp::OtlpConfig;

use crate::error::InitError;
use env::{Env, Pairs, pairs};

pub use env::ConfigWarning;
pub use sampler::Sampler;

/// Everything that [`init`](crate::init) sets up, as one value.
///
/// Its [`Display`](fmt::Display) is one line a setting, with the values of headers masked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// No spans and no metrics; propagation and logs go on. `OTEL_SDK_DISABLED`; default: false.
    pub disabled: bool,
    /// `service.name`. `OTEL_SERVICE_NAME`, else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`; default: `unknown_service:`
    /// and the name of the executable.
    pub service_name: Option<String>,
    /// The other attributes of the resource. `OTEL_RESOURCE_ATTRIBUTES`; default: none.
    pub resource_attributes: Vec<(String, String)>,
    /// Where spans go. `OTEL_TRACES_EXPORTER`; default: [`Exporter::Otlp`].
    pub traces_exporter: Exporter,
    /// Where metrics go. `OTEL_METRICS_EXPORTER`; default: [`Exporter::Otlp`].
    pub metrics_exporter: Exporter,
    /// The collector of spans. `OTEL_EXPORTER_OTLP_TRACES_…`, else `OTEL_EXPORTER_OTLP_…`.
    pub traces_otlp: OtlpConfig,
    /// The collector of metrics. `OTEL_EXPORTER_OTLP_METRICS_…`, else `OTEL_EXPORTER_OTLP_…`.
    pub metrics_otlp: OtlpConfig,
    /// How often metrics are exported. `OTEL_METRIC_EXPORT_INTERVAL` in milliseconds; default: 60 s.
    pub metric_export_interval: Duration,
    /// Which spans are recorded. `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; default:
    /// [`Sampler::ParentBasedAlwaysOn`].
    pub sampler: Sampler,
    /// How contexts travel, in order. `OTEL_PROPAGATORS`; default: Trace Context and Baggage.
    pub propagators: Vec<Propagator>,
    /// Which events are logged, as `EnvFilter` directives. `RUST_LOG`; default: `info`.
    pub log_filter: String,
    /// How a log line looks. `OTEL_RUST_LOG_FORMAT`: `json` or `text`; default: `text` on a terminal, else `json`.
    pub log_format: Format,
    /// Which `tracing` spans become OpenTelemetry spans, as `target=level` directives. `OTEL_RUST_SPAN_FILTER`; default:
    /// `info`, without the crates that carry the requests. No filter ever touches the spans of throughline's own
    /// instrumentations.
    pub span_filter: String,
    /// How long a shutdown may take in all. Code only; default: 5 s.
    pub shutdown_timeout: Duration,
    /// What was wrong with the environment, and what is used instead.
    pub warnings: Vec<ConfigWarning>,
}

/// Where a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// To a collector, by OTLP over HTTP with protobuf.
    Otlp,
    /// To standard output.
    Console,
    /// Nowhere. Spans still exist: logs have ids, and contexts are propagated.
    None,
}

impl Config {
    /// The configuration of the environment.
    ///
    /// An unset or empty variable is unset. A wrong value that decides *where* data goes (an exporter, an endpoint, a
    /// protocol, a header) is an error; one that decides *how* is in [`warnings`](Self::warnings), and the default is
    /// used.
    ///
    /// # Errors
    ///
    /// [`InitError::Variable`] names the variable, its value and the remedy.
    pub fn from_env() -> Result<Self, InitError> {
        let lossy = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        Self::from_variables(lossy)
    }

    /// The configuration of the variables that `get` returns, for tests of applications.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, InitError> {
        let env = Env::new(&get);
        let mut resource_attributes = resource_attributes(&env);
        let mut service_name = env.text("OTEL_SERVICE_NAME");
        resource_attributes.retain(|(key, value)| {
            let is_name = key == "service.name";
            if is_name && service_name.is_none() {
                service_name = Some(value.clone());
            }
            !is_name
        });
        let mut config = Self {
            disabled: env.boolean("OTEL_SDK_DISABLED"),
            service_name,
            resource_attributes,
            traces_exporter: exporter(&env, "OTEL_TRACES_EXPORTER")?,
            metrics_exporter: exporter(&env, "OTEL_METRICS_EXPORTER")?,
            traces_otlp: otlp::target(&env, "TRACES", "v1/traces")?,
            metrics_otlp: otlp::target(&env, "METRICS", "v1/metrics")?,
            metric_export_interval: env
                .milliseconds("OTEL_METRIC_EXPORT_INTERVAL", Duration::from_secs(60)),
            sampler: Sampler::of(&env),
            propagators: propagators(&env),
            log_filter: log_filter(&env),
            log_format: log_format(&env),
            span_filter: span_filter(&env),
            shutdown_timeout: Duration::from_secs(5),
            warnings: Vec::new(),
        };
        config.warnings = env.into_warnings();
        Ok(config)
    }

    /// The `service.name` that goes out.
    pub(crate) fn effective_service_name(&self) -> String {
        self.service_name.clone().unwrap_or_else(|| {
            let executable = std::env::current_exe().ok();
            let name = (executable.as_deref()).and_then(|path| path.file_name()?.to_str());
            match name {
                Some(name) => format!("unknown_service:{name}"),
                None => "unknown_service".to_owned(),
            }
        })
    }
}

fn exporter(env: &Env<'_>, variable: &'static str) -> Result<Exporter, InitError> {
    match env.text(variable).as_deref() {
        None | Some("otlp") => Ok(Exporter::Otlp),
        Some("console") => Ok(Exporter::Console),
        Some("none") => Ok(Exporter::None),
        Some(value) => Err(InitError::Variable {
            variable: variable.to_owned(),
            value: value.to_owned(),
            remedy: "use otlp, console or none".to_owned(),
        }),
    }
}

fn propagators(env: &Env<'_>) -> Vec<Propagator> {
    const DEFAULT: [Propagator; 2] = [Propagator::TraceContext, Propagator::Baggage];
    let Some(list) = env.text("OTEL_PROPAGATORS") else {
        return DEFAULT.to_vec();
    };
    let mut propagators = Vec::new();
    let mut named = false;
    for name in list.split(',').map(str::trim) {
        let propagator = match name {
            "tracecontext" => Propagator::TraceContext,
            "baggage" => Propagator::Baggage,
            "none" => {
                named = true;
                continue;
            }
            _ => {
                env.warn(
                    "OTEL_PROPAGATORS",
                    name,
                    "is not tracecontext, baggage or none",
                    "it is left out",
                );
                continue;
            }
        };
        named = true;
        // "Values MUST be deduplicated" (specification, "General SDK Configuration").
        if !propagators.contains(&propagator) {
            propagators.push(propagator);
        }
    }
    if named { propagators } else { DEFAULT.to_vec() }
}

/// One that cannot be read discards all (specification, "Resource SDK").
fn resource_attributes(env: &Env<'_>) -> Pairs {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(list) = env.text(VARIABLE) else {
        return Vec::new();
    };
    pairs(&list).unwrap_or_else(|| {
        env.warn(VARIABLE, &list, "is not key=value,…", "no attribute of it");
        Vec::new()
    })
}

fn log_filter(env: &Env<'_>) -> String {
    const DEFAULT: &str = "info";
    let Some(filter) = env.text("RUST_LOG") else {
        return DEFAULT.to_owned();
    };
    match tracing_subscriber::EnvFilter::try_new(&filter) {
        Ok(_) => filter,
        Err(error) => {
            env.warn(
                "RUST_LOG",
                &filter,
                &format!("is no filter ({error})"),
                DEFAULT,
            );
            DEFAULT.to_owned()
        }
    }
}

fn log_format(env: &Env<'_>) -> Format {
    const VARIABLE: &str = "OTEL_RUST_LOG_FORMAT";
    let (default, name) = if std::io::stdout().is_terminal() {
        (Format::Text, "text")
    } else {
        (Format::Json, "json")
    };
    let Some(value) = env.text(VARIABLE) else {
        return default;
    };
    value.parse().unwrap_or_else(|_| {
        env.warn(VARIABLE, &value, "is not json or text", name);
        default
    })
}

fn span_filter(env: &Env<'_>) -> String {
    // The crates that carry requests, ours and the exporter's: their spans would be noise in every trace.
    const DEFAULT: &str = "info,h2=off,hyper=off,hyper_util=off,opentelemetry=off,reqwest=off,rustls=off,tokio=off,\
                           tonic=off,tower=off,tower_http=off";
    const VARIABLE: &str = "OTEL_RUST_SPAN_FILTER";
    let Some(filter) = env.text(VARIABLE) else {
        return DEFAULT.to_owned();
    };
    match filter.parse::<tracing_subscriber::filter::Targets>() {
        Ok(_) => filter,
        Err(error) => {
            env.warn(
                VARIABLE,
                &filter,
                &format!("is no filter ({error})"),
                "the default",
            );
            DEFAULT.to_owned()
        }
    }
}

impl fmt::Display for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Otlp => "otlp",
            Self::Console => "console",
            Self::None => "none",
        })
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "disabled: {}", self.disabled)?;
        writeln!(f, "service.name: {}", self.effective_service_name())?;
        for (key, value) in &self.resource_attributes {
            writeln!(f, "resource {key}: {value}")?;
        }
        for (signal, exporter, target) in [
            ("traces", self.traces_exporter, &self.traces_otlp),
            ("metrics", self.metrics_exporter, &self.metrics_otlp),
        ] {
            match exporter {
                Exporter::Otlp => writeln!(f, "{signal}: {target:?}")?,
                other => writeln!(f, "{signal}: {other}")?,
            }
        }
        writeln!(
            f,
            "metric export interval: {:?}",
            self.metric_export_interval
        )?;
        writeln!(f, "sampler: {}", self.sampler)?;
        writeln!(f, "propagators: {:?}", self.propagators)?;
        writeln!(f, "log filter: {}", self.log_filter)?;
        writeln!(f, "log format: {}", self.log_format)?;
        writeln!(f, "span filter: {}", self.span_filter)?;
        write!(f, "shutdown timeout: {:?}", self.shutdown_timeout)
    }
}
