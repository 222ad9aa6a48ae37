//! The SDK, with an exporter that takes everything and does nothing.

use std::io;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{
    ParentBasedSampler, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use throughline_core::{Installation, MeterSource, Prediction, SamplerHint, TracerSource};
use throughline_otlp::otlp::{OtlpConfig, Protocol};
use throughline_otlp::{ExportRuntime, SpanPipeline};

use crate::request::Input;

/// The spans that a queue holds, ours or a peer's: no span is dropped, which would be cheaper than to export it.
pub const QUEUE: usize = 1 << 16;

/// An exporter that takes everything and does nothing. Metrics are collected once a minute, which no run lasts.
#[derive(Debug)]
pub struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

impl PushMetricExporter for Nowhere {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The sampler of an input.
#[must_use]
pub fn sampler(input: Input) -> ParentBasedSampler {
    Sampler::parent_based(match input {
        Input::AlwaysOff => Sampler::AlwaysOff,
        Input::Sampled | Input::Unsampled | Input::AlwaysOn => Sampler::AlwaysOn,
    })
}

/// A collector at an endpoint, which is written the same for each protocol.
#[must_use]
pub fn collector(endpoint: &str, protocol: Protocol) -> OtlpConfig {
    let mut config = OtlpConfig::new(endpoint);
    if protocol == Protocol::HttpProtobuf {
        config.endpoint += "/v1/traces";
    }
    config.protocol = protocol;
    config
}

/// Our pipeline, to a collector or to an exporter that does nothing.
fn pipeline(collector: Option<&OtlpConfig>) -> io::Result<SpanPipeline> {
    let runtime = ExportRuntime::start()?;
    let builder = SpanPipeline::builder().max_queue_size(QUEUE);
    match collector {
        None => Ok(builder.build(&runtime, Nowhere)),
        Some(config) => builder
            .build_otlp(&runtime, config)
            .map_err(io::Error::other),
    }
}

pub(crate) fn tracers(
    input: Input,
    collector: Option<&OtlpConfig>,
) -> io::Result<SdkTracerProvider> {
    Ok(SdkTracerProvider::builder()
        .with_sampler(sampler(input))
        .with_span_processor(pipeline(collector)?)
        .build())
}

/// What `throughline::init()` installs.
pub(crate) fn installation(
    tracers: &SdkTracerProvider,
    input: Input,
    metrics: bool,
) -> Installation {
    let mut installation = Installation::default();
    let hint = SamplerHint::parent_based(match input {
        Input::AlwaysOff => Prediction::Drop,
        Input::Sampled | Input::Unsampled | Input::AlwaysOn => Prediction::Record,
    });
    installation.tracers = Some(TracerSource::new(tracers.clone()).with_sampler_hint(hint));
    if metrics {
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(Nowhere).build())
            .build();
        installation.meters = Some(MeterSource::new(meters).with_bound_instruments());
    }
    installation
}
