use std::io;

use axum::Router;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use throughline_bench::{Observed, RequestOptions, Tracing, install_tracing};

use crate::sdk;

/// Both layers in the order of its README. Its spans are of the level TRACE, which the subscriber lets through.
pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    let tracers = sdk::install_globals(options)?;
    install_tracing(Tracing::Default, &tracers);
    let router = router
        .layer(OtelInResponseLayer)
        .layer(OtelAxumLayer::default());
    Ok(Observed::exported_by(router, tracers))
}
