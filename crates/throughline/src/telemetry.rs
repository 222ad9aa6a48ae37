//! The guard: flushing and stopping, with one deadline for everything.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::metrics::SdkMeterProvider;
use throughline_otlp::{SpanCounts, SpanPipeline};
use tokio::sync::oneshot;

use crate::error::ShutdownError;
use crate::init::Signals;

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
    /// The spans. `started == exported + dropped.total() + queued + open`; after a shutdown none is queued. All zero where
    /// no span is exported.
    pub spans: SpanCounts,
    /// Whether the exporter took the last metrics. True where no metric is exported.
    pub metrics_delivered: bool,
}

impl Telemetry {
    pub(crate) fn new(signals: Signals, timeout: Duration) -> Self {
        Self {
            signals: Some(Arc::new(signals)),
            timeout,
        }
    }

    /// Exports the spans that have ended so far, and the metrics. Returns at the shutdown timeout at the latest.
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

impl Signals {
    fn flush(&self, timeout: Duration) -> Result<ShutdownReport, ShutdownError> {
        let metrics = self.on_meters(timeout, |meters| meters.force_flush().is_ok());
        let spans = (self.pipeline.as_ref()).map(|pipeline| pipeline.flush_blocking(timeout));
        self.report(spans.is_none_or(|spans| spans.is_ok()), metrics.wait())
    }

    fn shut_down(&self, timeout: Duration) -> Result<ShutdownReport, ShutdownError> {
        let metrics = self.on_meters(timeout, |meters| meters.shutdown().is_ok());
        let spans = (self.pipeline.as_ref()).map(|pipeline| pipeline.shutdown_blocking(timeout));
        if let Some(tracers) = &self.tracers {
            // The pipeline has stopped: this only makes the provider's tracers end their work.
            let _ = tracers.shutdown_with_timeout(Duration::ZERO);
        }
        self.report(spans.is_none_or(|spans| spans.is_ok()), metrics.wait())
    }

    /// Begins `work`, which blocks without a bound of its own, on a thread.
    fn on_meters(
        &self,
        timeout: Duration,
        work: impl FnOnce(SdkMeterProvider) -> bool + Send + 'static,
    ) -> Metrics {
        let deadline = Instant::now().checked_add(timeout);
        let Some(meters) = self.meters.clone() else {
            return Metrics::Off;
        };
        let (done, result) = mpsc::channel();
        let spawned = thread::Builder::new()
            .name("throughline-metrics".to_owned())
            .spawn(move || done.send(work(meters)));
        match spawned {
            Ok(_) => Metrics::Running(result, deadline),
            Err(_) => Metrics::Lost,
        }
    }

    fn report(&self, spans: bool, metrics: bool) -> Result<ShutdownReport, ShutdownError> {
        let report = ShutdownReport {
            spans: (self.pipeline.as_ref()).map_or_else(SpanCounts::default, SpanPipeline::counts),
            metrics_delivered: metrics,
        };
        if spans && metrics {
            Ok(report)
        } else {
            Err(ShutdownError { report })
        }
    }
}

/// The last export of metrics.
enum Metrics {
    Off,
    Lost,
    /// Without a deadline where that is out of reach for an [`Instant`].
    Running(mpsc::Receiver<bool>, Option<Instant>),
}

impl Metrics {
    fn wait(self) -> bool {
        match self {
            Self::Off => true,
            Self::Lost => false,
            Self::Running(result, deadline) => {
                let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                let result = match left {
                    Some(left) => result.recv_timeout(left).ok(),
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
        .spawn(move || done.send(work(&signals, timeout)));
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
        if !self.metrics_delivered {
            f.write_str("; the last metrics were not taken")?;
        }
        Ok(())
    }
}
