//! The guard: flushing and stopping, with one deadline for everything.

use std::fmt;
use std::sync::{Arc, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use throughline_otlp::{ExportStats, FlushError, LogCounts, LogPipeline, SpanCounts, SpanPipeline};
use tokio::sync::oneshot;

use crate::error::ShutdownError;
use crate::signals::Signals;

/// What [`init`](crate::init) set up. Keep it until the end of `main`, then [`shutdown`](Self::shutdown) it.
///
/// Dropped without, it shuts down all the same, blocking its thread for the
/// [shutdown timeout](crate::Config::shutdown_timeout) at most.
///
/// # Hazards
///
/// - `let _ = throughline::init()?;` drops it at once: give it a name.
/// - A span that has not ended when the shutdown begins is not exported, but counted. Stop the server first, and see
///   [`shutdown_deadline`](crate::shutdown_deadline) for what may still be open then.
/// - `std::process::exit` and a signal that ends the process drop nothing: what is queued is lost.
#[derive(Debug)]
#[must_use = "dropping it shuts telemetry down"]
pub struct Telemetry {
    signals: Option<Arc<Signals>>,
    timeout: Duration,
}

/// What became of the telemetry of a process. Prints as one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The spans, of several exporters the sum: each span counts once for each of them. `started == exported + dropped.total() + queued + open`; after a shutdown none is queued. All zero where
    /// no span is exported.
    pub spans: SpanCounts,
    /// What the exports of spans took.
    pub span_exports: ExportStats,
    /// The log records, summed up likewise. `emitted == exported + dropped.total() + queued`. All zero where no log record is exported.
    pub logs: LogCounts,
    /// What the exports of log records took.
    pub log_exports: ExportStats,
    /// Whether every exporter took the last metrics. True where no metric is exported.
    pub metrics_delivered: bool,
}

impl Telemetry {
    pub(crate) fn new(signals: Signals, timeout: Duration) -> Self {
        Self {
            signals: Some(Arc::new(signals)),
            timeout,
        }
    }

    /// Exports the spans that have ended so far, the log records and the metrics. Returns at the shutdown timeout at the latest.
    ///
    /// Runs on any executor, a `current_thread` runtime included; the work is done on threads of its own, and goes on
    /// where the future is dropped.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] if not all of it was taken in time. Telemetry goes on.
    pub async fn flush(&self) -> Result<ShutdownReport, ShutdownError> {
        let signals = self.signals.clone().unwrap_or_default();
        on_a_thread(signals, self.timeout, Signals::flush).await
    }

    /// Exports what is left and stops: one deadline for all signals, the
    /// [shutdown timeout](crate::Config::shutdown_timeout) (default 5 s). Log lines and propagation go on.
    ///
    /// Runs on any executor, a `current_thread` runtime included; the work is done on threads of its own, and goes on
    /// where the future is dropped. (Dropped before it was polled, it blocks, as the guard does.)
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] if what was left could not be delivered in time. What was dropped earlier, for a full queue say,
    /// is no error: it is in the report.
    pub async fn shutdown(mut self) -> Result<ShutdownReport, ShutdownError> {
        let signals = self.signals.take().unwrap_or_default();
        on_a_thread(signals, self.timeout, Signals::shut_down).await
    }

    /// [`shutdown`](Self::shutdown) for a `main` without an executor: blocks the thread for the shutdown timeout at most.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub fn shutdown_blocking(mut self) -> Result<ShutdownReport, ShutdownError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<ShutdownReport, ShutdownError> {
        match self.signals.take() {
            Some(signals) => signals.shut_down(self.timeout),
            None => Ok(ShutdownReport::default()),
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        // What was lost is said by the pipeline's own warnings.
        let _ = self.stop();
    }
}

/// After so long the SDK's reader gives up its shutdown, whatever it is told.
const READERS_PATIENCE: Duration = Duration::from_secs(5);

impl Signals {
    fn flush(&self, timeout: Duration) -> Result<ShutdownReport, ShutdownError> {
        let deadline = Deadline::after(timeout);
        let metrics = begin(&self.meters, |meters| Some(meters.force_flush().is_ok()));
        let logs = begin_each(&self.logs, timeout, LogPipeline::flush_blocking);
        let spans = each(&self.spans, timeout, SpanPipeline::flush_blocking);
        let logs = delivered(logs, deadline);
        self.report(spans && logs, metrics.wait(deadline))
    }

    fn shut_down(&self, timeout: Duration) -> Result<ShutdownReport, ShutdownError> {
        let deadline = Deadline::after(timeout);
        let last = self.last_metrics.lock();
        let last = std::mem::take(&mut *last.unwrap_or_else(PoisonError::into_inner));
        let metrics = begin(&self.meters, move |meters| {
            let begun = Instant::now();
            let _ = meters.shutdown();
            // It has given up, and the exporter goes on; or it is done, or there is nobody to wait for.
            let has_given_up = begun.elapsed() >= READERS_PATIENCE;
            let taken = last.iter().map(|last| match has_given_up {
                true => last.recv().ok(),
                false => last.try_recv().ok(),
            });
            let taken: Vec<_> = taken.collect();
            Some(!taken.is_empty() && taken.iter().all(|taken| *taken == Some(true)))
        });
        let logs = begin_each(&self.logs, timeout, LogPipeline::flush_blocking);
        let spans = each(&self.spans, timeout, SpanPipeline::shutdown_blocking);
        if let Some(tracers) = &self.tracers {
            // The pipelines have stopped: this only makes the provider's tracers end their work.
            let _ = tracers.shutdown_with_timeout(Duration::ZERO);
        }
        let metrics = metrics.wait(deadline);
        let flushed_logs = delivered(logs, deadline);
        // Last, for what the application logs meanwhile.
        let logs = each(&self.logs, deadline.left(), LogPipeline::shutdown_blocking);
        self.report(spans && flushed_logs && logs, metrics)
    }

    fn report(
        &self,
        pipelines: bool,
        metrics_delivered: bool,
    ) -> Result<ShutdownReport, ShutdownError> {
        let mut report = ShutdownReport {
            metrics_delivered,
            ..ShutdownReport::default()
        };
        for pipeline in &self.spans {
            report.spans += pipeline.counts();
            report.span_exports += pipeline.stats();
        }
        for pipeline in &self.logs {
            report.logs += pipeline.counts();
            report.log_exports += pipeline.stats();
        }
        if pipelines && metrics_delivered {
            Ok(report)
        } else {
            Err(ShutdownError {
                report: Box::new(report),
            })
        }
    }
}

/// A point in time; none where it is out of reach for an [`Instant`].
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    fn left(self) -> Duration {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        self.0.map_or(Duration::MAX, left)
    }
}

/// Begins work that blocks, on a thread. It says whether everything was delivered, if it can.
fn begin<T: Clone + Send + 'static>(
    signal: &Option<T>,
    work: impl FnOnce(T) -> Option<bool> + Send + 'static,
) -> Pending {
    let Some(signal) = signal.clone() else {
        return Pending::Off;
    };
    let (done, result) = mpsc::channel();
    let spawned = thread::Builder::new()
        .name("throughline-flush".to_owned())
        .spawn(move || done.send(work(signal).unwrap_or(false)));
    match spawned {
        Ok(_) => Pending::Running(result),
        Err(_) => Pending::Lost,
    }
}

/// Does the same for each pipeline, at the same time; the first needs no thread. Whether all went well.
fn each<P: Clone + Send + 'static>(
    pipelines: &[P],
    timeout: Duration,
    work: fn(&P, Duration) -> Result<(), FlushError>,
) -> bool {
    let Some((first, others)) = pipelines.split_first() else {
        return true;
    };
    let deadline = Deadline::after(timeout);
    let others = begin_each(others, timeout, work);
    let first = work(first, timeout).is_ok();
    delivered(others, deadline) && first
}

/// Begins the same for each pipeline, on a thread of its own.
fn begin_each<P: Clone + Send + 'static>(
    pipelines: &[P],
    timeout: Duration,
    work: fn(&P, Duration) -> Result<(), FlushError>,
) -> Vec<Pending> {
    let begin = |pipeline: &P| {
        begin(&Some(pipeline.clone()), move |pipeline| {
            Some(work(&pipeline, timeout).is_ok())
        })
    };
    pipelines.iter().map(begin).collect()
}

/// Whether all of it is delivered by then. Each is waited for.
fn delivered(pending: Vec<Pending>, deadline: Deadline) -> bool {
    let delivered = |all: bool, pending: Pending| pending.wait(deadline) && all;
    pending.into_iter().fold(true, delivered)
}

/// Work that [`begin`] began.
enum Pending {
    Off,
    Lost,
    Running(mpsc::Receiver<bool>),
}

impl Pending {
    /// Whether everything is delivered by then.
    fn wait(self, deadline: Deadline) -> bool {
        match self {
            // What is off has nothing to lose.
            Self::Off => true,
            Self::Lost => false,
            Self::Running(result) => {
                let result = match deadline.0 {
                    Some(_) => result.recv_timeout(deadline.left()).ok(),
                    None => result.recv().ok(),
                };
                result.unwrap_or(false)
            }
        }
    }
}

/// Runs blocking work on a thread and awaits it, whatever the executor.
async fn on_a_thread(
    signals: Arc<Signals>,
    timeout: Duration,
    work: fn(&Signals, Duration) -> Result<ShutdownReport, ShutdownError>,
) -> Result<ShutdownReport, ShutdownError> {
    let (done, result) = oneshot::channel();
    let at_hand = Arc::clone(&signals);
    let spawned = thread::Builder::new()
        .name("throughline-shutdown".to_owned())
        .spawn(move || drop(done.send(work(&signals, timeout))));
    match spawned {
        // A thread that panicked leaves what is known.
        Ok(_) => (result.await).unwrap_or_else(|_| at_hand.report(false, false)),
        // No thread to be had: this one does it, in the same bounded time.
        Err(_) => work(&at_hand, timeout),
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.spans)?;
        if self.span_exports.exports > 0 {
            write!(f, " ({})", self.span_exports)?;
        }
        if self.logs.emitted > 0 {
            write!(f, "; {}", self.logs)?;
            if self.log_exports.exports > 0 {
                write!(f, " ({})", self.log_exports)?;
            }
        }
        if !self.metrics_delivered {
            f.write_str("; the last metrics were not taken")?;
        }
        Ok(())
    }
}
