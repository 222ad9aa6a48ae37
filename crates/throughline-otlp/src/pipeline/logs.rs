use std::fmt;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::AnyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogExporter, LogProcessor, SdkLogRecord};

use super::batch::Item;
use super::destination::{RecordCollector, RecordExporter};
use super::handle::Handle;
use super::observe::Exporting;
use super::settings::Settings;
use super::{ExportStats, FlushError, LogCounts, PipelineFuture};
use crate::otlp::{BuildError, OtlpConfig, log_exporter};
use crate::{ExportRuntime, Signal};

/// How long [`LogProcessor::force_flush`] may take, which has no argument for it.
const FORCE_FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The way of a log record to an exporter: a [`LogProcessor`] with a bounded queue, batches, a deadline on every export and
/// a count of everything dropped (OpenTelemetry specification, Logs SDK, "Batching processor").
///
/// This is a handle, as [`SpanPipeline`](crate::SpanPipeline) is, and ends in the same way.
///
/// ```
/// use std::time::Duration;
/// use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _};
/// use throughline_otlp::opentelemetry_sdk::logs::SdkLoggerProvider;
/// use throughline_otlp::otlp::OtlpConfig;
/// use throughline_otlp::{ExportRuntime, LogPipeline};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = OtlpConfig::new("http://localhost:4318/v1/logs");
/// let pipeline = LogPipeline::builder().build_otlp(&ExportRuntime::start()?, &config)?;
/// let provider = SdkLoggerProvider::builder().with_log_processor(pipeline.clone()).build();
///
/// let logger = provider.logger("example");
/// let mut record = logger.create_log_record();
/// record.set_body("paid".into());
/// logger.emit(record);
///
/// // Without a collector this says so, in time.
/// if let Err(lost) = pipeline.shutdown_blocking(Duration::from_millis(200)) {
///     eprintln!("{lost}: {}", pipeline.counts());
/// }
/// # Ok(())
/// # }
/// ```
///
/// What the exporter itself logs does not come back: it runs with telemetry suppressed, and the SDK takes no record there.
#[derive(Clone)]
pub struct LogPipeline {
    handle: Handle,
}

impl LogPipeline {
    /// Starts from the defaults of the specification.
    pub fn builder() -> LogPipelineBuilder {
        LogPipelineBuilder {
            settings: Settings::new(Signal::Logs, Duration::from_secs(1)),
        }
    }

    /// What became of the log records so far.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        let (counts, _) = self.handle.shared().counts();
        counts.of_records()
    }

    /// What the exports took so far.
    #[must_use]
    pub fn stats(&self) -> ExportStats {
        self.handle.stats()
    }

    /// Reports on the pipeline by the metrics that [`SpanPipeline::observe`](crate::SpanPipeline::observe) lists, with
    /// `log` in the place of `span`, and `otel.sdk.log.created`.
    pub fn observe(&self, meters: &impl MeterProvider) {
        self.handle.observe(meters, false);
    }

    /// Exports every record that came before this call; otherwise as [`SpanPipeline::flush`](crate::SpanPipeline::flush).
    ///
    /// # Errors
    ///
    /// The future yields an error when the time was not enough or records were lost meanwhile.
    pub fn flush(&self, timeout: Duration) -> PipelineFuture {
        self.handle.flush(timeout)
    }

    /// Like [`flush`](Self::flush), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough or records were lost meanwhile.
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        self.handle.flush_blocking(timeout)
    }

    /// Takes no more records and exports what is queued; otherwise as
    /// [`SpanPipeline::shutdown`](crate::SpanPipeline::shutdown).
    ///
    /// # Errors
    ///
    /// The future yields an error when the time was not enough, records were lost meanwhile, or the exporter's own
    /// shutdown failed.
    pub fn shutdown(&self, timeout: Duration) -> PipelineFuture {
        self.handle.shutdown(timeout)
    }

    /// Like [`shutdown`](Self::shutdown), and blocks the calling thread.
    ///
    /// # Errors
    ///
    /// When the time was not enough, records were lost meanwhile, or the exporter's own shutdown failed.
    pub fn shutdown_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        self.handle.shutdown_blocking(timeout)
    }
}

impl LogProcessor for LogPipeline {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let bytes = size(record);
        // A copy, since other processors may come after this one.
        let record = Box::new((record.clone(), scope.clone()));
        self.handle.shared().push(Item::Record { record, bytes });
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush_blocking(FORCE_FLUSH_TIMEOUT)
            .map_err(OTelSdkError::from)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.shutdown_blocking(timeout).map_err(OTelSdkError::from)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.handle.shared().set_resource(resource.clone());
    }
}

impl fmt::Debug for LogPipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogPipeline")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// Builds a [`LogPipeline`]. The defaults are those of the OpenTelemetry specification (Logs SDK, "Batching processor").
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct LogPipelineBuilder {
    settings: Settings,
}

impl LogPipelineBuilder {
    /// The most records that wait for their export; one that comes when there are so many is dropped and counted. Default
    /// 2048. Zero is taken as one.
    ///
    /// All together they take about 16 MiB at most, or what does not fit in is dropped and counted as well.
    pub fn max_queue_size(mut self, records: usize) -> Self {
        self.settings.limits.queue = records;
        self
    }

    /// The most records in one export. An export begins as soon as there are so many. Default 512. Zero is taken as one,
    /// and more than the queue holds as all that it holds.
    pub fn max_export_batch_size(mut self, records: usize) -> Self {
        self.settings.limits.batch = records;
        self
    }

    /// The longest time that a record waits for its batch to fill up. Default 1 second. With zero a record is exported as
    /// soon as the exporter is free.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.settings.limits.delay = delay;
        self
    }

    /// The longest time for one export, retries of the exporter included; after that it is cancelled and its records are
    /// dropped and counted. Default 30 seconds. Zero means no limit.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.settings.export_timeout = timeout;
        self
    }

    /// Starts a pipeline to an exporter. It is called on the thread of the runtime only, never twice at a time.
    #[must_use = "the handle is what receives the records"]
    pub fn build(
        self,
        runtime: &ExportRuntime,
        exporter: impl LogExporter + 'static,
    ) -> LogPipeline {
        let shared = self.settings.shared(Exporting::of(&exporter));
        self.settings
            .start(runtime, &shared, RecordExporter(exporter));
        LogPipeline {
            handle: Handle::new(shared),
        }
    }

    /// Starts a pipeline to a collector that takes OTLP.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used, or needs a cargo feature that is off.
    pub fn build_otlp(
        self,
        runtime: &ExportRuntime,
        config: &OtlpConfig,
    ) -> Result<LogPipeline, BuildError> {
        let exporter = log_exporter(runtime, config)?;
        let shared = (self.settings).shared(Exporting::to(config, Signal::Logs));
        self.settings
            .start(runtime, &shared, RecordCollector(exporter));
        Ok(LogPipeline {
            handle: Handle::new(shared),
        })
    }
}

/// About how many bytes a record takes.
fn size(record: &SdkLogRecord) -> usize {
    let attributes = record.attributes_iter();
    let attributes = attributes.map(|(key, value)| key.as_str().len() + size_of_value(value));
    let body = record.body().map_or(0, size_of_value);
    size_of::<SdkLogRecord>() + body + attributes.sum::<usize>()
}

fn size_of_value(value: &AnyValue) -> usize {
    size_of::<AnyValue>()
        + match value {
            AnyValue::String(text) => text.as_str().len(),
            AnyValue::Bytes(bytes) => bytes.len(),
            AnyValue::ListAny(values) => values.iter().map(size_of_value).sum(),
            AnyValue::Map(entries) => (entries.iter())
                .map(|(key, value)| key.as_str().len() + size_of_value(value))
                .sum(),
            _ => 0,
        }
}
