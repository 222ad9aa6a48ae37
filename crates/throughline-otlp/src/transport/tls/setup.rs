//! From the configuration to rustls. What is wrong with a file is said with its path, never with its content.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::otlp::{BuildError, ClientIdentity, OtlpConfig, Pem, Protocol};

const AUTHORITIES: &str = "CA certificate";
const CERTIFICATE: &str = "client certificate";
const KEY: &str = "key of the client certificate";

/// TLS 1.2 and 1.3, with the authorities, the client certificate and the protocol of the configuration.
pub(super) fn client_config(config: &OtlpConfig) -> Result<ClientConfig, BuildError> {
    let roots = match &config.tls.ca {
        Some(pem) => Arc::new(authorities(pem)?),
        None => system_authorities()?,
    };
    // Not the process's default provider: whichever that is, it is the application's to choose.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Exporter {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots);
    let mut tls = match &config.tls.client {
        Some(identity) => {
            let (chain, key) = client(identity)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| mismatch(identity, &error))?
        }
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = match config.protocol {
        Protocol::Grpc => vec![b"h2".to_vec()],
        Protocol::HttpProtobuf => vec![b"http/1.1".to_vec()],
    };
    Ok(tls)
}

/// The platform's authorities, read once in a process. By rustls-native-certs, since on Linux rustls-platform-verifier
/// does the same with more dependencies.
fn system_authorities() -> Result<Arc<RootCertStore>, BuildError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems hold old ones that no longer parse; the others are as good without them.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = match found.errors.first() {
            Some(error) => error.to_string(),
            None => {
                "there are none; install them (often the package ca-certificates) or configure a CA"
                    .to_owned()
            }
        };
        return Err(invalid(AUTHORITIES, "of the system", reason));
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

fn authorities(pem: &Pem) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(AUTHORITIES, pem)? {
        roots
            .add(certificate)
            .map_err(|error| invalid(AUTHORITIES, origin(pem), error.to_string()))?;
    }
    Ok(roots)
}

type Client = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client(identity: &ClientIdentity) -> Result<Client, BuildError> {
    let chain = certificates(CERTIFICATE, &identity.certificate)?;
    let content = content(KEY, &identity.key)?;
    let key = PrivateKeyDer::from_pem_slice(&content).map_err(|error| {
        let missing = "there is no private key (PEM, not encrypted) in it";
        invalid(KEY, origin(&identity.key), problem(&error, missing))
    })?;
    Ok((chain, key))
}

fn certificates(what: &'static str, pem: &Pem) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let missing = "there is no certificate (PEM) in it";
    let content = content(what, pem)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(invalid(what, origin(pem), missing)),
        Err(error) => Err(invalid(what, origin(pem), problem(&error, missing))),
    }
}

fn content<'a>(what: &'static str, pem: &'a Pem) -> Result<Cow<'a, [u8]>, BuildError> {
    match pem {
        Pem::Bytes(content) => Ok(Cow::Borrowed(content)),
        Pem::Path(path) => match std::fs::read(path) {
            Ok(content) => Ok(Cow::Owned(content)),
            Err(error) => Err(invalid(what, origin(pem), error.to_string())),
        },
    }
}

/// The texts of the errors themselves quote what they found, which may be a part of a key.
fn problem(error: &PemError, missing: &str) -> String {
    match error {
        PemError::NoItemsFound => missing.to_owned(),
        PemError::MissingSectionEnd { .. } => "it ends before an END line".to_owned(),
        PemError::Base64Decode(_) => "it is not base64 between BEGIN and END".to_owned(),
        _ => "it is not PEM".to_owned(),
    }
}

fn mismatch(identity: &ClientIdentity, error: &rustls::Error) -> BuildError {
    let reason = match error {
        rustls::Error::InconsistentKeys(_) => format!(
            "it does not belong to the client certificate ({})",
            origin(&identity.certificate)
        ),
        other => other.to_string(),
    };
    invalid(KEY, origin(&identity.key), reason)
}

fn origin(pem: &Pem) -> String {
    match pem {
        Pem::Path(path) => path.display().to_string(),
        Pem::Bytes(_) => "given in memory".to_owned(),
    }
}

fn invalid(what: &'static str, origin: impl Into<String>, reason: impl Into<String>) -> BuildError {
    BuildError::InvalidPem {
        what,
        origin: origin.into(),
        reason: reason.into(),
    }
}
