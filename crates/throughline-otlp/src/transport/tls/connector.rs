use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Uri, uri};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use super::Refusal;
use super::explain::Explain;
use super::setup::client_config;
use super::stream::{self, Stream};
use crate::otlp::{BuildError, OtlpConfig, Protocol};

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects to one endpoint: by TCP, and by TLS if it is an `https://` one.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    server: ServerName<'static>,
    http2: bool,
    explain: Arc<Explain>,
}

impl Connector {
    /// Reads the files of the configuration for an `https://` endpoint.
    pub(crate) fn new(
        mut tcp: HttpConnector,
        config: &OtlpConfig,
        uri: &Uri,
        refusal: &Refusal,
    ) -> Result<Self, BuildError> {
        tcp.enforce_http(false);
        if uri.scheme() != Some(&uri::Scheme::HTTPS) {
            return Ok(Self { tcp, tls: None });
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let server = ServerName::try_from(host.to_owned()).map_err(|_| {
            config.invalid_endpoint("its host is no name that a certificate can have")
        })?;
        let tls = Tls {
            connector: TlsConnector::from(Arc::new(client_config(config)?)),
            server,
            http2: config.protocol == Protocol::Grpc,
            explain: Arc::new(Explain {
                refusal: refusal.clone(),
                own_authorities: config.tls.ca.is_some(),
                identified: config.tls.client.is_some(),
            }),
        };
        Ok(Self {
            tcp,
            tls: Some(tls),
        })
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(task).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tcp = self.tcp.call(uri);
        let tls = self.tls.clone();
        Box::pin(async move {
            let tcp = tcp.await?;
            match tls {
                None => Ok(Stream::Plain(tcp)),
                Some(tls) => Ok(tls.handshake(tcp.into_inner()).await?),
            }
        })
    }
}

impl Tls {
    async fn handshake(self, tcp: tokio::net::TcpStream) -> io::Result<Stream> {
        let stream = self.connector.connect(self.server, tcp).await;
        let stream = stream.inspect_err(|error| {
            self.explain.note(error);
        })?;
        if self.http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            let reason = "the server does not offer HTTP/2 over TLS (ALPN), which gRPC needs";
            self.explain.refuse(reason);
            return Err(io::Error::other(reason));
        }
        Ok(Stream::Tls(Box::new(stream::Tls::new(
            stream,
            self.explain,
        ))))
    }
}
