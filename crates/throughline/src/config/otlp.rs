//! Collectors: `OTEL_EXPORTER_OTLP_…`, by the specification of the OTLP exporter.

use throughline_otlp::otlp::{BuildError, ClientIdentity, Compression, OtlpConfig, Pem, Protocol};

use super::endpoint::{self, below, is_https};
use super::env::{Env, HIDDEN, Pairs, pairs};
use super::signal::Signal;
use crate::error::InitError;

/// A variable and its value.
pub(super) type Setting = (&'static str, String);

/// The collector of one signal: its own variables win over the generic ones.
pub(super) fn target(env: &Env<'_>, signal: &Signal) -> Result<OtlpConfig, InitError> {
    let protocol = protocol(env, signal)?;
    let settings = Settings::of(env, signal);
    let written = endpoint::with_scheme(env, signal, protocol, settings.endpoint.as_ref());
    let default = endpoint::default(protocol);
    let mut config = OtlpConfig::new(written.unwrap_or_else(|| default.to_owned()));
    config.protocol = protocol;
    config.compression = settings.compression(env);
    config.headers = decoded_headers(settings.headers.as_ref())?;
    config.timeout = env.timeout(signal.timeout, config.timeout);
    settings.certificates(env, &mut config)?;
    // Before the path comes in: it would make a host out of a missing one.
    if let Err(error) = config.validate() {
        return Err(settings.refused(error, default));
    }
    let variable = settings.endpoint.map(|(variable, _)| variable);
    if let Some(variable) = variable {
        endpoint::doubt_port(env, signal, &config, variable);
    }
    let is_own = variable == signal.endpoint.first().copied();
    // A gRPC endpoint has no path.
    if protocol != Protocol::Grpc && !is_own {
        if let Some(variable) = variable {
            endpoint::doubt_path(env, &config, variable);
        }
        config.endpoint = below(&config.endpoint, signal.path);
    }
    Ok(config)
}

/// The collector of a signal that is not sent to one: wrong variables do not matter.
pub(super) fn unused_target(env: &Env<'_>, signal: &Signal) -> OtlpConfig {
    env.unheard(|| target(env, signal)).unwrap_or_else(|_| {
        OtlpConfig::new(below(
            endpoint::default(Protocol::HttpProtobuf),
            signal.path,
        ))
    })
}

fn protocol(env: &Env<'_>, signal: &Signal) -> Result<Protocol, InitError> {
    let Some((variable, value)) = env.first(signal.protocol) else {
        return Ok(Protocol::HttpProtobuf);
    };
    match value.to_ascii_lowercase().as_str() {
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        "grpc" => Ok(Protocol::Grpc),
        other => Err(InitError::Variable {
            remedy: match other {
                "http/json" => "JSON is not built yet: use http/protobuf or grpc".to_owned(),
                _ => "use http/protobuf or grpc".to_owned(),
            },
            variable: variable.to_owned(),
            value,
        }),
    }
}

fn decoded_headers(setting: Option<&Setting>) -> Result<Pairs, InitError> {
    let Some((variable, list)) = setting else {
        return Ok(Vec::new());
    };
    pairs(list).ok_or_else(|| InitError::Variable {
        variable: (*variable).to_owned(),
        value: HIDDEN.to_owned(),
        remedy: "write key=value,key=value with percent-encoded values".to_owned(),
    })
}

/// The variables of a collector that may be found wrong only together.
struct Settings {
    endpoint: Option<Setting>,
    headers: Option<Setting>,
    compression: Option<Setting>,
    certificate: Option<Setting>,
    client_certificate: Option<Setting>,
    client_key: Option<Setting>,
}

impl Settings {
    fn of(env: &Env<'_>, signal: &Signal) -> Self {
        Self {
            endpoint: env.first(signal.endpoint),
            headers: env.first(signal.headers),
            compression: env.first(signal.compression),
            certificate: env.first(signal.certificate),
            client_certificate: env.first(signal.client_certificate),
            client_key: env.first(signal.client_key),
        }
    }

    fn compression(&self, env: &Env<'_>) -> Option<Compression> {
        let (variable, value) = self.compression.as_ref()?;
        match value.to_ascii_lowercase().as_str() {
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            "none" => None,
            _ => {
                let problem = "is not gzip, zstd or none";
                env.warn(variable, value, problem, "none");
                None
            }
        }
    }

    fn certificates(&self, env: &Env<'_>, config: &mut OtlpConfig) -> Result<(), InitError> {
        let client = (&self.client_certificate, &self.client_key);
        let all = [&self.certificate, client.0, client.1];
        if !is_https(&config.endpoint) {
            for (variable, path) in all.into_iter().flatten() {
                env.warn(variable, path, "is for an https endpoint", "no TLS");
            }
            return Ok(());
        }
        config.tls.ca = (self.certificate.as_ref()).map(|(_, path)| Pem::path(path));
        config.tls.client = match client {
            (Some((_, certificate)), Some((_, key))) => {
                Some(ClientIdentity::new(Pem::path(certificate), Pem::path(key)))
            }
            (None, None) => None,
            (Some((variable, path)), None) | (None, Some((variable, path))) => {
                return Err(InitError::Variable {
                    variable: (*variable).to_owned(),
                    value: path.clone(),
                    remedy: "set the client's certificate and its key, or neither".to_owned(),
                });
            }
        };
        Ok(())
    }

    /// Names the variable that a collector cannot be reached by.
    fn refused(self, error: BuildError, example: &str) -> InitError {
        let (setting, remedy) = match &error {
            BuildError::InvalidHeader { name, reason } => {
                // Where a list is written wrongly a credential may stand in the place of a name.
                let remedy = if is_token(name) {
                    format!("the header {name:?} cannot be sent: {reason}")
                } else {
                    "write key=value,key=value: one of the keys is not a header name".to_owned()
                };
                let headers = self
                    .headers
                    .map(|(variable, _)| (variable, HIDDEN.to_owned()));
                (headers, remedy)
            }
            BuildError::InvalidEndpoint {
                endpoint: shown,
                reason,
            } => (
                (self.endpoint).map(|(variable, written)| {
                    let shown = match written.contains("://") {
                        true => shown,
                        false => endpoint::without_scheme(shown),
                    };
                    (variable, shown.to_owned())
                }),
                format!("it is not an endpoint such as {example}: {reason}"),
            ),
            // Only a compression can be missing here: everything else is compiled in.
            BuildError::MissingFeature { .. } => (self.compression, error.to_string()),
            BuildError::InvalidPem { origin, reason, .. } => {
                let files = [self.certificate, self.client_certificate, self.client_key];
                let named = |(_, path): &Setting| path == origin;
                (files.into_iter().flatten().find(named), reason.clone())
            }
            _ => (None, String::new()),
        };
        match setting {
            Some((variable, value)) => InitError::Variable {
                variable: variable.to_owned(),
                value,
                remedy,
            },
            None => InitError::Exporter(error),
        }
    }
}

/// Whether it can be the name of a header (RFC 9110, "Tokens").
fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    name.bytes().all(is_token_byte)
}
