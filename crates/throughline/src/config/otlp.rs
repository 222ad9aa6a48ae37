//! Collectors: `OTEL_EXPORTER_OTLP_…`, by the specification of the OTLP exporter.

use std::time::Duration;

use throughline_otlp::otlp::{BuildError, OtlpConfig};

use super::env::{Env, Pairs, pairs};
use crate::error::InitError;

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// What stands for a value that may hold credentials.
const HIDDEN: &str = "…";

/// A variable and its value.
type Setting = (String, String);

/// The collector of one signal: its own variables win over the generic ones.
pub(super) fn target(env: &Env<'_>, signal: &str, path: &str) -> Result<OtlpConfig, InitError> {
    protocol(env, signal)?;
    let endpoint = of_signal(env, signal, "ENDPOINT");
    let headers = of_signal(env, signal, "HEADERS");
    let written = endpoint.as_ref().map(|(_, value)| value.as_str());
    let mut config = OtlpConfig::new(written.unwrap_or(DEFAULT_ENDPOINT));
    config.headers = decoded_headers(headers.as_ref())?;
    config.timeout = timeout(env, signal, config.timeout);
    // Before the path comes in: it would make a host out of a missing one.
    if let Err(error) = config.validate() {
        return Err(refused(error, endpoint, headers));
    }
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    if endpoint.is_none_or(|(variable, _)| variable != own) {
        config.endpoint = below(&config.endpoint, path);
    }
    Ok(config)
}

/// The collector of a signal that is not sent to one: wrong variables do not matter.
pub(super) fn unused_target(env: &Env<'_>, signal: &str, path: &str) -> OtlpConfig {
    let unheard = env.unheard();
    target(&unheard, signal, path)
        .unwrap_or_else(|_| OtlpConfig::new(below(DEFAULT_ENDPOINT, path)))
}

/// The signal's variable if it has a value, else the generic one if it has.
fn of_signal(env: &Env<'_>, signal: &str, name: &str) -> Option<Setting> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
    let generic = format!("OTEL_EXPORTER_OTLP_{name}");
    [own, generic].into_iter().find_map(|variable| {
        let value = env.text(&variable)?;
        Some((variable, value))
    })
}

/// The URL of `path` below `base`; a query stays behind the path.
fn below(base: &str, path: &str) -> String {
    let (base, query) = base.split_at(base.find(['?', '#']).unwrap_or(base.len()));
    let base = base.strip_suffix('/').unwrap_or(base);
    format!("{base}/{path}{query}")
}

/// Only `http/protobuf` is built in.
fn protocol(env: &Env<'_>, signal: &str) -> Result<(), InitError> {
    match of_signal(env, signal, "PROTOCOL") {
        Some((variable, value)) if !value.eq_ignore_ascii_case("http/protobuf") => {
            Err(InitError::Variable {
                variable,
                value,
                remedy: "use http/protobuf: no other protocol is built in yet".to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn decoded_headers(setting: Option<&Setting>) -> Result<Pairs, InitError> {
    let Some((variable, list)) = setting else {
        return Ok(Vec::new());
    };
    pairs(list).ok_or_else(|| InitError::Variable {
        variable: variable.clone(),
        value: HIDDEN.to_owned(),
        remedy: "write key=value,key=value with percent-encoded values".to_owned(),
    })
}

/// In milliseconds; 0 is no limit.
fn timeout(env: &Env<'_>, signal: &str, default: Duration) -> Duration {
    match of_signal(env, signal, "TIMEOUT") {
        Some((variable, _)) => env.milliseconds_or_0(&variable, default),
        None => default,
    }
}

/// Names the variable that a collector cannot be reached by.
fn refused(error: BuildError, endpoint: Option<Setting>, headers: Option<Setting>) -> InitError {
    let (setting, remedy) = match &error {
        BuildError::InvalidHeader { name, reason } => {
            // Where a list is written wrongly a credential may stand in the place of a name.
            let remedy = if is_token(name) {
                format!("the header {name:?} cannot be sent: {reason}")
            } else {
                "write key=value,key=value: one of the keys is not a header name".to_owned()
            };
            let headers = headers.map(|(variable, _)| (variable, HIDDEN.to_owned()));
            (headers, remedy)
        }
        BuildError::TlsNotSupported { endpoint: shown } => (
            endpoint.map(|(variable, _)| (variable, shown.clone())),
            "TLS is not built in yet; use an http:// endpoint, such as an OpenTelemetry Collector on the same host \
             that forwards over TLS"
                .to_owned(),
        ),
        BuildError::InvalidEndpoint {
            endpoint: shown,
            reason,
        } => (
            endpoint.map(|(variable, _)| (variable, shown.clone())),
            format!("it is not an endpoint such as {DEFAULT_ENDPOINT}: {reason}"),
        ),
        _ => (None, String::new()),
    };
    match setting {
        Some((variable, value)) => InitError::Variable {
            variable,
            value,
            remedy,
        },
        None => InitError::Exporter(error),
    }
}

/// Whether it can be the name of a header (RFC 9110, "Tokens").
fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.bytes().all(is_token_byte)
}
