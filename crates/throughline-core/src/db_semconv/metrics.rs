//! The metrics of database clients: <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/>.

use opentelemetry::metrics::{Histogram, Meter};

use super::pool::PoolMetrics;
use crate::providers::Instruments;

/// The boundaries that the conventions advise, in seconds.
const BOUNDARIES: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The same, in rows.
const ROW_BOUNDARIES: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0,
];

/// `db.client.operation.duration`, in seconds, `db.client.response.returned_rows`, and those of [pools](super::WatchedPool).
#[derive(Debug)]
pub struct DatabaseMetrics {
    pub(super) duration: Histogram<f64>,
    pub(super) returned_rows: Histogram<u64>,
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
            returned_rows: meter
                .u64_histogram("db.client.response.returned_rows")
                .with_unit("{row}")
                .with_description(
                    "The actual number of records returned by the database operation.",
                )
                .with_boundaries(ROW_BOUNDARIES.to_vec())
                .build(),
            pools: PoolMetrics::new(meter),
        }
    }
}
