use std::error::Error;
use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;

/// Why a flush or a shutdown of a [`SpanPipeline`](crate::SpanPipeline) was not a full success.
///
/// The counts of the pipeline add up all the same: see [`SpanPipeline::counts`](crate::SpanPipeline::counts).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first. After a flush the pipeline goes on with what is left; after a shutdown that is
    /// dropped.
    DeadlinePassed {
        /// The time that was given.
        after: Duration,
        /// Spans that were not exported by then.
        unsent: u64,
    },
    /// Everything was handled in time, but some spans could not be exported.
    SpansLost {
        /// Spans that were dropped meanwhile.
        count: u64,
        /// The last reason, without credentials.
        reason: String,
    },
    /// No span was lost, but the exporter reported an error for its own flush or shutdown.
    Exporter {
        /// The exporter's reason, without credentials.
        reason: String,
    },
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = |count: u64| if count == 1 { "span" } else { "spans" };
        match self {
            Self::DeadlinePassed { after, unsent } => {
                let spans = spans(*unsent);
                write!(f, "{unsent} {spans} not exported within {after:?}")
            }
            Self::SpansLost { count, reason } => {
                write!(f, "{count} {} dropped: {reason}", spans(*count))
            }
            Self::Exporter { reason } => write!(f, "the span exporter failed: {reason}"),
        }
    }
}

impl Error for FlushError {}

impl From<FlushError> for OTelSdkError {
    fn from(error: FlushError) -> Self {
        match error {
            FlushError::DeadlinePassed { after, .. } => Self::Timeout(after),
            other => Self::InternalFailure(other.to_string()),
        }
    }
}
