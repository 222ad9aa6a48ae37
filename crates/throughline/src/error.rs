//! The errors of starting and stopping; nothing else of throughline returns one.

use std::error::Error;
use std::fmt;
use std::io;

use throughline_otlp::otlp::BuildError;

use crate::telemetry::ShutdownReport;

/// Why [`init`](crate::init) set nothing up.
///
/// Each message says what to do about it. None holds credentials.
/// Its `Debug` is its message: a `main` that returns it prints that.
#[non_exhaustive]
pub enum InitError {
    /// A variable decides where data goes and has a value that cannot be followed.
    Variable {
        /// The variable.
        variable: String,
        /// Its value as it was written, but for what may be a credential: of a URL the user information and the query,
        /// of headers everything.
        value: String,
        /// What is wrong with it, or what to do.
        remedy: String,
    },
    /// An exporter cannot be built from the configuration that the code gave; variables are checked before.
    Exporter(BuildError),
    /// The export thread cannot be started.
    Thread(io::Error),
    /// A filter that the code gave is none. A wrong one of the environment is a [`ConfigWarning`](crate::ConfigWarning).
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `init()` has succeeded before in this process. A shutdown does not change that.
    AlreadyInitialized,
    /// The application installed a `tracing` subscriber of its own before.
    SubscriberInstalled,
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable {
                variable,
                value,
                remedy,
            } => write!(f, "{variable}={value:?} cannot be followed: {remedy}"),
            Self::Exporter(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "the export thread cannot be started: {error}"),
            Self::Filter { filter, reason } => write!(f, "{filter:?} is no filter: {reason}"),
            Self::AlreadyInitialized => f.write_str(
                "throughline is initialized already: call init() once, at the start of main, and keep what it returns",
            ),
            Self::SubscriberInstalled => f.write_str(
                "a tracing subscriber is installed already: call throughline's init() first, and leave out the \
                 application's own (for example tracing_subscriber::fmt::init())",
            ),
        }
    }
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Exporter(error) => Some(error),
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// Not everything that was left could be delivered in time. The application stops, or goes on after a flush, all the
/// same; this only says what was lost.
#[derive(Clone, Debug)]
pub struct ShutdownError {
    // In a box, for the sake of the results that it stands in.
    pub(crate) report: Box<ShutdownReport>,
}

impl ShutdownError {
    /// What was delivered and what was not, since the start of the process.
    #[must_use]
    pub fn report(&self) -> &ShutdownReport {
        &self.report
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telemetry was not delivered in full: {}", self.report)
    }
}

impl Error for ShutdownError {}
