use std::error::Error;
use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkError;

use crate::Signal;

/// Why a flush or a shutdown of a [`SpanPipeline`](crate::SpanPipeline) or a [`LogPipeline`](crate::LogPipeline) was not
/// a full success.
///
/// The counts of the pipeline add up all the same: see [`SpanPipeline::counts`](crate::SpanPipeline::counts).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first. After a flush the pipeline goes on with what is left; after a shutdown that is
    /// dropped.
    DeadlinePassed {
        /// What the pipeline carries.
        signal: Signal,
        /// The time that was given.
        after: Duration,
        /// How many spans or log records were not exported by then.
        unsent: u64,
    },
    /// Everything was handled in time, but something could not be exported.
    Lost {
        /// What the pipeline carries.
        signal: Signal,
        /// How many spans or log records were dropped meanwhile.
        count: u64,
        /// The last reason, without credentials.
        reason: String,
    },
    /// Nothing was lost, but the exporter reported an error for its own flush or shutdown.
    Exporter {
        /// What the pipeline carries.
        signal: Signal,
        /// The exporter's reason, without credentials.
        reason: String,
    },
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadlinePassed {
                signal,
                after,
                unsent,
            } => write!(
                f,
                "{} not exported within {after:?}",
                signal.counted(*unsent)
            ),
            Self::Lost {
                signal,
                count,
                reason,
            } => write!(f, "{} dropped: {reason}", signal.counted(*count)),
            Self::Exporter { signal, reason } => {
                write!(f, "the {} exporter failed: {reason}", signal.item())
            }
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
