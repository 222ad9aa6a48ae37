use std::error::Error;
use std::fmt;

use opentelemetry_otlp::ExporterBuildError;

use crate::redact::printable;

/// Why an exporter cannot be built. The messages hold no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The endpoint is no URL that can be sent to.
    InvalidEndpoint {
        /// The endpoint, without user information and query.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint is an `https://` URL, and the cargo feature `tls` is off.
    TlsNotSupported {
        /// The endpoint, without user information and query.
        endpoint: String,
    },
    /// Something else was chosen that is not compiled in.
    MissingFeature {
        /// What was chosen.
        chosen: &'static str,
        /// The cargo feature of this crate that it needs.
        feature: &'static str,
    },
    /// A header is not fit to be sent.
    InvalidHeader {
        /// The name of the header.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Certificates or a key cannot be used.
    InvalidPem {
        /// What they are for, such as "client certificate".
        what: &'static str,
        /// The path of the file, or where else they come from.
        origin: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The underlying exporter could not be built.
    Exporter {
        /// Its reason.
        reason: String,
    },
}

impl BuildError {
    pub(super) fn of_exporter(error: &ExporterBuildError) -> Self {
        let reason = printable(&error.to_string());
        Self::Exporter { reason }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidEndpoint { endpoint, reason } => {
                write!(f, "the OTLP endpoint {endpoint:?} cannot be used: {reason}")
            }
            Self::TlsNotSupported { endpoint } => write!(
                f,
                "the OTLP endpoint {endpoint:?} needs TLS, which is not compiled in: enable the cargo feature `tls` of \
                 throughline-otlp, or use an http:// endpoint, such as an OpenTelemetry Collector on the same host \
                 that forwards over TLS"
            ),
            Self::MissingFeature { chosen, feature } => write!(
                f,
                "{chosen} is not compiled in: enable the cargo feature `{feature}` of throughline-otlp"
            ),
            Self::InvalidHeader { name, reason } => {
                write!(f, "the OTLP header {name:?} cannot be sent: {reason}")
            }
            Self::InvalidPem {
                what,
                origin,
                reason,
            } => write!(f, "the {what} ({origin}) cannot be used: {reason}"),
            Self::Exporter { reason } => {
                write!(f, "the OTLP exporter cannot be built: {reason}")
            }
        }
    }
}

impl Error for BuildError {}
