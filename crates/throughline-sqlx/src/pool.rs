//! The pool.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::pool::{CloseEvent, PoolConnection, PoolOptions};
use sqlx::{Acquire, Database, Error, Pool, SqlSafeStr, SqlStr, Transaction};
use throughline_core::db_semconv::{PoolState, PoolUse, WatchedPool};

use crate::database::{ConnectOptions, Instrumented};
use crate::tracing::Tracing;
use crate::{TracedPoolConnection, TracedTransaction, acquire};

/// A [`Pool`] whose queries have a span and a measurement each, as those of its connections and transactions do.
///
/// Made of a pool by [`From`] or [`new`](Self::new), or in place of one by [`connect`](Self::connect). Clones share the pool.
pub struct TracedPool<DB: Database> {
    pub(crate) pool: Pool<DB>,
    pub(crate) tracing: Arc<Tracing>,
    pub(crate) watched: Arc<WatchedPool>,
}

impl<DB: Instrumented> TracedPool<DB> {
    /// Traces what goes through `pool`, with the providers that `throughline::init()` installed, else with the OpenTelemetry
    /// globals. It may be made before either of them is there.
    #[must_use]
    pub fn new(pool: Pool<DB>) -> Self {
        let endpoint = DB::endpoint(&pool.connect_options());
        Self {
            watched: watched(&endpoint.pool_name(), &pool),
            tracing: Arc::new(Tracing::new(endpoint)),
            pool,
        }
    }
}

/// What [`Pool`] can do.
impl<DB: Instrumented> TracedPool<DB> {
    /// As [`Pool::connect`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::connect`].
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Pool::connect(url).await.map(Self::new)
    }

    /// As [`Pool::connect_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::connect_with`].
    pub async fn connect_with(options: ConnectOptions<DB>) -> Result<Self, Error> {
        Pool::connect_with(options).await.map(Self::new)
    }

    /// As [`Pool::connect_lazy`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::connect_lazy`].
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        Pool::connect_lazy(url).map(Self::new)
    }

    /// As [`Pool::connect_lazy_with`].
    #[must_use]
    pub fn connect_lazy_with(options: ConnectOptions<DB>) -> Self {
        Self::new(Pool::connect_lazy_with(options))
    }

    /// Borrows a connection, as [`Pool::acquire`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::acquire`].
    pub async fn acquire(&self) -> Result<TracedPoolConnection<DB>, Error> {
        let lent = self.lend().await?;
        Ok(TracedPoolConnection::new(lent, &self.tracing))
    }

    /// Borrows a connection that is idle, as [`Pool::try_acquire`].
    #[must_use]
    pub fn try_acquire(&self) -> Option<TracedPoolConnection<DB>> {
        let lent = self.try_lend()?;
        Some(TracedPoolConnection::new(lent, &self.tracing))
    }

    /// Begins a transaction, as [`Pool::begin`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::begin`].
    pub async fn begin(&self) -> Result<TracedTransaction<'static, DB>, Error> {
        self.begin_on(self.lend(), None).await
    }

    /// Begins a transaction on an idle connection, as [`Pool::try_begin`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::try_begin`].
    pub async fn try_begin(&self) -> Result<Option<TracedTransaction<'static, DB>>, Error> {
        self.try_begin_by(None).await
    }

    /// Begins a transaction with a statement of the caller's own, as [`Pool::begin_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::begin_with`].
    pub async fn begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<TracedTransaction<'static, DB>, Error> {
        let statement = statement.into_sql_str();
        self.begin_on(self.lend(), Some(statement)).await
    }

    /// Begins a transaction on an idle connection with a statement of the caller's own, as [`Pool::try_begin_with`].
    ///
    /// # Errors
    ///
    /// Those of [`Pool::try_begin_with`].
    pub async fn try_begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<Option<TracedTransaction<'static, DB>>, Error> {
        self.try_begin_by(Some(statement.into_sql_str())).await
    }

    /// As [`Pool::close`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// As [`Pool::is_closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    /// As [`Pool::close_event`].
    #[must_use]
    pub fn close_event(&self) -> CloseEvent {
        self.pool.close_event()
    }

    /// As [`Pool::size`].
    #[must_use]
    pub fn size(&self) -> u32 {
        self.pool.size()
    }

    /// As [`Pool::num_idle`].
    #[must_use]
    pub fn num_idle(&self) -> usize {
        self.pool.num_idle()
    }

    /// As [`Pool::options`].
    #[must_use]
    pub fn options(&self) -> &PoolOptions<DB> {
        self.pool.options()
    }

    /// As [`Pool::connect_options`].
    #[must_use]
    pub fn connect_options(&self) -> Arc<ConnectOptions<DB>> {
        self.pool.connect_options()
    }

    /// As [`Pool::set_connect_options`]. What is recorded of the server stays as it is.
    pub fn set_connect_options(&self, options: ConnectOptions<DB>) {
        self.pool.set_connect_options(options);
    }

    /// The pool itself, for what takes no other. What goes through it leaves no span.
    #[must_use]
    pub fn inner(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Waits for a connection.
    pub(crate) async fn lend(&self) -> Result<Lent<DB>, Error> {
        let resolved = self.tracing.instrumentation.resolve();
        let span = acquire::start(&resolved, &self.watched);
        let wait = self.watched.wait(resolved.metrics());
        drop(resolved);
        let acquired = match span {
            None => self.pool.acquire().await,
            Some(span) => acquire::within(span, self.pool.acquire()).await,
        };
        match acquired {
            Ok(connection) => Ok((connection, wait.obtained())),
            Err(error) => {
                if matches!(error, Error::PoolTimedOut) {
                    wait.timed_out();
                }
                Err(error)
            }
        }
    }

    fn try_lend(&self) -> Option<Lent<DB>> {
        let connection = self.pool.try_acquire()?;
        let resolved = self.tracing.instrumentation.resolve();
        Some((connection, self.watched.lent(resolved.metrics())))
    }

    async fn try_begin_by(
        &self,
        statement: Option<SqlStr>,
    ) -> Result<Option<TracedTransaction<'static, DB>>, Error> {
        let Some(lent) = self.try_lend() else {
            return Ok(None);
        };
        let begun = self.begin_on(ready(Ok(lent)), statement).await?;
        Ok(Some(begun))
    }

    async fn begin_on(
        &self,
        lent: impl Future<Output = Result<Lent<DB>, Error>>,
        statement: Option<SqlStr>,
    ) -> Result<TracedTransaction<'static, DB>, Error> {
        let own = statement.clone();
        let begin = async {
            let (connection, in_use) = lent.await?;
            Ok((Transaction::begin(connection, statement).await?, in_use))
        };
        let (begun, in_use) = self.tracing.transaction("BEGIN", own, begin).await?;
        Ok(TracedTransaction::new(
            begun,
            false,
            Some(in_use),
            &self.tracing,
        ))
    }
}

/// A connection, and the guard that measures how long it is in use.
pub(crate) type Lent<DB> = (PoolConnection<DB>, PoolUse);

pub(crate) fn watched<DB: Database>(name: &str, pool: &Pool<DB>) -> Arc<WatchedPool> {
    let pool = pool.clone();
    Arc::new(WatchedPool::new(name, move || {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let max = pool.options().get_max_connections();
        PoolState {
            idle,
            used: pool.size().saturating_sub(idle),
            max,
            // All of them may be: sqlx has no bound of its own for those.
            idle_max: max,
            idle_min: pool.options().get_min_connections(),
        }
    }))
}

impl<DB: Instrumented> From<Pool<DB>> for TracedPool<DB> {
    fn from(pool: Pool<DB>) -> Self {
        Self::new(pool)
    }
}

impl<DB: Database> Clone for TracedPool<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            tracing: Arc::clone(&self.tracing),
            watched: Arc::clone(&self.watched),
        }
    }
}

impl<DB: Database> fmt::Debug for TracedPool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedPool")
            .field("endpoint", &self.tracing.endpoint)
            .finish_non_exhaustive()
    }
}

/// For functions that are generic over [`Acquire`], such as those of sqlx's migrator. They get sqlx's own connection, since
/// the trait names its type: what goes through it leaves no span.
impl<'a, DB: Instrumented> Acquire<'a> for &'_ TracedPool<DB> {
    type Database = DB;
    type Connection = PoolConnection<DB>;

    fn acquire(self) -> BoxFuture<'a, Result<PoolConnection<DB>, Error>> {
        Box::pin(self.pool.acquire())
    }

    fn begin(self) -> BoxFuture<'a, Result<Transaction<'a, DB>, Error>> {
        Acquire::begin(&self.pool)
    }
}
