//! The SDK as the peers' documentation sets it up: with its own batch processor, which has a thread of its own.

use std::io;

use opentelemetry::global;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanExporter,
};
use throughline_bench::{Nowhere, QUEUE, RequestOptions, sampler};

/// Installs the providers and the propagator that peers take from the globals.
pub(crate) fn install_globals(options: &RequestOptions) -> io::Result<SdkTracerProvider> {
    let builder = SdkTracerProvider::builder().with_sampler(sampler(options.input));
    let processor = match &options.export {
        Some(endpoint) => batch_processor(http_exporter(endpoint)?),
        None => batch_processor(Nowhere),
    };
    let tracers = builder.with_span_processor(processor).build();
    global::set_tracer_provider(tracers.clone());
    global::set_text_map_propagator(TraceContextPropagator::new());
    if options.metrics {
        let reader = PeriodicReader::builder(Nowhere).build();
        global::set_meter_provider(SdkMeterProvider::builder().with_reader(reader).build());
    }
    Ok(tracers)
}

/// The stock processor. Only its queue is not the default one, for no span may be dropped.
pub(crate) fn batch_processor(exporter: impl SpanExporter + 'static) -> BatchSpanProcessor {
    BatchSpanProcessor::builder(exporter)
        .with_batch_config(
            BatchConfigBuilder::default()
                .with_max_queue_size(QUEUE)
                .build(),
        )
        .build()
}

/// The stock exporter over HTTP, whose client is a blocking one.
pub(crate) fn http_exporter(endpoint: &str) -> io::Result<opentelemetry_otlp::SpanExporter> {
    opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .build()
        .map_err(io::Error::other)
}
