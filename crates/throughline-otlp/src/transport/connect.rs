use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::{Request, Response, Uri};
use http_body_util::{Collected, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::error::{Failed, SendError, root_cause};
#[cfg(feature = "tls")]
use super::tls::{self, Refusal};
use crate::otlp::{BuildError, OtlpConfig, Protocol};

/// Most bytes of a response that are read, as in OpenTelemetry's own clients.
const MOST_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// A collector's own keep-alive is rarely shorter; a connection that is gone nevertheless is one of the retried cases.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(feature = "tls")]
type Connector = tls::Connector;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

/// What a request sends: what a protocol puts before a message, and the message, which is not copied for it.
pub(super) type Body = Full<Chain<Bytes, Bytes>>;

pub(super) fn body(before: Bytes, message: Bytes) -> Body {
    Full::new(before.chain(message))
}

/// The connections of one transport: one that is reused while requests follow each other, as they do.
///
/// There are no HTTP/2 pings. Many servers count them as an attack unless data flows, and all that they would find out
/// here is that a connection is dead, which is found out at the next deadline: the connection of a call that was
/// cancelled is not used again.
pub(super) struct Connections {
    pool: legacy::Client<Connector, Body>,
    http2: bool,
    /// There was a response once.
    answered: AtomicBool,
    #[cfg(feature = "tls")]
    refusal: Refusal,
}

impl Connections {
    #[cfg_attr(
        not(feature = "tls"),
        allow(unused_variables, clippy::unnecessary_wraps, reason = "TLS needs it")
    )]
    pub(super) fn new(config: &OtlpConfig, uri: &Uri) -> Result<Self, BuildError> {
        let mut pool = legacy::Client::builder(TokioExecutor::new());
        pool.pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new());
        let http2 = config.protocol == Protocol::Grpc;
        #[cfg(feature = "grpc")]
        pool.http2_only(http2);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        #[cfg(feature = "tls")]
        let refusal = Refusal::default();
        #[cfg(feature = "tls")]
        let connector = tls::Connector::new(connector, config, uri, &refusal)?;
        Ok(Self {
            pool: pool.build(connector),
            http2,
            answered: AtomicBool::new(false),
            #[cfg(feature = "tls")]
            refusal,
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(super) async fn request(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Failed> {
        #[cfg(feature = "tls")]
        self.refusal.forget();
        match self.pool.request(request).await {
            Ok(response) => {
                self.answered.store(true, Ordering::Relaxed);
                Ok(response)
            }
            Err(error) => Err(self.explain(&error)),
        }
    }

    fn explain(&self, error: &legacy::Error) -> Failed {
        #[cfg(feature = "tls")]
        if let Some(refused) = self.refusal.take() {
            let error = SendError::Tls(refused.reason);
            return if refused.is_final {
                Failed::finally(error)
            } else {
                Failed::retryable(error)
            };
        }
        let mut cause = root_cause(error);
        if error.is_connect() {
            return Failed::retryable(SendError::NoConnection(cause));
        }
        // The two ports are often taken for each other, TLS is forgotten, and the errors of the HTTP library do not help.
        if !self.answered.load(Ordering::Relaxed) {
            cause.push_str(if self.http2 {
                "; is this a port for gRPC (often 4317), and with http:// one without TLS?"
            } else {
                "; is this a port for HTTP (often 4318), and with http:// one without TLS?"
            });
        }
        Failed::retryable(SendError::Broken(cause))
    }
}

/// Reads a body to its end, within bounds.
pub(super) async fn read(body: Incoming) -> Result<Collected<Bytes>, Unread> {
    use http_body_util::BodyExt as _;

    let body = Limited::new(body, MOST_RESPONSE_BYTES).collect().await;
    body.map_err(|error| {
        let cause = root_cause(error.as_ref());
        if error.is::<LengthLimitError>() {
            Unread::TooLarge(cause)
        } else {
            Unread::Broken(cause)
        }
    })
}

/// Why a body was not read to its end.
pub(super) enum Unread {
    TooLarge(String),
    Broken(String),
}

/// Sees to it that the connection of a call that is cancelled is not used again. Over HTTP/1 it is closed anyway; over
/// HTTP/2 only the stream would be, and a dead connection would swallow one call after the other.
pub(super) struct Unfinished(Option<CaptureConnection>);

impl Unfinished {
    pub(super) fn watch<B>(request: &mut Request<B>) -> Self {
        Self(Some(capture_connection(request)))
    }

    pub(super) fn finished(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(connection) = &self.0 else { return };
        if let Some(connection) = connection.connection_metadata().as_ref() {
            connection.poison();
        }
    }
}
