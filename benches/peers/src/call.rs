//! A call of reqwest's client, by the peers.

use std::io;
use std::time::Duration;

use clap::ValueEnum;
use opentelemetry_0_32::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_0_32::{Context, ContextGuard, global};
use opentelemetry_sdk_0_32::error::OTelSdkResult;
use opentelemetry_sdk_0_32::propagation::TraceContextPropagator;
use opentelemetry_sdk_0_32::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;
use throughline_bench::{CallOptions, Client, Input, Path, QUEUE, calls};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

/// What stands around the client.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Call {
    /// reqwest-tracing, whose newest OpenTelemetry is 0.32.
    ReqwestTracing,
}

impl Call {
    pub(crate) fn path(self, options: &CallOptions) -> io::Result<Box<dyn Path>> {
        let Self::ReqwestTracing = self;
        if options.metrics {
            let message = "reqwest-tracing has no metrics";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        let provider = install(options.input);
        let client = ClientBuilder::new(reqwest::Client::new())
            .with(TracingMiddleware::default())
            .build();
        calls(
            Client::Layered(client),
            options,
            Box::new(move || provider.force_flush().map_err(io::Error::other)),
            under_a_parent(options.input),
        )
    }
}

/// Installs what the requests of the path in `sdk` have too, in the version of reqwest-tracing.
fn install(input: Input) -> SdkTracerProvider {
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
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_span_processor(processor)
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let layer = tracing_opentelemetry_0_33::layer().with_tracer(provider.tracer("tracing"));
    tracing::subscriber::set_global_default(Registry::default().with(layer))
        .expect("a program installs one subscriber");
    provider
}

/// `throughline_bench::under_a_parent` for 0.32. tracing-opentelemetry takes the parent of a span that has none in
/// `tracing` from the attached context.
fn under_a_parent(input: Input) -> ContextGuard {
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
