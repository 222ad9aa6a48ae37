//! A query before it begins, and until it ends.

use std::cell::Cell;

use opentelemetry::{Context, Key, KeyValue};
use sqlx::{Either, Error, SqlStr};
use throughline_core::Operation;
use throughline_core::db_semconv::{DatabaseCall, DatabaseSettings};

use crate::database::Instrumented;
use crate::errors;
use crate::query::Taken;
use crate::statement;
use crate::tracing::Tracing;

/// The conventions have no attribute for it.
const AFFECTED_ROWS: Key = Key::from_static_str("throughline.db.affected_rows");

/// A query that has not begun: its span is one when it is first polled, under the span that was current when it was made.
pub(crate) struct Request<'e> {
    tracing: &'e Tracing,
    parent: Context,
    sql: SqlStr,
    has_arguments: bool,
}

impl<'e> Request<'e> {
    pub(crate) fn new<DB: Instrumented>(tracing: &'e Tracing, query: &Taken<DB>) -> Self {
        Self {
            tracing,
            parent: Context::current(),
            sql: query.text(),
            has_arguments: query.has_arguments(),
        }
    }

    pub(crate) fn start(self) -> Running {
        let (sql, dialect) = (self.sql.as_str(), self.tracing.dialect);
        let counts_affected = Cell::new(false);
        let query = |settings: &DatabaseSettings| {
            let query = statement::read(sql, dialect, self.has_arguments, settings);
            counts_affected.set(settings.affected_rows && statement::changes_rows(&query));
            query
        };
        let operation = self.tracing.start(self.parent, &query);
        Running {
            operation,
            affected: counts_affected.get().then_some(0),
        }
    }

    /// Awaits `work`, which counts what comes back, as the query's operation. It is best pinned before: moved it would be
    /// copied, and have its place in each future on the way.
    pub(crate) async fn run<T>(
        self,
        work: impl Future<Output = (Result<T, Error>, Counts)>,
    ) -> Result<T, Error> {
        let mut running = self.start();
        let (result, counts) = running.operation.within(work).await;
        running.count(counts);
        running.finish(&result);
        result
    }
}

/// What came back.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) affected: u64,
}

impl Counts {
    pub(crate) fn add<DB: Instrumented>(&mut self, item: &Either<DB::QueryResult, DB::Row>) {
        match item {
            Either::Left(done) => self.affected += DB::affected(done),
            Either::Right(_) => self.rows += 1,
        }
    }
}

/// A query that has begun.
pub(crate) struct Running {
    pub(crate) operation: Operation<DatabaseCall>,
    /// Where they are recorded.
    affected: Option<u64>,
}

impl Running {
    pub(crate) fn count(&mut self, counts: Counts) {
        if let Some(call) = self.operation.details_mut() {
            call.returned(counts.rows);
        }
        self.affected = self.affected.map(|known| known + counts.affected);
    }

    pub(crate) fn finish<T>(&mut self, result: &Result<T, Error>) {
        if let Some(affected) = self.affected.and_then(|rows| i64::try_from(rows).ok()) {
            let affected = KeyValue::new(AFFECTED_ROWS, affected);
            self.operation.record(|span| span.set_attribute(affected));
        }
        errors::finish(&mut self.operation, result);
    }
}
