//! Private authorities, and a server of TLS in front of a collector.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::app;

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn server(&self) -> Issued {
        self.issue(ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub(crate) fn client(&self) -> Issued {
        self.issue(ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, purpose: ExtendedKeyUsagePurpose) -> Issued {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Issued { certificate, key }
    }
}

/// Terminates TLS with clients that have a certificate, and passes the bytes on. Ends when it is dropped.
pub(crate) struct Front {
    pub(crate) endpoint: String,
    _stop: oneshot::Sender<()>,
}

impl Front {
    /// In front of `backend`, an `http://` endpoint; offers the protocols that gRPC and HTTP need.
    pub(crate) fn start(server: &Issued, clients: &Authority, backend: &str) -> Self {
        let acceptor = acceptor(server, clients);
        let backend = backend.trim_start_matches("http://").to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            app::on_current_thread(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, acceptor, backend) => {}
                }
            });
        });
        Self {
            endpoint,
            _stop: stop,
        }
    }
}

fn acceptor(server: &Issued, clients: &Authority) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.0.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain: Vec<CertificateDer<'static>> = vec![server.certificate.der().clone()];
    let key = PrivateKeyDer::try_from(server.key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, backend: String) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (acceptor, backend) = (acceptor.clone(), backend.clone());
        tokio::spawn(async move {
            // Who is refused learns why, and goes away.
            if let Ok(mut client) = acceptor.accept(client).await {
                let mut server = TcpStream::connect(backend).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// A folder of its own for the files of a test; removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The paths of an authority's certificate, and of a client's with its key.
    pub(crate) fn write(&self, authority: &Authority, client: &Issued) -> [String; 3] {
        let pems = [
            ("ca.pem", authority.0.pem()),
            ("client.pem", client.certificate.pem()),
            ("client.key", client.key.serialize_pem()),
        ];
        pems.map(|(name, pem)| {
            let path = self.0.join(name);
            std::fs::write(&path, pem).unwrap();
            path.into_os_string().into_string().unwrap()
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
