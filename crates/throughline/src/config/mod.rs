//! The configuration: read once from the environment, printable, changeable by code, then built.

mod batch;
mod deferring;
mod env;
mod http;
mod not_built;
mod otlp;
mod resource;
mod sampler;

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use throughline_core::http_semconv::HttpSettings;
use throughline_core::propagation::Propagator;
use throughline_log::Format;
use throughline_otlp::otlp::OtlpConfig;

use crate::error::InitError;
use crate::resource::{Detector, Variables, executable_name};
use env::Env;

pub use batch::Batch;
pub use env::ConfigWarning;
pub use sampler::{ParentBased, Sampler};

/// Everything that [`init`](crate::init) sets up, as one value: of the environment (OpenTelemetry specification,
/// "Environment Variable Specification" and "OpenTelemetry Protocol Exporter"), changed by code, then built.
///
/// Its [`Display`](fmt::Display) is one line a setting, with the values of headers masked.
///
/// ```
/// use throughline::{Config, Sampler};
///
/// # fn main() -> Result<(), throughline::InitError> {
/// let config = Config::from_variables(|variable| match variable {
///     "OTEL_TRACES_SAMPLER" => Some("parentbased_traceidratio".to_owned()),
///     "OTEL_TRACES_SAMPLER_ARG" => Some("a tenth".to_owned()),
///     _ => None,
/// })?;
/// assert_eq!(config.sampler, Sampler::ParentBasedTraceIdRatio(1.0));
/// assert_eq!(
///     config.warnings[0].to_string(),
///     r#"OTEL_TRACES_SAMPLER_ARG: "a tenth" is no number from 0 to 1; instead: 1"#,
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// No spans, metrics and log records; propagation and log lines go on. `OTEL_SDK_DISABLED`; default: false.
    pub disabled: bool,
    /// `service.name`. `OTEL_SERVICE_NAME`, else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`; default: `unknown_service:`
    /// and the name of the executable.
    pub service_name: Option<String>,
    /// The other attributes of the resource, of several with one key the last. `OTEL_RESOURCE_ATTRIBUTES`; default:
    /// none. They lie over what the detectors find. A `service.name` among them has no effect.
    pub resource_attributes: Vec<(String, String)>,
    /// What finds the rest of the resource. `OTEL_RUST_RESOURCE_DETECTORS`; default: [`Detector::DEFAULT`].
    pub resource_detectors: Vec<Detector>,
    /// What the detectors see of the environment.
    pub(crate) detector_variables: Variables,
    /// Where spans go. `OTEL_TRACES_EXPORTER`; default: [`Exporter::Otlp`].
    pub traces_exporter: Exporter,
    /// Where metrics go. `OTEL_METRICS_EXPORTER`; default: [`Exporter::Otlp`].
    pub metrics_exporter: Exporter,
    /// Where log records go, beside the lines. `OTEL_LOGS_EXPORTER`; default: [`Exporter::Otlp`]. With
    /// [`Exporter::Console`] there are the lines only.
    pub logs_exporter: Exporter,
    /// The collector of spans. `OTEL_EXPORTER_OTLP_TRACES_…`, else `OTEL_EXPORTER_OTLP_…`; default:
    /// `http://localhost:4318/v1/traces`, no headers, 10 s. Where spans do not go to a collector, wrong variables of it
    /// do not matter.
    pub traces_otlp: OtlpConfig,
    /// The collector of metrics. `OTEL_EXPORTER_OTLP_METRICS_…`, else `OTEL_EXPORTER_OTLP_…`; default:
    /// `http://localhost:4318/v1/metrics`, and as above.
    pub metrics_otlp: OtlpConfig,
    /// The collector of log records. `OTEL_EXPORTER_OTLP_LOGS_…`, else `OTEL_EXPORTER_OTLP_…`; default:
    /// `http://localhost:4318/v1/logs`, and as above.
    pub logs_otlp: OtlpConfig,
    /// How ended spans wait for their export. `OTEL_BSP_…`.
    pub span_batch: Batch,
    /// How log records wait for their export. `OTEL_BLRP_…`.
    pub log_batch: Batch,
    /// How many characters of a string attribute of a span are exported.
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`; default: all.
    pub span_attribute_value_length_limit: Option<usize>,
    /// How many characters of a string attribute of a log record are exported.
    /// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`; default: all.
    pub log_attribute_value_length_limit: Option<usize>,
    /// How often metrics are exported. `OTEL_METRIC_EXPORT_INTERVAL` in milliseconds; default: 60 s.
    pub metric_export_interval: Duration,
    /// Which spans are recorded. `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; default:
    /// [`Sampler::ParentBasedAlwaysOn`].
    pub sampler: Sampler,
    /// How contexts travel, in order. `OTEL_PROPAGATORS`; default: Trace Context and Baggage.
    pub propagators: Vec<Propagator>,
    /// What HTTP instrumentations record, where they have no settings of their own.
    /// `OTEL_INSTRUMENTATION_HTTP_…`, `OTEL_RUST_INSTRUMENTATION_HTTP_…` and `http/dup` in
    /// `OTEL_SEMCONV_STABILITY_OPT_IN`; default: [`HttpSettings::default`].
    pub http: HttpSettings,
    /// Which events are logged, as lines and as records, as `EnvFilter` directives. `RUST_LOG`; default: `info`.
    pub log_filter: String,
    /// How a log line looks. `OTEL_RUST_LOG_FORMAT`: `json` or `text`; default: `text` on a terminal, else `json`.
    pub log_format: Format,
    /// Which `tracing` spans become OpenTelemetry spans, as `target=level` directives. `OTEL_RUST_SPAN_FILTER`; default:
    /// `info`, without the crates that carry the requests. A target stands for all that begin with it. No filter ever
    /// touches the spans of throughline's own instrumentations.
    pub span_filter: String,
    /// How long a shutdown or a flush may take in all. Code only; default: 5 s.
    pub shutdown_timeout: Duration,
    /// What was wrong with the environment, and what is used instead. Logged by [`init`](Self::init).
    pub warnings: Vec<ConfigWarning>,
}

/// Where a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exporter {
    /// To a collector, by OTLP over HTTP with protobuf or over gRPC.
    Otlp,
    /// To standard output as OTLP in JSON, a line for each export, for programs; `otlp/stdout`.
    OtlpStdout,
    /// To standard output, for people.
    Console,
    /// Nowhere. Spans still exist: logs have ids, and contexts are propagated.
    None,
}

impl Config {
    /// The configuration of the environment.
    ///
    /// An empty variable is unset. A wrong value that decides *where* data goes (an exporter, an endpoint, a protocol, a
    /// header) is an error, where data goes there at all; one that decides *how* is in [`warnings`](Self::warnings), and
    /// the default is used. A value that is not Unicode is read with replacement characters.
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
        let disabled = env.boolean("OTEL_SDK_DISABLED");
        let (service_name, resource_attributes) = resource::given(&env);
        let (traces_exporter, traces_otlp) = signal(&env, disabled, "TRACES", "v1/traces")?;
        let (metrics_exporter, metrics_otlp) = signal(&env, disabled, "METRICS", "v1/metrics")?;
        let (logs_exporter, logs_otlp) = signal(&env, disabled, "LOGS", "v1/logs")?;
        let mut config = Self {
            disabled,
            service_name,
            resource_attributes,
            resource_detectors: resource::detectors(&env),
            detector_variables: Variables::read(&get),
            traces_exporter,
            metrics_exporter,
            logs_exporter,
            traces_otlp,
            metrics_otlp,
            logs_otlp,
            span_batch: Batch::of_spans(&env),
            log_batch: Batch::of_logs(&env),
            span_attribute_value_length_limit: value_length_limit(&env, "SPAN"),
            log_attribute_value_length_limit: value_length_limit(&env, "LOGRECORD"),
            metric_export_interval: env
                .milliseconds("OTEL_METRIC_EXPORT_INTERVAL", Duration::from_secs(60)),
            sampler: Sampler::of(&env),
            propagators: propagators(&env),
            http: http::settings(&env),
            log_filter: log_filter(&env),
            log_format: log_format(&env),
            span_filter: span_filter(&env),
            shutdown_timeout: Duration::from_secs(5),
            warnings: Vec::new(),
        };
        not_built::warn(&env);
        config.warnings = env.into_warnings();
        Ok(config)
    }

    /// The `service.name` that goes out.
    pub(crate) fn effective_service_name(&self) -> String {
        self.service_name
            .clone()
            .unwrap_or_else(|| match executable_name() {
                Some(name) => format!("unknown_service:{name}"),
                None => "unknown_service".to_owned(),
            })
    }
}

/// Where a signal goes. What is off needs no collector, so its variables stop nobody.
fn signal(
    env: &Env<'_>,
    disabled: bool,
    name: &str,
    path: &str,
) -> Result<(Exporter, OtlpConfig), InitError> {
    let exporter = match exporter(env, &format!("OTEL_{name}_EXPORTER")) {
        Err(_) if disabled => Exporter::None,
        exporter => exporter?,
    };
    let target = if exporter == Exporter::Otlp && !disabled {
        otlp::target(env, name, path)?
    } else {
        otlp::unused_target(env, name, path)
    };
    Ok((exporter, target))
}

fn exporter(env: &Env<'_>, variable: &str) -> Result<Exporter, InitError> {
    match env.keyword(variable).as_deref() {
        None | Some("otlp") => Ok(Exporter::Otlp),
        Some("otlp/stdout") => Ok(Exporter::OtlpStdout),
        Some("console") => Ok(Exporter::Console),
        Some("none") => Ok(Exporter::None),
        Some(_) => Err(InitError::Variable {
            variable: variable.to_owned(),
            value: env.text(variable).unwrap_or_default(),
            remedy: "use otlp, otlp/stdout, console or none".to_owned(),
        }),
    }
}

fn propagators(env: &Env<'_>) -> Vec<Propagator> {
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    const DEFAULT: [Propagator; 2] = [Propagator::TraceContext, Propagator::Baggage];
    let list = env.text(VARIABLE).unwrap_or_default();
    let names = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let mut propagators: Vec<Propagator> = Vec::new();
    let mut unknown = Vec::new();
    let mut none = false;
    for name in names {
        match name.parse() {
            // "Values MUST be deduplicated" (specification, "General SDK Configuration").
            Ok(propagator) if propagators.contains(&propagator) => {}
            Ok(propagator) => propagators.push(propagator),
            Err(_) if name.eq_ignore_ascii_case("none") => none = true,
            Err(_) => unknown.push(name),
        }
    }
    let is_default = propagators.is_empty() && !none;
    for name in unknown {
        let used = if is_default {
            "tracecontext,baggage"
        } else {
            "the others of the list"
        };
        let known = Propagator::ALL.map(Propagator::name).join(", ");
        env.warn(VARIABLE, name, &format!("is not {known} or none"), used);
    }
    if is_default {
        DEFAULT.to_vec()
    } else {
        propagators
    }
}

fn value_length_limit(env: &Env<'_>, model: &str) -> Option<usize> {
    let own = format!("OTEL_{model}_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    let is_set = env.text(&own).is_some();
    let generic = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    env.limit(if is_set { &own } else { generic })
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
            Self::OtlpStdout => "otlp/stdout",
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
        let detectors: Vec<_> = self
            .resource_detectors
            .iter()
            .map(Detector::to_string)
            .collect();
        writeln!(f, "resource detectors: {}", detectors.join(","))?;
        for (signal, exporter, target) in [
            ("traces", self.traces_exporter, &self.traces_otlp),
            ("metrics", self.metrics_exporter, &self.metrics_otlp),
            ("logs", self.logs_exporter, &self.logs_otlp),
        ] {
            match exporter {
                Exporter::Otlp => writeln!(f, "{signal}: {target:?}")?,
                other => writeln!(f, "{signal}: {other}")?,
            }
        }
        writeln!(f, "span batches: {}", self.span_batch)?;
        writeln!(f, "log batches: {}", self.log_batch)?;
        for (what, limit) in [
            ("span", self.span_attribute_value_length_limit),
            ("log", self.log_attribute_value_length_limit),
        ] {
            if let Some(limit) = limit {
                writeln!(f, "{what} attribute value length limit: {limit}")?;
            }
        }
        writeln!(
            f,
            "metric export interval: {:?}",
            self.metric_export_interval
        )?;
        writeln!(f, "sampler: {}", self.sampler)?;
        let propagators: Vec<_> = self.propagators.iter().map(|it| it.name()).collect();
        let propagators = match propagators[..] {
            [] => "none".to_owned(),
            _ => propagators.join(","),
        };
        writeln!(f, "propagators: {propagators}")?;
        for (what, value) in http::describe(&self.http) {
            writeln!(f, "http {what}: {value}")?;
        }
        writeln!(f, "log filter: {}", self.log_filter)?;
        writeln!(f, "log format: {}", self.log_format)?;
        writeln!(f, "span filter: {}", self.span_filter)?;
        write!(f, "shutdown timeout: {:?}", self.shutdown_timeout)
    }
}
