//! The collector as tests see it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_executor::block_on;
use opentelemetry::trace::TraceId;

use super::intercept::Behavior;
use super::server::Server;
use super::store::Store;
use crate::{LogRecord, MetricRecord, SpanRecord, Trace};

/// An OTLP collector on loopback, for gRPC and for HTTP with protobuf bodies, each on a free port.
///
/// It runs on a thread of its own: it answers while the test blocks, whatever runtime the test
/// uses, and still after that runtime is gone. It stops when the last handle is dropped.
///
/// What it shows is what it accepted; [`requests`](Self::requests) and [`headers`](Self::headers)
/// also count what it was told to fail ([`behave`](Self::behave)). It accepts requests of up to
/// 16 MiB, with gzip of up to 16 MiB before the compression too.
///
/// ```
/// use std::time::Duration;
/// use throughline_testing::{Behavior, Collector};
///
/// let collector = Collector::start_blocking()?;
/// collector.behave(Behavior::Status(503));
/// // Here the tested code exports to `collector.http_endpoint()`.
/// let nothing = collector.wait_for_blocking(Duration::from_millis(10), |spans| !spans.is_empty());
/// assert!(nothing.is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Collector {
    store: Arc<Store>,
    server: Arc<Server>,
}

impl Collector {
    /// Starts a collector that accepts everything.
    ///
    /// # Errors
    ///
    /// When no port, thread or runtime can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_blocking()
    }

    /// Starts a collector that accepts everything, from code that is not async.
    ///
    /// # Errors
    ///
    /// When no port, thread or runtime can be had.
    pub fn start_blocking() -> io::Result<Self> {
        let store = Arc::new(Store::new());
        let server = Arc::new(Server::start(&store)?);
        Ok(Self { store, server })
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT` with the protocol `http/protobuf`, such as
    /// `http://127.0.0.1:4318`. The paths are `/v1/traces`, `/v1/metrics` and `/v1/logs`.
    #[must_use]
    pub fn http_endpoint(&self) -> String {
        format!("http://{}", self.server.http)
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT` with the protocol `grpc`, such as
    /// `http://127.0.0.1:4317`.
    #[must_use]
    pub fn grpc_endpoint(&self) -> String {
        format!("http://{}", self.server.grpc)
    }

    /// Changes how requests that arrive from now on are treated.
    pub fn behave(&self, behavior: Behavior) {
        self.store.behave(behavior);
    }

    /// The accepted spans, in the order of their arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanRecord> {
        self.store.spans().to_vec()
    }

    /// The accepted metrics, sorted by service, scope and name. Of points that arrived several
    /// times, the last one, or the sum if they are deltas.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricRecord> {
        self.store.metrics()
    }

    /// The accepted log records, in the order of their arrival.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.store.logs()
    }

    /// The accepted spans as trees, one for each trace, by the start of their first span.
    #[must_use]
    pub fn traces(&self) -> Vec<Trace> {
        Trace::group(self.spans())
    }

    /// The accepted spans of one trace as a tree.
    #[must_use]
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        self.traces().into_iter().find(|trace| trace.id() == id)
    }

    /// How many export requests have arrived, of any signal and whatever was answered.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.store.requests()
    }

    /// The headers of each export request that has arrived, names in lower case. Several values of
    /// one name are joined by commas.
    #[must_use]
    pub fn headers(&self) -> Vec<BTreeMap<String, String>> {
        self.store.headers()
    }

    /// The accepted requests in the order of their arrival, logs included, as lines of
    /// [OTLP/JSON](https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): the form of
    /// the Collector's file exporter, which other tools read.
    ///
    /// # Panics
    ///
    /// When a request cannot be written as JSON, which none of OTLP's can.
    #[must_use]
    pub fn otlp_json(&self) -> String {
        match self.store.json_lines() {
            Ok(lines) => lines.into_iter().map(|line| line + "\n").collect(),
            Err(error) => panic!("a request has no JSON form: {error}"),
        }
    }

    /// Waits until a condition on the accepted spans is met, and returns them. It is asked at once
    /// and then whenever a request arrives or is accepted; other things than spans can be waited
    /// for as well:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use throughline_testing::{Collector, SpanRecord, TimedOut};
    /// # async fn example(collector: &Collector) -> Result<(), TimedOut> {
    /// let second = Duration::from_secs(1);
    /// collector.wait_for(second, |spans| spans.iter().any(|span| span.name == "GET")).await?;
    /// collector.wait_for(second, |_| collector.requests() == 3).await?;
    /// collector.wait_for(second, |_| !collector.logs().is_empty()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Works on any executor, with the collector's own clock.
    ///
    /// # Errors
    ///
    /// When the time is over. The error shows what has arrived.
    pub async fn wait_for(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&[SpanRecord]) -> bool,
    ) -> Result<Vec<SpanRecord>, TimedOut> {
        let mut changes = self.store.watch_changes();
        // The caller may have no runtime, or one whose clock is paused.
        let timer = async move { tokio::time::sleep(timeout).await };
        let mut timer = self.server.runtime.spawn(timer);
        loop {
            let spans = self.store.spans();
            if condition(&spans) {
                timer.abort();
                return Ok(spans.to_vec());
            }
            drop(spans);
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                _ = &mut timer => return Err(TimedOut::new(self, timeout)),
            }
        }
    }

    /// [`wait_for`](Self::wait_for) that blocks the thread. The collector goes on meanwhile, but
    /// what the tested code runs on this thread's runtime does not.
    ///
    /// # Errors
    ///
    /// When the time is over. The error shows what has arrived.
    pub fn wait_for_blocking(
        &self,
        timeout: Duration,
        condition: impl FnMut(&[SpanRecord]) -> bool,
    ) -> Result<Vec<SpanRecord>, TimedOut> {
        block_on(self.wait_for(timeout, condition))
    }
}

/// [`Collector::wait_for`] waited in vain. Its message, in `Debug` too since that is what `unwrap`
/// prints, shows the requests that were counted and the traces that were accepted.
pub struct TimedOut {
    message: String,
}

impl TimedOut {
    fn new(collector: &Collector, timeout: Duration) -> Self {
        let (requests, spans) = (collector.requests(), collector.spans().len());
        let mut message = format!(
            "the condition was not met within {timeout:?}; export requests: {requests}, accepted spans: {spans}"
        );
        for trace in collector.traces() {
            message.push('\n');
            message.push_str(&trace.to_string());
        }
        Self { message }
    }
}

impl Error for TimedOut {}

impl Display for TimedOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Debug for TimedOut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
