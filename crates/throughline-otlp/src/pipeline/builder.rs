use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::SpanPipeline;
use super::destination::{Collector, Exporter};
use super::handle::Handle;
use super::observe::Exporting;
use super::prepare::{Prepare, Redact};
use super::settings::Settings;
use super::shared::Shared;
use crate::encode::Limits;
use crate::n_plus_one::Detector;
use crate::otlp::{BuildError, OtlpConfig, Target};
use crate::transport::Transport;
use crate::{ExportRuntime, NPlusOne, Signal};

/// Builds a [`SpanPipeline`]. The defaults are those of the OpenTelemetry specification (Trace SDK, "Batching
/// processor").
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SpanPipelineBuilder {
    settings: Settings,
    attribute_limits: Limits,
    redact: Option<Redact>,
    n_plus_one: Option<NPlusOne>,
    reports_n_plus_one: bool,
}

impl Default for SpanPipelineBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::new(Signal::Traces, Duration::from_secs(5)),
            attribute_limits: Limits::default(),
            redact: None,
            n_plus_one: None,
            reports_n_plus_one: true,
        }
    }
}

impl SpanPipelineBuilder {
    /// The most spans that wait for their export; a span that ends when there are so many is dropped and counted.
    /// Default 2048. Zero is taken as one.
    ///
    /// The batch that is being exported comes on top.
    pub fn max_queue_size(mut self, spans: usize) -> Self {
        self.settings.limits.queue = spans;
        self
    }

    /// The most spans in one export. An export begins as soon as there are so many. Default 512. Zero is taken as one,
    /// and more than the queue holds as all that it holds.
    pub fn max_export_batch_size(mut self, spans: usize) -> Self {
        self.settings.limits.batch = spans;
        self
    }

    /// The longest time that a span waits for its batch to fill up. Default 5 seconds. With zero a span is exported as
    /// soon as the exporter is free.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.settings.limits.delay = delay;
        self
    }

    /// The longest time for one export, retries of the exporter included; after that it is cancelled and its spans are
    /// dropped and counted. Default 30 seconds. Zero means no limit.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.settings.export_timeout = timeout;
        self
    }

    /// The most bytes of encoded spans that wait for their export; a span that does not fit in is dropped and counted.
    /// Default 16 MiB. Without effect with an exporter of the SDK's, whose spans are not encoded.
    ///
    /// The batch that is being exported comes on top, twice: as it was queued and as it is sent.
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.queue_bytes = bytes;
        self
    }

    /// The most bytes of encoded spans in one export, unless a single span is larger. Default 3 MiB: receivers of gRPC
    /// take 4 MiB by default. Without effect with an exporter of the SDK's.
    pub fn max_export_batch_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.batch_bytes = bytes;
        self
    }

    /// How many characters of a string attribute are exported, on spans, events and links (OpenTelemetry specification,
    /// Common, "Attribute Limits"). Default: all.
    pub fn attribute_value_length_limit(mut self, characters: usize) -> Self {
        self.attribute_limits.attribute_value_length = Some(characters);
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

    /// Finds the same query asked again and again under one span, where one query could have asked for everything (N+1).
    /// Default: nothing is looked for.
    ///
    /// A query is a sampled CLIENT span with a parent of this process and `db.query.text`, else `db.query.summary`; but
    /// not one of a cache (`db.system.name` is `redis`, `valkey` or `memcached`), or one that begins or ends a transaction. Those
    /// with the same text under the same parent are counted where each began after the last had ended: what runs
    /// concurrently does not count. Texts that differ in their literals are different queries; instrumentations that
    /// follow the conventions replace them.
    ///
    /// When there are as many as `n_plus_one` says, and the parent ends,
    ///
    /// - the parent gets an event `throughline.n_plus_one`, with `throughline.n_plus_one.count`,
    ///   `throughline.n_plus_one.duration` (in seconds, of all of them), and `db.system.name`, `db.query.summary` and
    ///   `db.query.text` of the query, cut to 255 characters. It is there whatever the limits of the SDK on events are;
    /// - the metric `throughline.n_plus_one.found` counts, where the pipeline is [observed](super::SpanPipeline::observe);
    /// - a warning says which query and how often, once a minute at most.
    ///
    /// A span that is no query pays some 20 instructions for it, and a query 1000; in the long run neither allocates. What is
    /// remembered is bounded: 4096 open spans with 16 texts each, which are 3 MB beside what is found. A span is
    /// forgotten when it ends, and a minute after its last query. Unsampled spans are not seen, nor are parents in another
    /// process.
    ///
    /// ```
    /// use throughline_otlp::{NPlusOne, SpanPipeline};
    ///
    /// let builder = SpanPipeline::builder().n_plus_one(NPlusOne::default());
    /// ```
    pub fn n_plus_one(mut self, n_plus_one: NPlusOne) -> Self {
        self.n_plus_one = Some(n_plus_one);
        self
    }

    /// Whether N+1 queries that are found are counted and warned of, beside the event. Default: true.
    ///
    /// For programs whose spans go through several pipelines, each of which finds the same: one is enough to say so.
    pub fn report_n_plus_one(mut self, reports: bool) -> Self {
        self.reports_n_plus_one = reports;
        self
    }

    /// Starts a pipeline to an exporter. It is called on the thread of the runtime only, never twice at a time.
    #[must_use = "the handle is what receives the spans"]
    pub fn build(
        self,
        runtime: &ExportRuntime,
        exporter: impl SpanExporter + 'static,
    ) -> SpanPipeline {
        let shared = self.settings.shared(Exporting::of(&exporter));
        self.settings.start(runtime, &shared, Exporter(exporter));
        self.pipeline(shared, false)
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
        let shared = (self.settings).shared(Exporting::to(config, Signal::Traces));
        let target = Target::new(config, Signal::Traces);
        let collector = Collector::new(transport, target, Arc::clone(&shared));
        self.settings.start(runtime, &shared, collector);
        Ok(self.pipeline(shared, true))
    }

    fn pipeline(self, shared: Arc<Shared>, encodes: bool) -> SpanPipeline {
        SpanPipeline {
            handle: Handle::new(shared),
            prepare: Arc::new(Prepare {
                redact: self.redact,
                n_plus_one: self.n_plus_one.map(Detector::new),
                reports_n_plus_one: self.reports_n_plus_one,
                limits: self.attribute_limits,
                encodes,
            }),
        }
    }
}

impl fmt::Debug for SpanPipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanPipelineBuilder")
            .field("settings", &self.settings)
            .field("attribute_limits", &self.attribute_limits)
            .field("redacts", &self.redact.is_some())
            .field("n_plus_one", &self.n_plus_one)
            .finish()
    }
}
