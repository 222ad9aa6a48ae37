//! The metrics of database clients: <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/>.

use opentelemetry::metrics::{Histogram, Meter};

use super::pool::PoolMetrics;
use crate::providers::Instruments;

/// The boundaries that the conventions advise, in seconds.
const BOUNDARIES: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// `db.client.operation.duration`, in seconds, and those of [pools](super::WatchedPool).
#[derive(Debug)]
pub struct DatabaseMetrics {
    pub(super) duration: Histogram<f64>,
    pub(super) pools: PoolMetrics,
}

impl Instruments for DatabaseMetrics {
    /// Records the plain way: the summaries of queries have no bound, and a query costs many times what recording it does.
    fn new(meter: &Meter, _binds: bool) -> Self {
        Self {
            duration: meter
                .f64_histogram("db.client.operation.duration")
                .with_unit("s")
                .with_description("Duration of database client operations.")
                .with_boundaries(BOUNDARIES.to_vec())
                .build(),
            pools: PoolMetrics::new(meter),
        }
    }
}
