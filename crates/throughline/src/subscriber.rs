//! The `tracing` subscriber: log lines and log records, and `#[instrument]` spans as OpenTelemetry spans.

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::LoggerProvider;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use throughline_log::{LogLayer, RecordLayer};
use tracing::{Dispatch, Id};
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::Config;
use crate::error::InitError;
use crate::init::Signals;

/// Installs the subscriber. Each layer has a filter of its own: the log filter decides on lines only.
pub(crate) fn install(config: &Config, signals: &Signals) -> Result<(), InitError> {
    let log_filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| not_a_filter(&config.log_filter, &error))?;
    let span_filter: Targets =
        (config.span_filter.parse()).map_err(|error: tracing_subscriber::filter::ParseError| {
            not_a_filter(&config.span_filter, &error)
        })?;
    let spans = signals.tracers.as_ref().map(|provider| {
        let scope = InstrumentationScope::builder("tracing").build();
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer_with_scope(scope))
            // Each of these would put attributes on every span that say nothing of the request.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(span_filter)
    });
    let lines = LogLayer::new(config.log_format).resolver(resolve);
    let logs = match &signals.loggers {
        Some(provider) => {
            let mut records = RecordLayer::new(provider.logger("tracing")).resolver(resolve);
            if let Some(characters) = config.log_attribute_value_length_limit {
                records = records.attribute_value_length_limit(characters);
            }
            lines.and_then(records).boxed()
        }
        None => lines.boxed(),
    };
    let subscriber = Registry::default()
        .with(spans)
        .with(logs.with_filter(log_filter));
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| InitError::SubscriberInstalled)?;
    forward_log_records();
    Ok(())
}

/// The span context of a tracing span.
fn resolve(span: &Id, dispatch: &Dispatch) -> Option<SpanContext> {
    let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
    Some(context.span().span_context().clone())
}

/// Makes records of the `log` crate events. Where the application has a logger of its own they stay there, and
/// everything else works.
fn forward_log_records() {
    let forwarding = LogTracer::builder()
        .with_max_level(LevelFilter::current().as_log())
        .init();
    if forwarding.is_err() {
        tracing::warn!(
            target: "throughline",
            "another logger is installed for the log crate: its records do not become log lines with ids",
        );
    }
}

fn not_a_filter(filter: &str, reason: &dyn std::fmt::Display) -> InitError {
    InitError::Filter {
        filter: filter.to_owned(),
        reason: reason.to_string(),
    }
}
