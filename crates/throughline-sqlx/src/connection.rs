//! Connections.

use std::fmt;
use std::future::ready;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Acquire, Connection, Database, Error, SqlSafeStr, SqlStr, Transaction};
use throughline_core::db_semconv::PoolUse;

use crate::TracedTransaction;
use crate::database::Instrumented;
use crate::pool::Lent;
use crate::tracing::Tracing;

/// A connection whose queries have a span and a measurement each.
///
/// A function takes `&mut TracedConnection<'_, DB>` where it took `&mut PgConnection` and the like: `&mut *tx` and
/// `&mut *connection` give one, as they gave that.
pub struct TracedConnection<'c, DB: Database> {
    pub(crate) link: Link<'c, DB>,
    pub(crate) tracing: Arc<Tracing>,
    /// Where it is a pool's. Dropped after the connection.
    pub(crate) in_use: Option<PoolUse>,
}

/// What holds the connection.
pub(crate) enum Link<'c, DB: Database> {
    Pooled(PoolConnection<DB>),
    Transaction(Transaction<'c, DB>),
}

impl<DB: Database> Link<'_, DB> {
    pub(crate) fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Instrumented> TracedConnection<'_, DB> {
    /// Begins a transaction, or a savepoint in one, as [`Connection::begin`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::begin`].
    pub async fn begin(&mut self) -> Result<TracedTransaction<'_, DB>, Error> {
        self.begin_by(None).await
    }

    /// Begins a transaction with a statement of the caller's own, as [`Connection::begin_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::begin_with`].
    pub async fn begin_with(
        &mut self,
        statement: impl SqlSafeStr,
    ) -> Result<TracedTransaction<'_, DB>, Error> {
        self.begin_by(Some(statement.into_sql_str())).await
    }

    async fn begin_by(
        &mut self,
        statement: Option<SqlStr>,
    ) -> Result<TracedTransaction<'_, DB>, Error> {
        let is_savepoint = matches!(self.link, Link::Transaction(_));
        let command = if is_savepoint { "SAVEPOINT" } else { "BEGIN" };
        let connection = self.link.connection();
        let own = statement.clone();
        let begin = async {
            match statement {
                None => connection.begin().await,
                Some(statement) => connection.begin_with(statement).await,
            }
        };
        let begun = self.tracing.transaction(command, own, begin).await?;
        Ok(TracedTransaction::new(
            begun,
            is_savepoint,
            None,
            &self.tracing,
        ))
    }

    /// Awaits what `callback` does in a transaction, which is committed when that succeeds, as [`Connection::transaction`].
    ///
    /// # Errors
    ///
    /// Those of `callback`, and those of [`Connection::transaction`].
    pub async fn transaction<F, R, E>(&mut self, callback: F) -> Result<R, E>
    where
        F: for<'t> FnOnce(&'t mut TracedTransaction<'_, DB>) -> BoxFuture<'t, Result<R, E>>,
        E: From<Error>,
    {
        let mut transaction = self.begin().await?;
        let result = callback(&mut transaction).await;
        match result {
            Ok(_) => transaction.commit().await?,
            Err(_) => transaction.rollback().await?,
        }
        result
    }

    /// Whether a transaction has begun, as [`Connection::is_in_transaction`].
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        match &self.link {
            Link::Pooled(connection) => connection.is_in_transaction(),
            Link::Transaction(transaction) => transaction.is_in_transaction(),
        }
    }

    /// Asks the server whether it is there, as [`Connection::ping`]. It leaves no span.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::ping`].
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.link.connection().ping().await
    }

    /// The connection itself, for what its type alone has: `COPY`, listeners, locks. What goes through it leaves no span.
    pub fn inner_mut(&mut self) -> &mut DB::Connection {
        self.link.connection()
    }
}

impl<DB: Database> fmt::Debug for TracedConnection<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedConnection")
            .field("endpoint", &self.tracing.endpoint)
            .finish_non_exhaustive()
    }
}

/// As for [`TracedPool`](crate::TracedPool): those who ask for it get sqlx's own connection.
impl<'r, DB: Instrumented> Acquire<'r> for &'r mut TracedConnection<'_, DB> {
    type Database = DB;
    type Connection = &'r mut DB::Connection;

    fn acquire(self) -> BoxFuture<'r, Result<&'r mut DB::Connection, Error>> {
        Box::pin(ready(Ok(self.link.connection())))
    }

    fn begin(self) -> BoxFuture<'r, Result<Transaction<'r, DB>, Error>> {
        Box::pin(self.link.connection().begin())
    }
}

/// A [`TracedConnection`] that goes back to its pool when it is dropped, made by
/// [`TracedPool::acquire`](crate::TracedPool::acquire).
pub struct TracedPoolConnection<DB: Database>(pub(crate) TracedConnection<'static, DB>);

impl<DB: Instrumented> TracedPoolConnection<DB> {
    pub(crate) fn new((connection, in_use): Lent<DB>, tracing: &Arc<Tracing>) -> Self {
        Self(TracedConnection {
            link: Link::Pooled(connection),
            tracing: Arc::clone(tracing),
            in_use: Some(in_use),
        })
    }

    /// Begins a transaction, as [`Connection::begin`].
    ///
    /// # Errors
    ///
    /// Those of [`Connection::begin`].
    // Here, too, since a method of `Acquire` would be found before one behind `Deref`.
    pub async fn begin(&mut self) -> Result<TracedTransaction<'_, DB>, Error> {
        self.0.begin().await
    }

    /// Closes the connection, as [`PoolConnection::close`].
    ///
    /// # Errors
    ///
    /// Those of [`PoolConnection::close`].
    pub async fn close(self) -> Result<(), Error> {
        let (connection, _in_use) = self.into_inner();
        connection.close().await
    }

    /// Closes the connection when it is dropped, as [`PoolConnection::close_on_drop`].
    pub fn close_on_drop(&mut self) {
        if let Link::Pooled(connection) = &mut self.0.link {
            connection.close_on_drop();
        }
    }

    /// Takes the connection from its pool, as [`PoolConnection::detach`]. What goes through it leaves no span.
    #[must_use]
    pub fn detach(self) -> DB::Connection {
        self.into_inner().0.detach()
    }

    /// Takes the connection from its pool for good, as [`PoolConnection::leak`]. What goes through it leaves no span.
    #[must_use]
    pub fn leak(self) -> DB::Connection {
        self.into_inner().0.leak()
    }

    fn into_inner(self) -> (PoolConnection<DB>, Option<PoolUse>) {
        match self.0.link {
            Link::Pooled(connection) => (connection, self.0.in_use),
            Link::Transaction(_) => unreachable!("`new` is where they all come from"),
        }
    }
}

impl<DB: Database> AsMut<TracedConnection<'static, DB>> for TracedPoolConnection<DB> {
    fn as_mut(&mut self) -> &mut TracedConnection<'static, DB> {
        &mut self.0
    }
}

impl<DB: Database> Deref for TracedPoolConnection<DB> {
    type Target = TracedConnection<'static, DB>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<DB: Database> DerefMut for TracedPoolConnection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<DB: Database> fmt::Debug for TracedPoolConnection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedPoolConnection")
            .field(&self.0)
            .finish()
    }
}

/// As for [`TracedPool`](crate::TracedPool): those who ask for it get sqlx's own connection.
impl<'r, DB: Instrumented> Acquire<'r> for &'r mut TracedPoolConnection<DB> {
    type Database = DB;
    type Connection = &'r mut DB::Connection;

    fn acquire(self) -> BoxFuture<'r, Result<&'r mut DB::Connection, Error>> {
        Acquire::acquire(&mut self.0)
    }

    fn begin(self) -> BoxFuture<'r, Result<Transaction<'r, DB>, Error>> {
        Acquire::begin(&mut self.0)
    }
}
