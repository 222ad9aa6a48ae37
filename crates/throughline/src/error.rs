//! The errors of starting and stopping; nothing else of throughline returns one.

use std::error::Error;
use std::fmt;
use std::io;

use throughline_otlp::otlp::BuildError;

use crate::telemetry::ShutdownReport;

/// Why [`init`](crate::init) set nothing up.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {
    /// A variable decides where data goes and has a value that cannot be followed.
    Variable {
        /// The variable.
        variable: String,
        /// Its value, without credentials.
        value: String,
        /// What to do.
        remedy: String,
    },
    /// An exporter cannot be built from the configuration that the code gave.
    Exporter(BuildError),
    /// The export thread cannot be started.
    Thread(io::Error),
    /// A filter that the code gave is none.
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `init()` was called before in this process.
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

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Exporter(error) => Some(error),
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// Not everything was delivered in time. The application stops all the same; this only says what was lost.
#[derive(Clone, Debug)]
pub struct ShutdownError {
    pub(crate) report: ShutdownReport,
}

impl ShutdownError {
    /// What was delivered and what was not.
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
