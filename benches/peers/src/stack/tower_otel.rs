use std::io;

use axum::Router;
use opentelemetry::global;
use throughline_bench::{Observed, RequestOptions, Tracing, install_tracing};
use tower_otel::{metrics, trace};
use tracing::Level;

use crate::sdk;

pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    let tracers = sdk::install_globals(options)?;
    install_tracing(Tracing::Default, &tracers);
    let router = match options.metrics {
        true => router.layer(metrics::HttpLayer::server(&global::meter("tower-otel"))),
        false => router,
    };
    let router = router.layer(trace::HttpLayer::server(Level::INFO));
    Ok(Observed::exported_by(router, tracers))
}
