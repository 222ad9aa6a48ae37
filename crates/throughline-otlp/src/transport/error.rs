use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

#[cfg(feature = "grpc")]
use super::grpc_status::Code;

/// Why no success was answered. Nothing in it comes from the headers or the query of the configuration; what a server
/// said is on one line, bounded, and without the values that were sent to it.
#[derive(Clone, Debug)]
pub(crate) enum SendError {
    /// The deadline passed; the call is cancelled.
    TimedOut(Duration),
    /// The server answered with a status other than 2xx. The message is the server's, or empty.
    Status { status: StatusCode, message: String },
    /// The server answered with a gRPC status other than `OK`. The message is the server's, or empty.
    #[cfg(feature = "grpc")]
    Grpc { code: Code, message: String },
    /// There is no connection: a whole sentence that says which side refused.
    #[cfg(feature = "tls")]
    Tls(String),
    /// There is no connection.
    NoConnection(String),
    /// The connection ended before the answer did.
    Broken(String),
    /// The server accepted, or answered something else, and its answer cannot be read: too large, or cut off.
    Unreadable(String),
    /// The export thread has ended.
    Ended,
}

impl SendError {
    /// Whether nothing of the request has left the process.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
            Self::NoConnection(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(limit) => write!(f, "no response within {limit:?}"),
            Self::Status { status, message } => {
                write!(f, "the answer was {status}{}", Said(message))?;
                match *status {
                    StatusCode::NOT_FOUND => f.write_str(
                        "; is the path of the endpoint right (often /v1/traces, /v1/metrics, /v1/logs)?",
                    ),
                    _ => Ok(()),
                }
            }
            #[cfg(feature = "grpc")]
            Self::Grpc { code, message } => write!(f, "the answer was {code}{}", Said(message)),
            #[cfg(feature = "tls")]
            Self::Tls(reason) => f.write_str(reason),
            Self::NoConnection(reason) => write!(f, "no connection: {reason}"),
            Self::Broken(reason) => write!(f, "the connection broke: {reason}"),
            Self::Unreadable(reason) => write!(f, "the response could not be read: {reason}"),
            Self::Ended => f.write_str("the export thread has ended"),
        }
    }
}

impl Error for SendError {}

/// The server's own words, after a colon if there are any.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => Ok(()),
            said => write!(f, ": {said}"),
        }
    }
}

/// One attempt that was no success.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: SendError,
    /// The least time until the next attempt; `None` when there must not be one.
    pub(super) retry: Option<Duration>,
}

impl Failed {
    pub(super) fn finally(error: SendError) -> Self {
        Self { error, retry: None }
    }

    pub(super) fn retryable(error: SendError) -> Self {
        Self::retryable_after(error, Duration::ZERO)
    }

    pub(super) fn retryable_after(error: SendError, wait: Duration) -> Self {
        Self {
            error,
            retry: Some(wait),
        }
    }
}

/// The innermost error, which is the one that a reader knows: "Connection refused".
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
