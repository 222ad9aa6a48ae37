//! A statement that was read.

use std::borrow::Cow;
use std::fmt;

use super::lexer;

/// The SQL of a kind of databases: what quotes, backslashes, dollars and comments mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL and what speaks like it, with `standard_conforming_strings` on, as it is by default since 9.1.
    PostgreSql,
    /// MySQL and MariaDB, with neither `ANSI_QUOTES` nor `NO_BACKSLASH_ESCAPES`.
    MySql,
    /// SQLite.
    Sqlite,
    /// Any other: what may be a literal is taken for one.
    Other,
}

/// How many bytes of a statement are looked at.
pub(super) const MAX_BYTES: usize = 32 * 1024;

/// Stands where a statement was cut.
const MARK: &str = "…";

/// An SQL statement, or several: its text without what must not be recorded, and its summary.
///
/// ```
/// use throughline_core::db_semconv::sql::{Dialect, Statement};
///
/// let sql = "SELECT * FROM orders o JOIN customers c ON c.id = o.customer WHERE c.name = 'Ada'";
/// let statement = Statement::read(sql, Dialect::PostgreSql);
/// assert_eq!(statement.summary(), Some("SELECT orders customers"));
/// assert_eq!(
///     statement.sanitized(),
///     "SELECT * FROM orders o JOIN customers c ON c.id = o.customer WHERE c.name = ?",
/// );
/// ```
#[derive(Clone)]
pub struct Statement<'a> {
    sanitized: Cow<'a, str>,
    as_written: Cow<'a, str>,
    summary: Option<String>,
}

impl<'a> Statement<'a> {
    /// Reads `sql` in one pass. Only its first 32 KiB are looked at; texts end with `…` where there was more.
    ///
    /// It costs the summary's allocation, and one for each text that differs from `sql`.
    #[must_use]
    pub fn read(sql: &'a str, dialect: Dialect) -> Self {
        let mut end = sql.len().min(MAX_BYTES);
        while !sql.is_char_boundary(end) {
            end -= 1;
        }
        let mark = (end < sql.len()).then_some(MARK);
        let sql = &sql[..end];
        let (sanitized, as_written, summary) = lexer::read(sql, mark.is_some(), dialect);
        Self {
            sanitized: sanitized.finish(sql, mark),
            as_written: as_written.finish(sql, mark),
            summary,
        }
    }

    /// The text with each literal replaced by `?` and without comments, for a statement without bound arguments
    /// (conventions, "Sanitization of `db.query.text`"). Borrowed where there are none.
    #[must_use]
    pub fn sanitized(&self) -> &str {
        &self.sanitized
    }

    /// The text as it was written, for a statement with bound arguments. Passwords of accounts and connection strings
    /// are replaced by `?` even there. Borrowed where there are none.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.as_written
    }

    /// `db.query.summary` (conventions, "Generating a summary of the query"), 255 characters at most. None where no
    /// command is known.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }
}

/// Without what the sanitized text is without.
impl fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("sanitized", &self.sanitized)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}
