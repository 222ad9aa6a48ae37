use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::destination::{Collector, Destination, Exporter};
use super::prepare::{Prepare, Redact};
use super::shared::Shared;
use super::state::Limits;
use super::worker::Worker;
use super::{Handle, SpanPipeline};
use crate::otlp::{BuildError, OtlpConfig};
use crate::transport::{Signal, Transport};
use crate::{ExportRuntime, encode};

/// Builds a [`SpanPipeline`]. The defaults are those of the OpenTelemetry specification (Trace SDK, "Batching
/// processor").
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SpanPipelineBuilder {
    limits: Limits,
    export_timeout: Duration,
    attribute_value_length: Option<usize>,
    redact: Option<Redact>,
}

impl Default for SpanPipelineBuilder {
    fn default() -> Self {
        Self {
            limits: Limits {
                queue: 2048,
                queue_bytes: 16 * 1024 * 1024,
                batch: 512,
                batch_bytes: 3 * 1024 * 1024,
                delay: Duration::from_secs(5),
            },
            export_timeout: Duration::from_secs(30),
            attribute_value_length: None,
            redact: None,
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

    /// The most bytes of encoded spans that wait for their export; a span that does not fit in is dropped and counted.
    /// Default 16 MiB. Without effect with an exporter of the SDK's, whose spans are not encoded.
    ///
    /// The batch that is being exported comes on top, twice: as it was queued and as it is sent.
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.limits.queue_bytes = bytes;
        self
    }

    /// The most bytes of encoded spans in one export, unless a single span is larger. Default 3 MiB: receivers of gRPC
    /// take 4 MiB by default. Without effect with an exporter of the SDK's.
    pub fn max_export_batch_bytes(mut self, bytes: usize) -> Self {
        self.limits.batch_bytes = bytes;
        self
    }

    /// How many characters of a string attribute are exported, on spans, events and links (OpenTelemetry specification,
    /// Common, "Attribute Limits"). Default: all. Without effect with an exporter of the SDK's.
    pub fn attribute_value_length_limit(mut self, characters: usize) -> Self {
        self.attribute_value_length = Some(characters);
        self
    }

    /// Changes each sampled span before it is queued, on the thread that ends it: for values that must not leave the
    /// process. Default: nothing is changed.
    ///
    /// A span whose redaction panics is dropped and counted. The current context is a new one there, and telemetry is
    /// suppressed.
    ///
    /// ```
    /// use throughline_otlp::SpanPipeline;
    ///
    /// let builder = SpanPipeline::builder()
    ///     .redact(|span| span.attributes.retain(|attribute| attribute.key.as_str() != "user.email"));
    /// ```
    pub fn redact(mut self, redact: impl Fn(&mut SpanData) + Send + Sync + 'static) -> Self {
        self.redact = Some(Arc::new(redact));
        self
    }

    /// Starts a pipeline to an exporter. It is called on the thread of the runtime only, never twice at a time.
    #[must_use = "the handle is what receives the spans"]
    pub fn build(
        self,
        runtime: &ExportRuntime,
        exporter: impl SpanExporter + 'static,
    ) -> SpanPipeline {
        let shared = self.shared();
        self.start(runtime, shared, Exporter(exporter), None)
    }

    /// Starts a pipeline to a collector that takes OTLP.
    ///
    /// ```no_run
    /// use throughline_otlp::otlp::OtlpConfig;
    /// use throughline_otlp::{ExportRuntime, SpanPipeline};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = OtlpConfig::new("http://localhost:4318/v1/traces");
    /// let pipeline = SpanPipeline::builder().build_otlp(&ExportRuntime::start()?, &config)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, or needs a cargo feature that is off.
    pub fn build_otlp(
        self,
        runtime: &ExportRuntime,
        config: &OtlpConfig,
    ) -> Result<SpanPipeline, BuildError> {
        let transport = Transport::new(runtime, config, Signal::Traces)?;
        let shared = self.shared();
        let collector = Collector::new(transport, config.shown_endpoint(), Arc::clone(&shared));
        let encoding = encode::Limits {
            attribute_value_length: self.attribute_value_length,
        };
        Ok(self.start(runtime, shared, collector, Some(encoding)))
    }

    fn shared(&self) -> Arc<Shared> {
        let queue = self.limits.queue.max(1);
        let batch = self.limits.batch.clamp(1, queue);
        Arc::new(Shared::new(Limits {
            queue,
            batch,
            ..self.limits
        }))
    }

    fn start(
        self,
        runtime: &ExportRuntime,
        shared: Arc<Shared>,
        destination: impl Destination,
        encoding: Option<encode::Limits>,
    ) -> SpanPipeline {
        let export_timeout = match self.export_timeout {
            Duration::ZERO => Duration::MAX,
            limit => limit,
        };
        let worker = Worker::new(
            Arc::clone(&shared),
            destination,
            export_timeout,
            runtime.clone(),
        );
        runtime.handle().spawn(worker.run());
        let prepare = Prepare {
            redact: self.redact,
            encoding,
        };
        SpanPipeline {
            handle: Arc::new(Handle { shared, prepare }),
        }
    }
}

impl fmt::Debug for SpanPipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanPipelineBuilder")
            .field("limits", &self.limits)
            .field("export_timeout", &self.export_timeout)
            .field("attribute_value_length", &self.attribute_value_length)
            .field("redacts", &self.redact.is_some())
            .finish()
    }
}
