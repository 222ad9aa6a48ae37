//! The reading of an SQL statement.

use std::hint::black_box;

use clap::{Args, ValueEnum};
use throughline_core::db_semconv::sql::{Dialect, Statement, StatementCache};

use crate::drive::Path;

/// The reading of a statement.
#[derive(Clone, Debug, Args)]
pub struct SqlOptions {
    /// What reads it.
    by: Sql,
    /// The statement.
    statement: SqlStatement,
}

/// What reads a statement.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Sql {
    /// Nothing.
    Bare,
    /// `Statement::read`: text and summary.
    Throughline,
    /// `StatementCache::get`, of a statement that was there before.
    ThroughlineCached,
}

/// A statement.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum SqlStatement {
    /// One row by its key, 40 bytes.
    Row,
    /// Two joins, 240 bytes.
    Join,
    /// A list of literals, 1 KiB.
    List,
    /// The joins again and again, 1 KiB.
    Kib1,
    /// The joins again and again, 32 KiB.
    Kib32,
}

const ROW: &str = "SELECT id, name FROM users WHERE id = 42";

const JOIN: &str = "SELECT o.id, o.total, c.name, p.title FROM orders o JOIN customers c ON c.id = o.customer_id \
                    LEFT JOIN products p ON p.id = o.product_id WHERE c.country = 'DE' AND o.total > 100.50 AND \
                    o.state = 'paid' ORDER BY o.created_at DESC LIMIT 20";

impl SqlStatement {
    /// Its text.
    #[must_use]
    pub fn text(self) -> String {
        let joins = |bytes| format!("{JOIN};\n").chars().cycle().take(bytes).collect();
        match self {
            Self::Row => ROW.to_owned(),
            Self::Join => JOIN.to_owned(),
            Self::List => {
                let values: Vec<_> = (100_000..100_120).map(|id| id.to_string()).collect();
                format!(
                    "SELECT id, name FROM users WHERE id IN ({})",
                    values.join(", ")
                )
            }
            Self::Kib1 => joins(1024),
            Self::Kib32 => joins(32 * 1024),
        }
    }
}

impl SqlOptions {
    pub(crate) fn path(&self) -> Box<dyn Path> {
        let sql = self.statement.text();
        match self.by {
            Sql::Bare => reads(move || {
                black_box(&*sql);
            }),
            Sql::Throughline => reads(move || {
                drop(black_box(Statement::read(
                    black_box(&sql),
                    Dialect::PostgreSql,
                )));
            }),
            Sql::ThroughlineCached => {
                let cache = StatementCache::new();
                reads(move || drop(black_box(cache.get(black_box(&sql), Dialect::PostgreSql))))
            }
        }
    }
}

/// Reads again and again.
pub fn reads(read: impl FnMut() + 'static) -> Box<dyn Path> {
    Box::new(Reads(read))
}

struct Reads<F>(F);

impl<F: FnMut()> Path for Reads<F> {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.0)();
        }
    }
}
