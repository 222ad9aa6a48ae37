//! The way of an encoded export request to a collector and of the answer back, over HTTP or gRPC.
//!
//! A call runs as a task on the export runtime, so it can be awaited from any thread and on any executor or none, and it
//! ends with its deadline or with the future that waits for it.

mod answer;
mod compress;
mod connect;
mod error;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "grpc")]
mod grpc_status;
mod http;
mod retry;
mod secrets;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::http::{HeaderMap, Method, Request, Uri};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::connect::{Body, Connections, Unfinished};
use self::error::Failed;
use self::secrets::Secrets;
use crate::otlp::{BuildError, Compression, OtlpConfig, Protocol};
use crate::{ExportRuntime, Signal};

pub(crate) use self::answer::Answer;
pub(crate) use self::compress::Payload;
pub(crate) use self::error::SendError;

/// Sends the requests of one signal to one collector.
pub(crate) struct Transport {
    runtime: ExportRuntime,
    channel: Arc<Channel>,
    timeout: Duration,
}

impl Transport {
    /// Connects when something is sent, not before.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, or needs what is not compiled in.
    pub(crate) fn new(
        runtime: &ExportRuntime,
        config: &OtlpConfig,
        signal: Signal,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            runtime: runtime.clone(),
            channel: Arc::new(Channel::new(config, signal)?),
            timeout: match config.timeout {
                Duration::ZERO => Duration::MAX,
                limit => limit,
            },
        })
    }

    /// Sends an `Export…ServiceRequest` until an answer is final, the attempts are used up, the next one would come too
    /// late, or the deadline passes. Dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// When no success was answered.
    pub(crate) async fn send(&self, request: Payload) -> Result<Answer, SendError> {
        let limit = self.timeout;
        // Out of reach for an `Instant` means no limit.
        let deadline = Instant::now().checked_add(limit);
        let attempts = Arc::clone(&self.channel).attempts(request, deadline);
        let attempts = async move { timeout(limit, attempts).await };
        let task = AbortOnDrop(self.runtime.handle().spawn(attempts));
        match task.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(SendError::TimedOut(limit)),
            Err(_) => Err(SendError::Ended),
        }
    }

    /// The bytes of all requests so far, as they were compressed, those of further attempts included.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.channel.sent_bytes.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("protocol", &self.channel.protocol)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Whether a transport can be built.
pub(crate) fn validate(config: &OtlpConfig) -> Result<(), BuildError> {
    Channel::new(config, Signal::Traces).map(drop)
}

/// What all calls have in common.
struct Channel {
    protocol: Protocol,
    connections: Connections,
    uri: Uri,
    headers: HeaderMap,
    compression: Option<Compression>,
    secrets: Secrets,
    sent_bytes: AtomicU64,
}

impl Channel {
    fn new(config: &OtlpConfig, signal: Signal) -> Result<Self, BuildError> {
        let endpoint = config.uri()?;
        let headers = config.header_map()?;
        compress::check(config.compression)?;
        #[cfg(not(feature = "tls"))]
        if config.tls != crate::otlp::TlsConfig::default() {
            return Err(missing("a certificate", "tls"));
        }
        let secrets = Secrets::of(&headers, &endpoint);
        let uri = match config.protocol {
            Protocol::HttpProtobuf => endpoint,
            #[cfg(feature = "grpc")]
            Protocol::Grpc => grpc::uri(config, endpoint, signal)?,
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => {
                let _ = signal;
                return Err(missing("the protocol grpc", "grpc"));
            }
        };
        Ok(Self {
            protocol: config.protocol,
            connections: Connections::new(config, &uri)?,
            uri,
            headers,
            compression: config.compression,
            secrets,
            sent_bytes: AtomicU64::new(0),
        })
    }

    async fn attempts(
        self: Arc<Self>,
        payload: Payload,
        deadline: Option<Instant>,
    ) -> Result<Answer, SendError> {
        let payload = payload.compress(self.compression);
        let left = || deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let mut attempt = 1;
        loop {
            let Failed { error, retry } = match self.attempt(payload.clone(), left()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let Some(wait) = retry.and_then(|least| retry::wait_after(attempt, least)) else {
                return Err(error);
            };
            // The answer that is there says more than a timeout.
            if left().is_some_and(|left| wait >= left) {
                return Err(error);
            }
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, payload: Payload, left: Option<Duration>) -> Result<Answer, Failed> {
        let bytes = payload.bytes.len() as u64;
        let mut request = self.request(payload, left);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().extend(self.headers.clone());
        let unfinished = Unfinished::watch(&mut request);
        let response = self.connections.request(request).await;
        if !matches!(&response, Err(failed) if failed.error.is_unsent()) {
            self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        let response = response?;
        let answer = match self.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => grpc::answer(response, &self.secrets).await,
            _ => http::answer(response, &self.secrets).await,
        };
        unfinished.finished();
        answer
    }

    fn request(&self, payload: Payload, left: Option<Duration>) -> Request<Body> {
        match self.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => grpc::request(payload, left),
            _ => {
                // HTTP has no header for it.
                let _ = left;
                http::request(payload)
            }
        }
    }
}

#[cfg(not(all(feature = "grpc", feature = "tls")))]
fn missing(chosen: &'static str, feature: &'static str) -> BuildError {
    BuildError::MissingFeature { chosen, feature }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(task)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
