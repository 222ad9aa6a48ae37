use std::sync::Arc;
use std::time::Duration;

use super::destination::Destination;
use super::observe::Exporting;
use super::shared::Shared;
use super::state::Limits;
use super::worker::Worker;
use crate::{ExportRuntime, Signal};

/// What the builders of all pipelines set, with the defaults of the specification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// Zero means no limit.
    pub(super) export_timeout: Duration,
}

impl Settings {
    pub(super) fn new(signal: Signal, delay: Duration) -> Self {
        Self {
            limits: Limits {
                signal,
                queue: 2048,
                queue_bytes: 16 * 1024 * 1024,
                batch: 512,
                batch_bytes: 3 * 1024 * 1024,
                delay,
            },
            export_timeout: Duration::from_secs(30),
        }
    }

    pub(super) fn shared(&self, exporting: Exporting) -> Arc<Shared> {
        let queue = self.limits.queue.max(1);
        let batch = self.limits.batch.clamp(1, queue);
        let limits = Limits {
            queue,
            batch,
            ..self.limits
        };
        Arc::new(Shared::new(limits, exporting))
    }

    /// Starts the worker.
    pub(super) fn start(
        &self,
        runtime: &ExportRuntime,
        shared: &Arc<Shared>,
        destination: impl Destination,
    ) {
        let export_timeout = match self.export_timeout {
            Duration::ZERO => Duration::MAX,
            limit => limit,
        };
        let shared = Arc::clone(shared);
        let worker = Worker::new(shared, destination, export_timeout, runtime.clone());
        runtime.handle().spawn(worker.run());
    }
}
