//! The layers of a `tracing` subscriber: log lines, log records, and `#[instrument]` spans as OpenTelemetry spans.

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_log::{Format, LogLayer, RecordLayer};
use tracing::{Dispatch, Id, Subscriber};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::Identity;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogRecordLimits};
use crate::error::InitError;
use crate::signals::Signals;

/// The layers that [`init`](crate::init) makes its subscriber of, for one of your own; from
/// [`Builder::init_layers`](crate::Builder::init_layers).
///
/// Each has a filter of its own: what decides on lines never decides on spans. Add each once at most.
#[derive(Debug)]
pub struct Layers {
    tracers: Option<SdkTracerProvider>,
    loggers: Option<SdkLoggerProvider>,
    span_filter: Targets,
    log_filter: String,
    format: Format,
    record_limits: LogRecordLimits,
}

impl Layers {
    pub(crate) fn new(config: &Config, signals: &Signals) -> Result<Self, InitError> {
        let not_a_filter = |filter: &str, error: &ParseError| InitError::Filter {
            filter: filter.to_owned(),
            reason: error.to_string(),
        };
        let span_filter = (config.span_filter.parse())
            .map_err(|error| not_a_filter(&config.span_filter, &error))?;
        EnvFilter::try_new(&config.log_filter)
            .map_err(|error| not_a_filter(&config.log_filter, &error))?;
        Ok(Self {
            tracers: signals.tracers.clone(),
            loggers: signals.loggers.clone(),
            span_filter,
            log_filter: with_level(config),
            format: config.log_format,
            record_limits: config.log_limits,
        })
    }

    /// Makes OpenTelemetry spans of the spans of `tracing` that [`Config::span_filter`] lets through. Does nothing where
    /// the SDK is disabled.
    ///
    /// The lines and records find the trace of an event by it.
    #[must_use]
    pub fn spans<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let layer = self.tracers.as_ref().map(|provider| {
            let scope = InstrumentationScope::builder("tracing").build();
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer_with_scope(scope))
                // Each of these would put attributes on every span that say nothing of the request.
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
        });
        layer.with_filter(self.span_filter.clone())
    }

    /// Writes the lines that [`Config::log_filter`] lets through.
    #[must_use]
    pub fn lines<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        self.unfiltered_lines().with_filter(self.log_filter())
    }

    /// Exports the same events as OpenTelemetry log records. Does nothing where they are exported nowhere.
    #[must_use]
    pub fn records<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        self.unfiltered_records().with_filter(self.log_filter())
    }

    /// Both [`lines`](Self::lines) and [`records`](Self::records), with one look at the filter for each event.
    #[must_use]
    pub fn logs<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let logs = self.unfiltered_lines().and_then(self.unfiltered_records());
        logs.with_filter(self.log_filter())
    }

    fn unfiltered_lines<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        LogLayer::new(self.format).resolver(resolve)
    }

    fn unfiltered_records<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // An `Option` would do but for one thing: it does not pass on the dispatcher, which spans are found by.
        let Some(provider) = &self.loggers else {
            return Identity::new().boxed();
        };
        let records = RecordLayer::new(provider.logger("tracing"))
            .resolver(resolve)
            .attribute_count_limit(self.record_limits.attribute_count_limit);
        match self.record_limits.attribute_value_length_limit {
            Some(characters) => records.attribute_value_length_limit(characters).boxed(),
            None => records.boxed(),
        }
    }

    fn log_filter(&self) -> EnvFilter {
        // It was parsed before, and the directives before it are of our making.
        EnvFilter::new(&self.log_filter)
    }
}

/// The log filter, behind the level for what telemetry says of itself: a directive of the filter that names the same target
/// counts.
fn with_level(config: &Config) -> String {
    let filter = &config.log_filter;
    match config.log_level {
        Some(level) => format!("throughline={level},opentelemetry={level},{filter}"),
        None => filter.clone(),
    }
}

/// The span context of a tracing span.
fn resolve(span: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
    Some(context.span().span_context().clone())
}
