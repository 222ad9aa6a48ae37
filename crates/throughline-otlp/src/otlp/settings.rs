use std::fmt;
use std::path::PathBuf;

/// How requests travel (OpenTelemetry specification, OTLP exporter, `OTEL_EXPORTER_OTLP_PROTOCOL`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// `http/protobuf`: a POST to the whole URL, over HTTP/1.1. The default.
    #[default]
    HttpProtobuf,
    /// `grpc`: over HTTP/2, by prior knowledge for `http://` and by ALPN for `https://`. Needs the cargo feature `grpc`.
    Grpc,
}

/// As in `OTEL_EXPORTER_OTLP_PROTOCOL`.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::Grpc => "grpc",
        })
    }
}

/// How the body of a request is compressed, by default not at all.
///
/// Both use the fastest level: what they save on the wire is close to that of the higher ones, and the time they take
/// is the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// `gzip`, which every collector takes. Needs the cargo feature `gzip`.
    Gzip,
    /// `zstd`: smaller and faster than gzip; not every collector takes it. Needs the cargo feature `zstd`, and a C
    /// compiler to build it.
    Zstd,
}

impl Compression {
    /// The value of `content-encoding` and of `grpc-encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// As in `OTEL_EXPORTER_OTLP_COMPRESSION`.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Certificates for `https://` endpoints; without effect on `http://`. Needs the cargo feature `tls` when anything is
/// set.
///
/// ```
/// use throughline_otlp::otlp::{ClientIdentity, OtlpConfig, Pem};
///
/// let mut config = OtlpConfig::new("https://collector.internal:4318/v1/traces");
/// config.tls.ca = Some(Pem::path("/etc/otel/ca.pem"));
/// config.tls.client = Some(ClientIdentity::new(
///     Pem::path("/etc/otel/client.pem"),
///     Pem::path("/etc/otel/client.key"),
/// ));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// The authorities that may have issued the server's certificate, in place of the system's. Default: those of the
    /// system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR` where these are set.
    pub ca: Option<Pem>,
    /// What the server knows this client by (mTLS). Default: nothing.
    pub client: Option<ClientIdentity>,
}

/// A client certificate with its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientIdentity {
    /// The client's certificate, followed by those that lead to its authority.
    pub certificate: Pem,
    /// Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: Pem,
}

impl ClientIdentity {
    /// A certificate and its key.
    #[must_use]
    pub fn new(certificate: Pem, key: Pem) -> Self {
        Self { certificate, key }
    }
}

/// Certificates or a key in PEM, or the file that holds them. `Debug` shows the path or the number of bytes, never the
/// content.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pem {
    /// A file, read once, when an exporter is built.
    Path(PathBuf),
    /// The content itself.
    Bytes(Vec<u8>),
}

impl Pem {
    /// A file.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path(path.into())
    }

    /// The content itself.
    #[must_use]
    pub fn bytes(pem: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(pem.into())
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path:?}"),
            Self::Bytes(pem) => write!(f, "({} bytes)", pem.len()),
        }
    }
}
