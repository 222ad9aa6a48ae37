//! The configuration: read once from the environment, printable, changeable by code, then built.

mod batch;
mod database;
mod deferring;
mod endpoint;
mod env;
mod exporters;
mod http;
mod limits;
mod logs;
mod metrics;
mod n_plus_one;
mod not_built;
mod opt_in;
mod origins;
mod otlp;
mod propagators;
mod resource;
mod sampler;
mod settings;
mod signal;
mod stability;
mod typos;

use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::time::Duration;

use throughline_core::db_semconv::DatabaseSettings;
use throughline_core::http_semconv::HttpSettings;
use throughline_core::propagation::Propagator;
use throughline_log::Format;
use throughline_otlp::NPlusOne;
use throughline_otlp::otlp::OtlpConfig;
use tracing_subscriber::filter::LevelFilter;

use crate::error::InitError;
use crate::resource::{Detector, Variables, executable_name};
use env::Env;
use origins::Origins;
use signal::{LOGS, METRICS, Signal, TRACES};

pub use batch::Batch;
pub use env::ConfigWarning;
pub use exporters::Exporter;
pub(crate) use exporters::each_once;
pub use limits::{LogRecordLimits, SpanLimits};
pub use metrics::{HistogramAggregation, MetricSettings};
pub use sampler::{ParentBased, Sampler};

/// Everything that [`init`](crate::init) sets up, as one value: of the environment (OpenTelemetry specification,
/// "Environment Variable Specification" and "OpenTelemetry Protocol Exporter"), changed by code, then built.
///
/// Its [`Display`](std::fmt::Display) is one line a setting, with where it came from: `default`, the variable, or `code`
/// where it is not what was read. The values of headers are masked, and of endpoints neither user information nor queries
/// are shown.
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
///     r#"OTEL_TRACES_SAMPLER_ARG: "a tenth" is no number from 0 to 1, such as 0.1 for a tenth; instead: 1"#,
/// );
/// let printed = config.to_string();
/// assert!(printed.contains("\nsampler: parentbased_traceidratio 1 (OTEL_TRACES_SAMPLER)\n"));
/// assert!(printed.contains("\ntraces endpoint: http://localhost:4318/v1/traces (default)\n"));
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
    /// Where spans go. `OTEL_TRACES_EXPORTER`; default: [`Exporter::Otlp`]. With none, spans still exist: logs have ids, and
    /// contexts are propagated.
    pub traces_exporters: Vec<Exporter>,
    /// Where metrics go. `OTEL_METRICS_EXPORTER`; default: [`Exporter::Otlp`].
    pub metrics_exporters: Vec<Exporter>,
    /// Where log records go, beside the lines. `OTEL_LOGS_EXPORTER`; default: [`Exporter::Otlp`]. With none, and with
    /// [`Exporter::Console`] alone, there are the lines only.
    pub logs_exporters: Vec<Exporter>,
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
    /// What a span keeps at most. `OTEL_SPAN_…_LIMIT` and the like.
    pub span_limits: SpanLimits,
    /// What a log record keeps at most. `OTEL_LOGRECORD_…_LIMIT` and the like.
    pub log_limits: LogRecordLimits,
    /// Whether the same query again and again under one span is found and said: an event on the span, a metric, a warning.
    /// `OTEL_RUST_N_PLUS_ONE`; default: false. [What counts](throughline_otlp::SpanPipelineBuilder::n_plus_one).
    pub find_n_plus_one: bool,
    /// How many queries that are, and how long they take. `OTEL_RUST_N_PLUS_ONE_MIN_QUERIES`, and
    /// `OTEL_RUST_N_PLUS_ONE_MIN_TIME` in milliseconds; default: 5 in 50 ms.
    pub n_plus_one: NPlusOne,
    /// How metrics are aggregated and how often they go out. `OTEL_METRIC_…` and the like.
    pub metrics: MetricSettings,
    /// Which spans are recorded. `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; default:
    /// [`Sampler::ParentBasedAlwaysOn`].
    pub sampler: Sampler,
    /// How contexts travel, in order. `OTEL_PROPAGATORS`; default: Trace Context and Baggage.
    pub propagators: Vec<Propagator>,
    /// What HTTP instrumentations record, where they have no settings of their own.
    /// `OTEL_INSTRUMENTATION_HTTP_…`, `OTEL_RUST_INSTRUMENTATION_HTTP_…` and `http/dup` in
    /// `OTEL_SEMCONV_STABILITY_OPT_IN`; default: [`HttpSettings::default`].
    pub http: HttpSettings,
    /// What instrumentations of databases record, where they have no settings of their own.
    /// `OTEL_RUST_INSTRUMENTATION_DB_…` and `database/dup` in `OTEL_SEMCONV_STABILITY_OPT_IN`; default:
    /// [`DatabaseSettings::default`].
    pub database: DatabaseSettings,
    /// Which events are logged, as lines and as records, as `EnvFilter` directives. `RUST_LOG`; default: `info`.
    pub log_filter: String,
    /// Which of their own messages throughline and the SDK log, where [`log_filter`](Self::log_filter) does not name them.
    /// `OTEL_LOG_LEVEL`: `none`, `error`, `warn`, `info`, `debug` or `trace`; default: what `log_filter` says of all.
    pub log_level: Option<LevelFilter>,
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
    origins: Origins,
}

impl Config {
    /// The configuration of the environment.
    ///
    /// An empty variable is unset. A wrong value that decides *where* data goes (an exporter, an endpoint, a protocol, a
    /// header) is an error, where data goes there at all; one that decides *how* is in [`warnings`](Self::warnings), and
    /// the default is used. What is followed and hardly meant, such as the port of another protocol, is there too, as is a
    /// variable that is not read and almost has the name of one that is. A value that is not Unicode is read with
    /// replacement characters.
    ///
    /// # Errors
    ///
    /// [`InitError::Variable`] names the variable, its value and the remedy.
    pub fn from_env() -> Result<Self, InitError> {
        let lossy = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        let mut config = Self::from_variables(lossy)?;
        let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        config.warnings.extend(typos::warnings(names));
        Ok(config)
    }

    /// The configuration of the variables that `get` returns, for tests of applications. What is almost the name of a
    /// variable is not warned of: which others there are is not known here.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, InitError> {
        let env = Env::new(&get);
        let mut config = Self::read(&env)?;
        let (set, warnings) = env.into_parts();
        config.warnings = warnings;
        config.origins = Origins::of(&config, set);
        Ok(config)
    }

    /// Of an environment without a variable.
    fn without_variables() -> Option<Self> {
        Self::read(&Env::new(&|_| None)).ok()
    }

    /// Every variable that is read.
    fn variables() -> BTreeSet<String> {
        let read = RefCell::default();
        let get = |name: &str| {
            let mut read: RefMut<'_, BTreeSet<_>> = read.borrow_mut();
            read.insert(name.to_owned());
            None
        };
        // Nothing is wrong with an empty environment.
        let _ = Self::read(&Env::new(&get));
        read.into_inner()
    }

    fn read(env: &Env<'_>) -> Result<Self, InitError> {
        let disabled = env.boolean("OTEL_SDK_DISABLED");
        let (service_name, resource_attributes) = resource::given(env);
        let (traces_exporters, traces_otlp) = signal(env, disabled, &TRACES)?;
        let (metrics_exporters, metrics_otlp) = signal(env, disabled, &METRICS)?;
        let (logs_exporters, logs_otlp) = signal(env, disabled, &LOGS)?;
        let config = Self {
            disabled,
            service_name,
            resource_attributes,
            resource_detectors: resource::detectors(env),
            detector_variables: Variables::read(|name| env.raw(name)),
            traces_exporters,
            metrics_exporters,
            logs_exporters,
            traces_otlp,
            metrics_otlp,
            logs_otlp,
            span_batch: Batch::of_spans(env),
            log_batch: Batch::of_logs(env),
            span_limits: SpanLimits::of(env),
            log_limits: LogRecordLimits::of(env),
            find_n_plus_one: env.boolean(n_plus_one::FIND),
            n_plus_one: n_plus_one::of(env),
            metrics: MetricSettings::of(env),
            sampler: Sampler::of(env),
            propagators: propagators::of(env),
            http: http::settings(env),
            database: database::settings(env),
            log_filter: logs::log_filter(env),
            log_level: logs::log_level(env),
            log_format: logs::log_format(env),
            span_filter: logs::span_filter(env),
            shutdown_timeout: Duration::from_secs(5),
            warnings: Vec::new(),
            origins: Origins::default(),
        };
        not_built::warn(env);
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
    signal: &Signal,
) -> Result<(Vec<Exporter>, OtlpConfig), InitError> {
    let exporters = match exporters::of_signal(env, signal) {
        Err(_) if disabled => Vec::new(),
        exporters => exporters?,
    };
    let target = if exporters.contains(&Exporter::Otlp) && !disabled {
        otlp::target(env, signal)?
    } else {
        otlp::unused_target(env, signal)
    };
    Ok((exporters, target))
}
