//! One request through an axum router, again and again.
//!
//! `instructions` does it to be run under callgrind, `allocations` counts; `cargo xtask bench` runs both and prints the
//! table. They are two programs since the counting allocator costs instructions itself.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Request;
use axum::routing::get;
use clap::{Parser, ValueEnum};
use http_body_util::BodyExt;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use throughline_core::{Installation, MeterSource, Prediction, SamplerHint, TracerSource, install};
use throughline_otlp::{ExportRuntime, SpanPipeline};
use throughline_tower::ServerLayer;
use tower::ServiceExt;
use tower::layer::util::Identity;

/// Serves a request many times, in process and on one thread.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// What stands around the router.
    layer: Stack,
    /// The `traceparent` of the request.
    parent: Parent,
    /// Whether metrics are on.
    #[arg(long)]
    metrics: bool,
    /// How many requests to serve.
    #[arg(long, default_value_t = 1000)]
    pub requests: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Stack {
    /// The router alone.
    Bare,
    /// A layer that does nothing.
    Noop,
    /// Our layer, with the SDK, the span pipeline and an exporter that does nothing.
    Throughline,
    /// Our layer, switched off (`OTEL_SDK_DISABLED`).
    Disabled,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Parent {
    /// Sampled.
    Sampled,
    /// Not sampled.
    Unsampled,
    /// None.
    Absent,
}

impl Parent {
    fn header(self) -> Option<&'static str> {
        match self {
            Self::Sampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            Self::Unsampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
            Self::Absent => None,
        }
    }
}

/// An exporter that takes everything and does nothing. Metrics are collected once a minute, which no run lasts.
#[derive(Debug)]
struct Nowhere;

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

fn request(parent: Parent) -> Request<Body> {
    let mut request = Request::get("/users/42")
        .header("host", "shop.example:8080")
        .header("user-agent", "bench/1.0")
        .header("accept", "*/*");
    if let Some(parent) = parent.header() {
        request = request.header("traceparent", parent);
    }
    // The parts above are valid by their looks.
    request.body(Body::empty()).unwrap_or_default()
}

fn router(arguments: &Arguments) -> io::Result<Router> {
    let router = Router::new().route(
        "/users/{id}",
        get(|Path(id): Path<u64>| async move { id.to_string() }),
    );
    if arguments.layer == Stack::Bare {
        return Ok(router);
    }
    if arguments.layer == Stack::Noop {
        return Ok(router.layer(Identity::new()));
    }
    let mut installation = Installation::default();
    if arguments.layer == Stack::Throughline {
        let pipeline = SpanPipeline::builder()
            // No span is dropped, which would be cheaper than to export it.
            .max_queue_size(1 << 16)
            .build(&ExportRuntime::start()?, Nowhere);
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::parent_based(Sampler::AlwaysOn))
            .with_span_processor(pipeline)
            .build();
        let hint = SamplerHint::parent_based(Prediction::Record);
        installation.tracers = Some(TracerSource::new(provider).with_sampler_hint(hint));
    }
    if arguments.metrics {
        let provider = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(Nowhere).build())
            .build();
        installation.meters = Some(MeterSource::new(provider).with_bound_instruments());
    }
    install(installation);
    Ok(router.layer(ServerLayer::new()))
}

async fn serve(router: &Router, parent: Parent) {
    let Ok(response) = router.clone().oneshot(request(parent)).await;
    black_box(response.into_body().collect().await.ok());
}

/// Warms the caches up (the interned route, the bound instruments), then hands `measured` the run of all requests.
///
/// # Errors
///
/// When no runtime can be built.
pub fn run(arguments: &Arguments, measured: impl FnOnce(&dyn Fn())) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let router = router(arguments)?;
    let serve = |requests| {
        for _ in 0..requests {
            runtime.block_on(serve(&router, arguments.parent));
        }
    };
    serve(10);
    measured(&|| serve(arguments.requests));
    Ok(())
}
