//! N+1 queries: the same query for each row of another one, where one query could have asked for all rows.

mod detector;
mod query;
mod table;

use std::time::Duration;

pub(crate) use self::detector::Detector;

/// The name of the event on the span under which such queries ran. The conventions have none.
pub(crate) const EVENT: &str = "throughline.n_plus_one";

/// When queries count as N+1. See [`SpanPipelineBuilder::n_plus_one`](crate::SpanPipelineBuilder::n_plus_one).
///
/// ```
/// use std::time::Duration;
/// use throughline_otlp::NPlusOne;
///
/// let mut every = NPlusOne::default();
/// every.min_time = Duration::ZERO;
/// assert_eq!(every.min_queries, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NPlusOne {
    /// So many of a kind, one after the other, are reported. Default 5. Less than 2 is taken as 2.
    pub min_queries: usize,
    /// If they took at least so long together. Default 50 ms.
    pub min_time: Duration,
}

impl Default for NPlusOne {
    fn default() -> Self {
        Self {
            min_queries: 5,
            min_time: Duration::from_millis(50),
        }
    }
}
