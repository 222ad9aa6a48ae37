use std::io;

use axum::Router;
use opentelemetry_instrumentation_tower::http;
use throughline_bench::{Observed, RequestOptions, Tracing, install_tracing};

use crate::sdk;

/// The layer of its quick start, which takes its tracer and its meter from the globals when it is built. Without a
/// meter provider its metrics go nowhere.
pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    let tracers = sdk::install_globals(options)?;
    if options.work {
        install_tracing(Tracing::Default, &tracers);
    }
    let router = router.layer(http::server::Layer::new());
    Ok(Observed::exported_by(router, tracers))
}
