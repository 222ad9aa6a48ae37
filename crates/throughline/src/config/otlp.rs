//! Collectors: `OTEL_EXPORTER_OTLP_…`, by the specification of the OTLP exporter.

use std::time::Duration;

use throughline_otlp::otlp::OtlpConfig;

use super::env::{Env, Pairs, pairs};
use crate::error::InitError;

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The collector of one signal: its own variables win over the generic ones.
pub(super) fn target(env: &Env<'_>, signal: &str, path: &str) -> Result<OtlpConfig, InitError> {
    protocol(env, signal)?;
    let (endpoint_variable, endpoint) = endpoint(env, signal, path);
    let (headers_variable, headers) = headers(env, signal)?;
    let config = OtlpConfig {
        endpoint,
        headers,
        timeout: timeout(env, signal),
    };
    config.validate().map_err(|error| {
        let (variable, value) = match error {
            throughline_otlp::otlp::BuildError::InvalidHeader { .. } => (headers_variable, "…"),
            _ => (endpoint_variable, config.endpoint.as_str()),
        };
        InitError::Variable {
            variable,
            value: throughline_core::http::redact_url(value, &[]).into_owned(),
            remedy: error.to_string(),
        }
    })?;
    Ok(config)
}

/// The value of the signal's variable, else of the generic one, with the name of the one that has it.
fn of_signal(env: &Env<'_>, signal: &str, name: &str) -> Option<(String, String)> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
    let generic = format!("OTEL_EXPORTER_OTLP_{name}");
    let find = |variable: String| Some((env.text(&variable)?, variable));
    find(own)
        .or_else(|| find(generic))
        .map(|(value, variable)| (variable, value))
}

/// The signal's own endpoint is used as it is; to the generic one the signal's path is appended.
fn endpoint(env: &Env<'_>, signal: &str, path: &str) -> (String, String) {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    match of_signal(env, signal, "ENDPOINT") {
        Some((variable, value)) if variable == own => (variable, value),
        Some((variable, base)) => (variable, format!("{}/{path}", base.trim_end_matches('/'))),
        None => (own, format!("{DEFAULT_ENDPOINT}/{path}")),
    }
}

/// Only `http/protobuf` is built in.
fn protocol(env: &Env<'_>, signal: &str) -> Result<(), InitError> {
    match of_signal(env, signal, "PROTOCOL") {
        Some((variable, value)) if value != "http/protobuf" => Err(InitError::Variable {
            variable,
            value,
            remedy: "use http/protobuf: no other protocol is built in yet".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The headers, and the variable that has them.
fn headers(env: &Env<'_>, signal: &str) -> Result<(String, Pairs), InitError> {
    let Some((variable, list)) = of_signal(env, signal, "HEADERS") else {
        return Ok((String::new(), Vec::new()));
    };
    match pairs(&list) {
        Some(headers) => Ok((variable, headers)),
        None => Err(InitError::Variable {
            variable,
            // Headers hold credentials.
            value: "…".to_owned(),
            remedy: "write key=value,key=value with percent-encoded values".to_owned(),
        }),
    }
}

/// In milliseconds; 0 is no limit.
fn timeout(env: &Env<'_>, signal: &str) -> Duration {
    let Some((variable, value)) = of_signal(env, signal, "TIMEOUT") else {
        return DEFAULT_TIMEOUT;
    };
    value.parse().map_or_else(
        |_| {
            env.warn(
                &variable,
                &value,
                "is no number of milliseconds",
                "10000 ms",
            );
            DEFAULT_TIMEOUT
        },
        Duration::from_millis,
    )
}
