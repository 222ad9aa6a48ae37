//! A call of reqwest's client, by the peers.

use std::io;

use clap::ValueEnum;
use opentelemetry_0_32::global;
use opentelemetry_0_32::trace::TracerProvider;
use opentelemetry_sdk_0_32::propagation::TraceContextPropagator;
use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;
use throughline_bench::{CallOptions, Client, Path, calls};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::sdk_0_32::{tracers, under_a_parent};

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
        let provider = tracers(options.input);
        global::set_text_map_propagator(TraceContextPropagator::new());
        let layer = tracing_opentelemetry_0_33::layer().with_tracer(provider.tracer("tracing"));
        tracing::subscriber::set_global_default(Registry::default().with(layer))
            .expect("a program installs one subscriber");
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
