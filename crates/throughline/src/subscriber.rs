//! The `tracing` subscriber: log lines, and `#[instrument]` spans as OpenTelemetry spans.

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_log::LogLayer;
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::Config;
use crate::error::InitError;

/// Installs the subscriber. Each layer has a filter of its own: the log filter decides on lines only.
pub(crate) fn install(
    config: &Config,
    provider: Option<&SdkTracerProvider>,
) -> Result<(), InitError> {
    let log_filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| not_a_filter(&config.log_filter, &error))?;
    let span_filter: Targets =
        (config.span_filter.parse()).map_err(|error: tracing_subscriber::filter::ParseError| {
            not_a_filter(&config.span_filter, &error)
        })?;
    let spans = provider.map(|provider| {
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
    let lines = LogLayer::new(config.log_format)
        .resolver(|span, dispatch| {
            let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
            Some(context.span().span_context().clone())
        })
        .with_filter(log_filter);
    let subscriber = Registry::default().with(spans).with(lines);
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| InitError::SubscriberInstalled)?;
    forward_log_records();
    Ok(())
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
