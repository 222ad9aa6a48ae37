use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::redact::shown_url;

const OUR_USER_AGENT: &str = concat!("throughline-otlp/", env!("CARGO_PKG_VERSION"));

/// Headers that describe the body or the connection, which the exporter itself knows.
const RESERVED: [HeaderName; 5] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TRANSFER_ENCODING,
];

/// Where and how to send one signal. `Debug` shows neither header values nor user information nor the query.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The whole URL for this signal, such as `http://localhost:4318/v1/traces`. Nothing is appended to it. Only
    /// `http://`, without user information; an `@` in the path or the query is written `%40`.
    pub endpoint: String,
    /// Headers for every request, values as they are to be sent. Of several with one name the last one counts. Default:
    /// none.
    pub headers: Vec<(String, String)>,
    /// The longest time for one export, all attempts and the whole response included. Zero means no limit. Default: 10 s.
    pub timeout: Duration,
}

impl OtlpConfig {
    /// The defaults, for a signal that goes to `endpoint`.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Whether an exporter can be built from it, without building one.
    ///
    /// # Errors
    ///
    /// As the functions that build exporters.
    pub fn validate(&self) -> Result<(), BuildError> {
        self.uri()?;
        self.header_map()?;
        Ok(())
    }

    /// The endpoint as it may be shown.
    pub(super) fn shown_endpoint(&self) -> String {
        shown_url(&self.endpoint)
    }

    pub(super) fn uri(&self) -> Result<Uri, BuildError> {
        let invalid = |reason: &str| BuildError::InvalidEndpoint {
            endpoint: self.shown_endpoint(),
            reason: reason.to_owned(),
        };
        let uri: Uri = self
            .endpoint
            .parse()
            .map_err(|error: http::uri::InvalidUri| invalid(&error.to_string()))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                let endpoint = self.shown_endpoint();
                return Err(BuildError::TlsNotSupported { endpoint });
            }
            _ => return Err(invalid("it must begin with http://")),
        }
        let authority = uri.authority().map_or("", Authority::as_str);
        if authority.contains('@') {
            return Err(invalid(
                "user information is not sent; use an `authorization` header instead",
            ));
        }
        // The parser ends the authority at the first of "/?#", which may stand in a password.
        if self.endpoint.contains('@') {
            return Err(invalid("an `@` must be written as %40"));
        }
        let port = &authority[uri.host().map_or(0, str::len)..];
        if !port.is_empty() && uri.port_u16().is_none() {
            return Err(invalid("the port is not a number"));
        }
        Ok(uri)
    }

    pub(super) fn header_map(&self) -> Result<HeaderMap, BuildError> {
        let mut map = HeaderMap::new();
        map.insert(USER_AGENT, HeaderValue::from_static(OUR_USER_AGENT));
        for (name, value) in &self.headers {
            let invalid = |reason| BuildError::InvalidHeader {
                name: name.clone(),
                reason,
            };
            let key =
                HeaderName::try_from(name).map_err(|_| invalid("this is not a header name"))?;
            if RESERVED.contains(&key) {
                return Err(invalid("the exporter sets this header itself"));
            }
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| invalid("the value has characters that a header cannot have"))?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| (name, "***")).collect();
        f.debug_struct("OtlpConfig")
            .field("endpoint", &self.shown_endpoint())
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .finish()
    }
}

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
    /// The endpoint is an `https://` URL.
    TlsNotSupported {
        /// The endpoint, without user information and query.
        endpoint: String,
    },
    /// A header is not fit to be sent.
    InvalidHeader {
        /// The name of the header.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The underlying exporter could not be built.
    Exporter {
        /// Its reason.
        reason: String,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidEndpoint { endpoint, reason } => {
                write!(f, "the OTLP endpoint {endpoint:?} cannot be used: {reason}")
            }
            Self::TlsNotSupported { endpoint } => write!(
                f,
                "the OTLP endpoint {endpoint:?} needs TLS, which is not built in yet: use an http:// endpoint, such \
                 as an OpenTelemetry Collector on the same host that forwards over TLS"
            ),
            Self::InvalidHeader { name, reason } => {
                write!(f, "the OTLP header {name:?} cannot be sent: {reason}")
            }
            Self::Exporter { reason } => {
                write!(f, "the OTLP exporter cannot be built: {reason}")
            }
        }
    }
}

impl Error for BuildError {}
