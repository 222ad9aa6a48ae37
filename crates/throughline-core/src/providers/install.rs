//! What an application installs for all its instrumentations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::source::{MeterSource, TracerSource};
use crate::db_semconv::DatabaseSettings;
use crate::http_semconv::HttpSettings;
use crate::propagation::Propagators;

/// What an application installs for all its instrumentations, in place of the OpenTelemetry globals.
///
/// Default: neither spans nor metrics.
///
/// ```
/// use throughline_core::{Installation, TracerSource, install};
///
/// let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// let mut installation = Installation::default();
/// installation.tracers = Some(TracerSource::new(provider));
/// install(installation);
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Installation {
    /// Where tracers come from. `None`: no spans; the remote parent stays current, so propagation goes on.
    pub tracers: Option<TracerSource>,
    /// Where meters come from. `None`: no metrics.
    pub meters: Option<MeterSource>,
    /// The propagators of incoming and outgoing requests. Default: W3C Trace Context and W3C Baggage.
    pub propagators: Propagators,
    /// What HTTP instrumentations record, where they have no settings of their own.
    pub http: Arc<HttpSettings>,
    /// What instrumentations of databases record, where they have no settings of their own.
    pub database: Arc<DatabaseSettings>,
}

/// Bumped by each installation, so that what was looked up before is looked up again.
static GENERATION: AtomicU64 = AtomicU64::new(0);
static INSTALLED: RwLock<Option<Arc<Installation>>> = RwLock::new(None);

/// Makes `installation` the source of every instrumentation that was not given providers of its own, those that exist
/// already included.
///
/// Before the first call instrumentations use the OpenTelemetry globals; after it never again. A later call replaces
/// what an earlier one installed. Operations in flight end where they started.
pub fn install(installation: Installation) {
    let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    *installed = Some(Arc::new(installation));
    GENERATION.fetch_add(1, Ordering::Release);
}

/// The generation of what is installed: it moves with each [`install`].
pub(super) fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

pub(super) fn installed() -> Option<Arc<Installation>> {
    INSTALLED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}
