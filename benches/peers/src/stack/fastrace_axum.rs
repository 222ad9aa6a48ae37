use std::borrow::Cow;
use std::io;

use axum::Router;
use fastrace::collector::{Config, SpanContext};
use fastrace_axum::{FastraceLayer, TRACEPARENT_HEADER};
use fastrace_opentelemetry::OpenTelemetryReporter;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter;
use throughline_bench::{Input, Nowhere, Observed, RequestOptions};

use crate::sdk;

/// The layer of its README, with the reporter of the other README. There is no sampler: what is not sampled without a
/// parent is what the extractor returns no context for, as the README shows.
pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    match &options.export {
        Some(endpoint) => set_reporter(sdk::http_exporter(endpoint)?),
        None => set_reporter(Nowhere),
    }
    let layer = match options.input {
        Input::AlwaysOff => FastraceLayer::default().with_span_context_extractor(|request| {
            let traceparent = request.headers().get(TRACEPARENT_HEADER)?;
            SpanContext::decode_w3c_traceparent(traceparent.to_str().ok()?)
        }),
        Input::Sampled | Input::Unsampled | Input::AlwaysOn => FastraceLayer::default(),
    };
    Ok(Observed {
        router: router.layer(layer),
        flush: Box::new(|| {
            fastrace::flush();
            Ok(())
        }),
    })
}

/// The reporter for OpenTelemetry also where nothing is exported: the exporter gets `SpanData`, as it does from the
/// processors of the others. A reporter that does nothing would leave that work out.
fn set_reporter(exporter: impl SpanExporter + 'static) {
    let reporter = OpenTelemetryReporter::new(
        exporter,
        Cow::Owned(Resource::builder().build()),
        InstrumentationScope::builder("bench").build(),
    );
    fastrace::set_reporter(reporter, Config::default());
}
