//! The SDK of OpenTelemetry 0.32, the newest that some peers know.

use std::time::Duration;

use opentelemetry_0_32::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_0_32::{Context, ContextGuard};
use opentelemetry_sdk_0_32::error::OTelSdkResult;
use opentelemetry_sdk_0_32::metrics::data::ResourceMetrics;
use opentelemetry_sdk_0_32::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk_0_32::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk_0_32::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use throughline_bench::{Input, QUEUE};

/// What the requests of the path in `sdk` have too.
pub(crate) fn tracers(input: Input) -> SdkTracerProvider {
    let processor = BatchSpanProcessor::builder(Nowhere)
        .with_batch_config(
            BatchConfigBuilder::default()
                .with_max_queue_size(QUEUE)
                .build(),
        )
        .build();
    let root = match input {
        Input::AlwaysOff => Sampler::AlwaysOff,
        Input::Sampled | Input::Unsampled | Input::AlwaysOn => Sampler::AlwaysOn,
    };
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_span_processor(processor)
        .build()
}

/// Metrics, which are collected once a minute.
pub(crate) fn meters() -> SdkMeterProvider {
    let reader = PeriodicReader::builder(Nowhere).build();
    SdkMeterProvider::builder().with_reader(reader).build()
}

/// `throughline_bench::under_a_parent` for 0.32. tracing-opentelemetry takes the parent of a span that has none in
/// `tracing` from the attached context.
pub(crate) fn under_a_parent(input: Input) -> ContextGuard {
    let flags = match input {
        Input::Sampled | Input::AlwaysOn => TraceFlags::SAMPLED,
        Input::Unsampled | Input::AlwaysOff => TraceFlags::default(),
    };
    let parent = SpanContext::new(
        TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
        SpanId::from(0xb7ad_6b71_6920_3331),
        flags,
        true,
        TraceState::default(),
    );
    Context::new().with_remote_span_context(parent).attach()
}

/// `throughline_bench::Nowhere` for 0.32.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
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
