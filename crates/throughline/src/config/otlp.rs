//! Collectors: `OTEL_EXPORTER_OTLP_…`, by the specification of the OTLP exporter.

use std::time::Duration;

use throughline_otlp::otlp::{BuildError, OtlpConfig};

use super::env::{Env, Pairs, pairs};
use crate::error::InitError;

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

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
    let mut config = OtlpConfig {
        endpoint: written.unwrap_or(DEFAULT_ENDPOINT).to_owned(),
        headers: decoded_headers(headers.as_ref())?,
        timeout: timeout(env, signal),
    };
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
    target(&env.unheard(), signal, path).unwrap_or_else(|_| OtlpConfig {
        endpoint: below(DEFAULT_ENDPOINT, path),
        headers: Vec::new(),
        timeout: DEFAULT_TIMEOUT,
    })
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
        BuildError::TlsNotSupported { .. } => (
            endpoint.map(shown),
            "TLS is not built in yet; use an http:// endpoint, such as an OpenTelemetry Collector on the same host \
             that forwards over TLS"
                .to_owned(),
        ),
        BuildError::InvalidEndpoint { reason, .. } => (
            endpoint.map(shown),
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

/// An endpoint without what may be a credential: user information, query and fragment.
fn shown((variable, endpoint): Setting) -> Setting {
    let end = endpoint.find(['?', '#']).unwrap_or(endpoint.len());
    let authority = endpoint.find("://").map_or(0, |scheme| scheme + 3).min(end);
    let user_information = endpoint[authority..end].rfind('@');
    let host = user_information.map_or(authority, |at| authority + at + 1);
    let shown = format!("{}{}", &endpoint[..authority], &endpoint[host..end]);
    (variable, shown)
}

/// Whether it can be the name of a header (RFC 9110, "Tokens").
fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.bytes().all(is_token_byte)
}
