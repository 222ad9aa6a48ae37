use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::retry::{is_retryable, retry_after, wait_after};
use super::{BuildError, OtlpConfig};
use crate::ExportRuntime;

/// Most bytes of a response that are read, as in OpenTelemetry's own clients.
const MOST_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// A collector's own keep-alive is rarely shorter; a connection that is gone nevertheless is one of the retried cases.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

const PROTOBUF: &str = "application/x-protobuf";

type Connections = legacy::Client<HttpConnector, Full<Bytes>>;

/// The transport of one exporter. It works when polled from any thread, since the request is a task on the export
/// runtime, which ends together with the future that waits for it.
pub(super) struct Client {
    runtime: ExportRuntime,
    connections: Connections,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    // The exporter around this client replaces every error by "network error": the real one waits here.
    failure: Mutex<Option<Failure>>,
}

/// Why no successful response came.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    TimedOut(Duration),
    Status(StatusCode),
    Other(String),
}

impl Client {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let connections = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self {
            runtime: runtime.clone(),
            connections,
            uri: config.uri()?,
            headers: config.header_map()?,
            timeout: match config.timeout {
                Duration::ZERO => Duration::MAX,
                limit => limit,
            },
            failure: Mutex::new(None),
        })
    }

    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.last_failure().take()
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the URI, of which the exporter knows only what may be shown, and all headers: the exporter has put
    /// those of the environment among them, in front of its own.
    fn prepare(&self, request: Request<Bytes>) -> Request<Full<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        if let Some(encoding) = parts.headers.remove(CONTENT_ENCODING) {
            headers.insert(CONTENT_ENCODING, encoding);
        }
        parts.uri = self.uri.clone();
        parts.headers = headers;
        Request::from_parts(parts, Full::new(body))
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let connections = self.connections.clone();
        let request = self.prepare(request);
        let limit = self.timeout;
        // Out of reach for an `Instant` means no limit.
        let deadline = Instant::now().checked_add(limit);
        let attempts = attempts(connections, request, deadline);
        let attempts = async move { timeout(limit, attempts).await };
        let task = AbortOnDrop(self.runtime.handle().spawn(attempts));
        match task.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::TimedOut(limit)),
            Err(_) => Err(Failure::Other("the export thread has ended".to_owned())),
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        *self.last_failure() = None;
        let result = self.send(request).await;
        *self.last_failure() = match &result {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(Failure::Status(response.status())),
            Err(failure) => Some(failure.clone()),
        };
        result.map_err(|failure| failure.to_string().into())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "no response within {limit:?}"),
            Self::Status(status) => write!(f, "the answer was {status}"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// Sends until an answer is final, the attempts are used up, or the next one would come too late.
async fn attempts(
    connections: Connections,
    request: Request<Full<Bytes>>,
    deadline: Option<Instant>,
) -> Result<Response<Bytes>, Failure> {
    let mut attempt = 1;
    loop {
        let result = match connections.request(request.clone()).await {
            Ok(response) => Ok(read(response).await?),
            Err(error) => Err(Failure::Other(connection_error(&error))),
        };
        let wait = match &result {
            Ok(response) if !is_retryable(response.status()) => None,
            Ok(response) => wait_after(attempt, retry_after(response.headers())),
            Err(_) => wait_after(attempt, None),
        };
        let Some(wait) = wait else { return result };
        // The answer that is there says more than a timeout.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| wait >= left) {
            return result;
        }
        sleep(wait).await;
        attempt += 1;
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Response<Bytes>, Failure> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MOST_RESPONSE_BYTES).collect().await;
    let body = body.map_err(|error| {
        Failure::Other(format!(
            "the response could not be read: {}",
            root_cause(error.as_ref())
        ))
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn connection_error(error: &legacy::Error) -> String {
    let what = if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    format!("{what}: {}", root_cause(error))
}

/// The innermost error, which is the one that a reader knows: "Connection refused".
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
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
