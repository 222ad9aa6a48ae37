//! What an application sets for its instrumentations of databases.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// What an application sets for its instrumentations of databases: all of them by
/// [`Installation::database`](crate::Installation), one of them by its setters.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// What `db.query.text` shows. Default: [`QueryText::Parameterized`].
    pub query_text: QueryText,
    /// Whether the names of the conventions 1.24 (`db.statement`, …) are recorded beside the stable ones: `database/dup`.
    /// Default: false.
    pub old_names: bool,
    /// Whether `db.response.returned_rows` is recorded, and the metric `db.client.response.returned_rows`. Default: false.
    pub returned_rows: bool,
    /// Whether a client of SQL records how many rows were affected. Default: false.
    pub affected_rows: bool,
    /// Whether a client of SQL has spans for what begins and ends a transaction. Default: false.
    pub transaction_spans: bool,
    /// Whether a pool has spans for the wait for a connection. Default: false.
    pub acquire_spans: bool,
    /// Whether an operation has a span only below another one. Without, it is measured alone: for pings and polls that would
    /// each be a trace of their own. Default: false.
    pub only_under_parent: bool,
    /// The time from which an operation is slow: its span has the event `throughline.db.slow`. Default: none is.
    pub slow_threshold: Option<Duration>,
}

/// What `db.query.text` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryText {
    /// "Parameterized query text SHOULD NOT be sanitized": a text whose values come apart from it as it was written, but for
    /// its passwords; any other without its literals (conventions, "Sanitization of `db.query.text`").
    #[default]
    Parameterized,
    /// Every text without its literals.
    Sanitized,
    /// Nothing: there is no `db.query.text`.
    Off,
    /// Every text as it was written, with literals and passwords. For tests.
    RawWithSecrets,
}

impl DatabaseSettings {
    /// The default, made once in a process.
    pub(crate) fn shared_default() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<DatabaseSettings>> = LazyLock::new(Arc::default);
        Arc::clone(&DEFAULT)
    }
}
