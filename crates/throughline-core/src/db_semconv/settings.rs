//! What one client of a database does otherwise than the others.

/// What is set for one pool or connection, by its setters.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// Whether `db.response.returned_rows` is recorded. Default: false.
    pub returned_rows: bool,
    /// Whether an operation has a span only below another one. Without, it is measured alone: for pings and polls that would
    /// each be a trace of their own. Default: false.
    pub only_under_parent: bool,
}
