use std::io;

use axum::Router;
use throughline_bench::{Observed, RequestOptions, Tracing, install_tracing};
use tower_http::trace::TraceLayer;

use crate::sdk;

/// The layer as it comes: its spans and their events are of the level DEBUG, which the subscriber lets through. It does
/// not read `traceparent`, so that every span is a root and its sampling never the caller's.
pub(super) fn observe(router: Router, options: &RequestOptions) -> io::Result<Observed> {
    let tracers = sdk::install_globals(options)?;
    install_tracing(Tracing::Default, &tracers);
    let router = router.layer(TraceLayer::new_for_http());
    Ok(Observed::exported_by(router, tracers))
}
