use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::SpanExporter;

use super::shared::Shared;
use super::state::Limits;
use super::worker::Worker;
use super::{Handle, SpanPipeline};
use crate::ExportRuntime;

/// Builds a [`SpanPipeline`]. The defaults are those of the OpenTelemetry specification (Trace SDK, "Batching
/// processor").
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SpanPipelineBuilder {
    limits: Limits,
    export_timeout: Duration,
}

impl Default for SpanPipelineBuilder {
    fn default() -> Self {
        Self {
            limits: Limits {
                queue: 2048,
                batch: 512,
                delay: Duration::from_secs(5),
            },
            export_timeout: Duration::from_secs(30),
        }
    }
}

impl SpanPipelineBuilder {
    /// The most spans that wait for their export; a span that ends when there are so many is dropped and counted.
    /// Default 2048. Zero is taken as one.
    ///
    /// The batch that is being exported comes on top.
    pub fn max_queue_size(mut self, spans: usize) -> Self {
        self.limits.queue = spans;
        self
    }

    /// The most spans in one export. An export begins as soon as there are so many. Default 512. Zero is taken as one,
    /// and more than the queue holds as all that it holds.
    pub fn max_export_batch_size(mut self, spans: usize) -> Self {
        self.limits.batch = spans;
        self
    }

    /// The longest time that a span waits for its batch to fill up. Default 5 seconds. With zero a span is exported as
    /// soon as the exporter is free.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.limits.delay = delay;
        self
    }

    /// The longest time for one export, retries of the exporter included; after that it is cancelled and its spans are
    /// dropped and counted. Default 30 seconds. Zero means no limit.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// Starts the pipeline. The exporter is called on the thread of the runtime only, never twice at a time.
    #[must_use = "the handle is what receives the spans"]
    pub fn build(
        self,
        runtime: &ExportRuntime,
        exporter: impl SpanExporter + 'static,
    ) -> SpanPipeline {
        let queue = self.limits.queue.max(1);
        let batch = self.limits.batch.clamp(1, queue);
        let shared = Arc::new(Shared::new(Limits {
            queue,
            batch,
            ..self.limits
        }));
        let export_timeout = match self.export_timeout {
            Duration::ZERO => Duration::MAX,
            limit => limit,
        };
        let worker = Worker::new(
            Arc::clone(&shared),
            exporter,
            export_timeout,
            runtime.clone(),
        );
        runtime.handle().spawn(worker.run());
        SpanPipeline {
            handle: Arc::new(Handle { shared }),
        }
    }
}
