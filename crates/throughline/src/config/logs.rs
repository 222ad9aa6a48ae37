//! What is logged, how a line looks, and which `tracing` spans become OpenTelemetry spans.

use std::io::IsTerminal;

use throughline_log::Format;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::env::Env;

pub(super) fn log_filter(env: &Env<'_>) -> String {
    const VARIABLE: &str = "RUST_LOG";
    const DEFAULT: &str = "info";
    let Some(filter) = env.text(VARIABLE) else {
        return DEFAULT.to_owned();
    };
    match EnvFilter::try_new(&filter) {
        Ok(_) => filter,
        Err(error) => {
            let problem = format!("is no filter ({error})");
            env.warn(VARIABLE, &filter, &problem, DEFAULT);
            DEFAULT.to_owned()
        }
    }
}

/// The names are those that SDKs know: the specification has none but the default's.
pub(super) fn log_level(env: &Env<'_>) -> Option<LevelFilter> {
    const VARIABLE: &str = "OTEL_LOG_LEVEL";
    let value = env.text(VARIABLE)?;
    let level = match value.to_ascii_lowercase().as_str() {
        "none" | "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" | "verbose" | "all" => LevelFilter::TRACE,
        _ => {
            let problem = "is not none, error, warn, info, debug or trace";
            env.warn(VARIABLE, &value, problem, "RUST_LOG");
            return None;
        }
    };
    Some(level)
}

pub(super) fn log_format(env: &Env<'_>) -> Format {
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

pub(super) fn span_filter(env: &Env<'_>) -> String {
    // The crates that carry requests, ours and the exporter's: their spans would be noise in every trace.
    const DEFAULT: &str = "info,h2=off,hyper=off,hyper_util=off,opentelemetry=off,reqwest=off,rustls=off,tokio=off,\
                           tonic=off,tower=off,tower_http=off";
    const VARIABLE: &str = "OTEL_RUST_SPAN_FILTER";
    let Some(filter) = env.text(VARIABLE) else {
        return DEFAULT.to_owned();
    };
    match filter.parse::<Targets>() {
        Ok(_) => filter,
        Err(error) => {
            let problem = format!("is no filter ({error})");
            env.warn(VARIABLE, &filter, &problem, "the default");
            DEFAULT.to_owned()
        }
    }
}
