//! What the collector received.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::intercept::Behavior;
use super::signal::{Export, Signal};
use crate::metric::{self, MetricRecord};
use crate::{LogRecord, SpanRecord, otlp};

/// Shared by the handles and the server.
#[derive(Debug)]
pub(super) struct Store {
    received: Mutex<Received>,
    /// Changes whenever a request arrives or is accepted.
    changed: watch::Sender<()>,
    behavior: watch::Sender<Behavior>,
}

#[derive(Debug, Default)]
struct Received {
    headers: Vec<BTreeMap<String, String>>,
    exports: Vec<Export>,
    /// Shared with those who look at it, so that a look costs no copy.
    spans: Arc<Vec<SpanRecord>>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            received: Mutex::default(),
            changed: watch::Sender::new(()),
            behavior: watch::Sender::new(Behavior::Accept),
        }
    }

    pub(super) fn behave(&self, behavior: Behavior) {
        self.behavior.send_replace(behavior);
    }

    pub(super) fn behavior(&self) -> Behavior {
        *self.behavior.borrow()
    }

    pub(super) fn watch_behavior(&self) -> watch::Receiver<Behavior> {
        self.behavior.subscribe()
    }

    pub(super) fn watch_changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// A request has arrived, whatever becomes of it.
    pub(super) fn arrived(&self, headers: BTreeMap<String, String>) {
        self.lock().headers.push(headers);
        self.changed.send_replace(());
    }

    /// Keeps a request and returns the answer to it.
    pub(super) fn accept<S: Signal>(&self, request: S, behavior: Behavior) -> S::Response {
        let export = request.into_export();
        let mut received = self.lock();
        if let Export::Traces(traces) = &export {
            Arc::make_mut(&mut received.spans).extend(otlp::spans(traces));
        }
        received.exports.push(export);
        drop(received);
        self.changed.send_replace(());
        S::response(match behavior {
            Behavior::PartialSuccess { rejected } => Some(rejected),
            _ => None,
        })
    }

    pub(super) fn headers(&self) -> Vec<BTreeMap<String, String>> {
        self.lock().headers.clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.lock().headers.len()
    }

    pub(super) fn spans(&self) -> Arc<Vec<SpanRecord>> {
        Arc::clone(&self.lock().spans)
    }

    pub(super) fn metrics(&self) -> Vec<MetricRecord> {
        let received = self.lock();
        let metrics = received.exports.iter().filter_map(|export| match export {
            Export::Metrics(request) => Some(otlp::metrics(request)),
            Export::Traces(_) | Export::Logs(_) => None,
        });
        metric::merge(metrics.flatten().collect())
    }

    pub(super) fn logs(&self) -> Vec<LogRecord> {
        let received = self.lock();
        let logs = received.exports.iter().filter_map(|export| match export {
            Export::Logs(request) => Some(otlp::logs(request)),
            Export::Traces(_) | Export::Metrics(_) => None,
        });
        logs.flatten().collect()
    }

    pub(super) fn json_lines(&self) -> serde_json::Result<Vec<String>> {
        self.lock().exports.iter().map(Export::to_json).collect()
    }

    /// Nothing that runs under the lock leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
