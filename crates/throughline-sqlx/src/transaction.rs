//! Transactions and savepoints.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::{Acquire, Database, Error, Transaction};
use throughline_core::db_semconv::PoolUse;

use crate::TracedConnection;
use crate::connection::Link;
use crate::database::Instrumented;
use crate::tracing::Tracing;

/// A [`Transaction`], or a savepoint, whose queries have a span and a measurement each. Dropped before
/// [`commit`](Self::commit) it is rolled back.
///
/// Queries are sent through `&mut *tx` or `&mut tx`.
pub struct TracedTransaction<'c, DB: Database> {
    pub(crate) connection: TracedConnection<'c, DB>,
    is_savepoint: bool,
}

impl<'c, DB: Instrumented> TracedTransaction<'c, DB> {
    pub(crate) fn new(
        begun: Transaction<'c, DB>,
        is_savepoint: bool,
        in_use: Option<PoolUse>,
        tracing: &Arc<Tracing>,
    ) -> Self {
        let connection = TracedConnection {
            link: Link::Transaction(begun),
            tracing: Arc::clone(tracing),
            in_use,
        };
        Self {
            connection,
            is_savepoint,
        }
    }

    /// Begins a savepoint, as [`Connection::begin`](sqlx::Connection::begin).
    ///
    /// # Errors
    ///
    /// Those of [`Connection::begin`](sqlx::Connection::begin).
    // Here, too, since a method of `Acquire` would be found before one behind `Deref`.
    pub async fn begin(&mut self) -> Result<TracedTransaction<'_, DB>, Error> {
        self.connection.begin().await
    }

    /// Commits the transaction, or releases the savepoint, as [`Transaction::commit`].
    ///
    /// # Errors
    ///
    /// Those of [`Transaction::commit`].
    pub async fn commit(self) -> Result<(), Error> {
        self.end("COMMIT", "RELEASE SAVEPOINT", Transaction::commit)
            .await
    }

    /// Rolls the transaction back, or what came since the savepoint, as [`Transaction::rollback`].
    ///
    /// # Errors
    ///
    /// Those of [`Transaction::rollback`].
    pub async fn rollback(self) -> Result<(), Error> {
        self.end("ROLLBACK", "ROLLBACK TO SAVEPOINT", Transaction::rollback)
            .await
    }

    async fn end<F>(
        self,
        outermost: &'static str,
        nested: &'static str,
        end: impl FnOnce(Transaction<'c, DB>) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let TracedConnection {
            link,
            tracing,
            in_use: _in_use,
        } = self.connection;
        // Nothing else is ever in one: `new` is where they all come from.
        let Link::Transaction(transaction) = link else {
            return Ok(());
        };
        let command = if self.is_savepoint { nested } else { outermost };
        tracing.transaction(command, None, end(transaction)).await
    }
}

impl<'c, DB: Database> Deref for TracedTransaction<'c, DB> {
    type Target = TracedConnection<'c, DB>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for TracedTransaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<'c, DB: Database> AsMut<TracedConnection<'c, DB>> for TracedTransaction<'c, DB> {
    fn as_mut(&mut self) -> &mut TracedConnection<'c, DB> {
        &mut self.connection
    }
}

impl<DB: Database> fmt::Debug for TracedTransaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedTransaction")
            .field("connection", &self.connection)
            .field("is_savepoint", &self.is_savepoint)
            .finish()
    }
}

/// As for [`TracedPool`](crate::TracedPool): those who ask for it get sqlx's own connection.
impl<'r, DB: Instrumented> Acquire<'r> for &'r mut TracedTransaction<'_, DB> {
    type Database = DB;
    type Connection = &'r mut DB::Connection;

    fn acquire(self) -> BoxFuture<'r, Result<&'r mut DB::Connection, Error>> {
        Acquire::acquire(&mut self.connection)
    }

    fn begin(self) -> BoxFuture<'r, Result<Transaction<'r, DB>, Error>> {
        Acquire::begin(&mut self.connection)
    }
}
