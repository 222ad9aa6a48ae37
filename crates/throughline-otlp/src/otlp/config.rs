use std::fmt;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE, TRANSFER_ENCODING, USER_AGENT,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{BuildError, Compression, Protocol, TlsConfig};
use crate::redact::shown_url;
use crate::transport;

const OUR_USER_AGENT: &str = concat!("throughline-otlp/", env!("CARGO_PKG_VERSION"));

/// Headers that describe the body or the connection, which the exporter itself knows.
const RESERVED: [HeaderName; 6] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TE,
    TRANSFER_ENCODING,
];

/// Where and how to send one signal. `Debug` shows neither header values nor user information, the query or keys; of
/// the protocol, the compression and the certificates it shows what departs from the default.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// For [`Protocol::HttpProtobuf`] the whole URL for this signal, such as `http://localhost:4318/v1/traces`. Nothing
    /// is appended to it.
    ///
    /// For [`Protocol::Grpc`] only scheme, host and port, such as `http://localhost:4317`: the path belongs to gRPC, and
    /// one in the endpoint, other than `/`, is an error, as is a query.
    ///
    /// `http://`, or `https://` with the cargo feature `tls`, without user information; an `@` in the path or the query
    /// is written `%40`.
    pub endpoint: String,
    /// Headers for every request, gRPC's metadata, values as they are to be sent. Of several with one name the last one
    /// counts. Default: none.
    pub headers: Vec<(String, String)>,
    /// The longest time for one export, all attempts and the whole response included. Zero means no limit. Default: 10 s.
    pub timeout: Duration,
    /// How requests travel. Default: [`Protocol::HttpProtobuf`].
    pub protocol: Protocol,
    /// How requests are compressed. Default: not at all.
    pub compression: Option<Compression>,
    /// Certificates for `https://`. Default: the system's authorities, no client certificate.
    pub tls: TlsConfig,
}

impl OtlpConfig {
    /// The defaults, for a signal that goes to `endpoint`.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            protocol: Protocol::default(),
            compression: None,
            tls: TlsConfig::default(),
        }
    }

    /// Whether an exporter can be built from it, without building one. For an `https://` endpoint that reads the files
    /// of [`tls`](Self::tls).
    ///
    /// # Errors
    ///
    /// As the functions that build exporters.
    pub fn validate(&self) -> Result<(), BuildError> {
        transport::validate(self)
    }

    /// The endpoint as it may be shown: without user information and the query.
    ///
    /// ```
    /// use throughline_otlp::otlp::OtlpConfig;
    ///
    /// let config = OtlpConfig::new("http://collector:4318/v1/traces?key=1");
    /// assert_eq!(config.shown_endpoint(), "http://collector:4318/v1/traces");
    /// ```
    #[must_use]
    pub fn shown_endpoint(&self) -> String {
        shown_url(&self.endpoint)
    }

    pub(crate) fn invalid_endpoint(&self, reason: impl Into<String>) -> BuildError {
        BuildError::InvalidEndpoint {
            endpoint: self.shown_endpoint(),
            reason: reason.into(),
        }
    }

    /// The endpoint, without a look at what the protocol makes of its path.
    pub(crate) fn uri(&self) -> Result<Uri, BuildError> {
        let uri: Uri = self
            .endpoint
            .parse()
            .map_err(|error: http::uri::InvalidUri| self.invalid_endpoint(error.to_string()))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => {
                let endpoint = self.shown_endpoint();
                return Err(BuildError::TlsNotSupported { endpoint });
            }
            _ => return Err(self.invalid_endpoint("it must begin with http:// or https://")),
        }
        let authority = uri.authority().map_or("", Authority::as_str);
        if authority.contains('@') {
            return Err(self.invalid_endpoint(
                "user information is not sent; use an `authorization` header instead",
            ));
        }
        // The parser ends the authority at the first of "/?#", which may stand in a password.
        if self.endpoint.contains('@') {
            return Err(self.invalid_endpoint("an `@` must be written as %40"));
        }
        let port = &authority[uri.host().map_or(0, str::len)..];
        if !port.is_empty() && uri.port_u16().is_none() {
            return Err(self.invalid_endpoint("the port is not a number"));
        }
        Ok(uri)
    }

    /// The host and the port, if the endpoint can be used.
    pub(crate) fn server(&self) -> Option<(String, u16)> {
        let uri = self.uri().ok()?;
        let default_port = match uri.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        Some((host, uri.port_u16().unwrap_or(default_port)))
    }

    pub(crate) fn header_map(&self) -> Result<HeaderMap, BuildError> {
        let mut map = HeaderMap::new();
        map.insert(USER_AGENT, HeaderValue::from_static(OUR_USER_AGENT));
        for (name, value) in &self.headers {
            let invalid = |reason| BuildError::InvalidHeader {
                name: name.clone(),
                reason,
            };
            let key =
                HeaderName::try_from(name).map_err(|_| invalid("this is not a header name"))?;
            // gRPC keeps this prefix for itself.
            if RESERVED.contains(&key) || key.as_str().starts_with("grpc-") {
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
        let mut shown = f.debug_struct("OtlpConfig");
        shown
            .field("endpoint", &self.shown_endpoint())
            .field("headers", &headers)
            .field("timeout", &self.timeout);
        if self.protocol != Protocol::default() {
            shown.field("protocol", &self.protocol);
        }
        if let Some(compression) = &self.compression {
            shown.field("compression", compression);
        }
        if self.tls != TlsConfig::default() {
            shown.field("tls", &self.tls);
        }
        shown.finish()
    }
}
