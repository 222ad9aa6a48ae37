//! Providers and pipelines, from a configuration.

use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, PeriodicReader,
    SdkMeterProvider, Stream,
};
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_otlp::{
    ExportRuntime, LogPipeline, LogPipelineBuilder, SpanPipeline, SpanPipelineBuilder, console,
    otlp,
};

use crate::config::{Config, Exporter, HistogramAggregation, each_once};
use crate::error::InitError;
use crate::init::Redact;
use crate::last_metrics::Reporting;
use crate::resource::resource;

/// The providers and pipelines of what is on; of each signal a pipeline for each exporter.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pub(crate) spans: Vec<SpanPipeline>,
    pub(crate) tracers: Option<SdkTracerProvider>,
    pub(crate) meters: Option<SdkMeterProvider>,
    /// Whether the last metrics were taken by each exporter, once the meter provider is shut down.
    pub(crate) last_metrics: Mutex<Vec<Receiver<bool>>>,
    pub(crate) logs: Vec<LogPipeline>,
    pub(crate) loggers: Option<SdkLoggerProvider>,
}

impl Signals {
    pub(crate) fn build(config: &Config, redact: Option<&Redact>) -> Result<Self, InitError> {
        let resource = resource(config);
        let runtime = ExportRuntime::start().map_err(InitError::Thread)?;
        let spans = spans(config, redact, &runtime)?;
        let logs = logs(config, &runtime)?;
        let (meters, last_metrics) = meters(config, &resource, &runtime)?;
        let mut tracers = SdkTracerProvider::builder()
            .with_sampler(config.sampler.build())
            .with_span_limits(config.span_limits.for_the_sdk())
            .with_resource(resource.clone());
        for pipeline in &spans {
            tracers = tracers.with_span_processor(pipeline.clone());
        }
        let loggers = (!logs.is_empty()).then(|| {
            let mut loggers = SdkLoggerProvider::builder().with_resource(resource);
            for pipeline in &logs {
                loggers = loggers.with_log_processor(pipeline.clone());
            }
            loggers.build()
        });
        Ok(Self {
            spans,
            tracers: Some(tracers.build()),
            meters,
            last_metrics: Mutex::new(last_metrics),
            logs,
            loggers,
        })
    }
}

fn spans(
    config: &Config,
    redact: Option<&Redact>,
    runtime: &ExportRuntime,
) -> Result<Vec<SpanPipeline>, InitError> {
    let pipelines = each_once(&config.traces_exporters).into_iter();
    let pipelines = pipelines.enumerate().map(|(place, exporter)| {
        // Each of them finds the same.
        let pipeline = span_pipeline(config, redact).report_n_plus_one(place == 0);
        match exporter {
            Exporter::Otlp => pipeline.build_otlp(runtime, &config.traces_otlp),
            Exporter::OtlpStdout => Ok(pipeline.build(runtime, console::JsonExporter::stdout())),
            Exporter::Console => Ok(pipeline.build(runtime, console::SpanExporter::stdout())),
        }
    });
    pipelines
        .map(|built| built.map_err(InitError::Exporter))
        .collect()
}

fn span_pipeline(config: &Config, redact: Option<&Redact>) -> SpanPipelineBuilder {
    let batch = &config.span_batch;
    let mut pipeline = SpanPipeline::builder()
        .schedule_delay(batch.schedule_delay)
        .export_timeout(batch.export_timeout)
        .max_queue_size(batch.max_queue_size)
        .max_export_batch_size(batch.max_export_batch_size);
    if let Some(characters) = config.span_limits.attribute_value_length_limit {
        pipeline = pipeline.attribute_value_length_limit(characters);
    }
    if config.find_n_plus_one {
        pipeline = pipeline.n_plus_one(config.n_plus_one);
    }
    if let Some(redact) = redact.cloned() {
        pipeline = pipeline.redact(move |span| redact(span));
    }
    pipeline
}

fn logs(config: &Config, runtime: &ExportRuntime) -> Result<Vec<LogPipeline>, InitError> {
    let pipelines = each_once(&config.logs_exporters).into_iter();
    let pipelines = pipelines.filter_map(|exporter| match exporter {
        Exporter::Otlp => Some(log_pipeline(config).build_otlp(runtime, &config.logs_otlp)),
        Exporter::OtlpStdout => {
            let exporter = console::JsonExporter::stdout();
            Some(Ok(log_pipeline(config).build(runtime, exporter)))
        }
        // The lines are there anyway.
        Exporter::Console => None,
    });
    pipelines
        .map(|built| built.map_err(InitError::Exporter))
        .collect()
}

fn log_pipeline(config: &Config) -> LogPipelineBuilder {
    let batch = &config.log_batch;
    LogPipeline::builder()
        .schedule_delay(batch.schedule_delay)
        .export_timeout(batch.export_timeout)
        .max_queue_size(batch.max_queue_size)
        .max_export_batch_size(batch.max_export_batch_size)
}

type Meters = (Option<SdkMeterProvider>, Vec<Receiver<bool>>);

fn meters(
    config: &Config,
    resource: &Resource,
    runtime: &ExportRuntime,
) -> Result<Meters, InitError> {
    let exporters = each_once(&config.metrics_exporters);
    if exporters.is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut meters = SdkMeterProvider::builder().with_resource(resource.clone());
    let mut last = Vec::new();
    let temporality = config.metrics.temporality;
    for exporter in exporters {
        let receiver;
        (meters, receiver) = match exporter {
            Exporter::Otlp => {
                let mut target = config.metrics_otlp.clone();
                target.timeout = config.metrics.shorter_timeout(target.timeout);
                let exporter = otlp::metric_exporter(runtime, &target);
                let exporter = exporter.map_err(InitError::Exporter)?;
                read_by(meters, config, exporter.with_temporality(temporality))
            }
            Exporter::OtlpStdout => {
                let exporter = console::JsonExporter::stdout().with_temporality(temporality);
                read_by(meters, config, exporter)
            }
            Exporter::Console => read_by(meters, config, console::MetricExporter::stdout()),
        };
        last.push(receiver);
    }
    if config.metrics.histogram_aggregation == HistogramAggregation::Base2ExponentialBucket {
        meters = meters.with_view(exponential);
    }
    Ok((Some(meters.build()), last))
}

/// With an exporter, and what tells of its last metrics.
fn read_by(
    meters: MeterProviderBuilder,
    config: &Config,
    exporter: impl PushMetricExporter,
) -> (MeterProviderBuilder, Receiver<bool>) {
    let (exporter, last) = Reporting::new(exporter);
    let reader = PeriodicReader::builder(exporter)
        .with_interval(config.metrics.export_interval)
        .build();
    (meters.with_reader(reader), last)
}

/// The view of every histogram, with the specification's defaults (Metrics SDK, "Base2 Exponential Bucket Histogram
/// Aggregation").
fn exponential(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    Stream::builder().with_aggregation(aggregation).build().ok()
}
