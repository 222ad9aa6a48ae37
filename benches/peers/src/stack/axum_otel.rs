use std::io;

use axum::Router;
use axum_otel::{AxumOtelOnFailure, AxumOtelOnResponse, AxumOtelSpanCreator};
use opentelemetry::trace::TracerProvider;
use throughline_bench::{Observed, RequestOptions};
use tower_http::trace::TraceLayer;
use tracing::Level;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::sdk;

/// The layer of its quick start.
pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    let tracers = sdk::install_globals(options)?;
    // The level is that of its logger. It leaves out the DEBUG events that tower-http adds to each span, and costs
    // nothing, for it is decided once for each callsite.
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracers.tracer("tracing")))
        .with(LevelFilter::INFO);
    tracing::subscriber::set_global_default(subscriber).expect("a program installs one subscriber");
    let layer = TraceLayer::new_for_http()
        .make_span_with(AxumOtelSpanCreator::new().level(Level::INFO))
        .on_response(AxumOtelOnResponse::new().level(Level::INFO))
        .on_failure(AxumOtelOnFailure::new());
    Ok(Observed::exported_by(router.layer(layer), tracers))
}
