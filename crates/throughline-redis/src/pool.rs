//! Pools of connections.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use redis::aio::ConnectionLike;
use throughline_core::db_semconv::{PoolState, PoolUse, WatchedPool};

use crate::{Traced, Tracing};

/// What is measured of a pool, whichever it is, and a [`Traced`] for each connection that it lends.
///
/// ```no_run
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// use deadpool_redis::{Config, PoolError, Runtime};
/// use throughline_redis::redis::{AsyncCommands, Client};
/// use throughline_redis::{PoolState, TracedPool, Tracing};
///
/// const URL: &str = "redis://cache.internal";
/// let pool = Config::from_url(URL).create_pool(Some(Runtime::Tokio1))?;
/// let state = {
///     let pool = pool.clone();
///     move || {
///         let status = pool.status();
///         let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
///         PoolState {
///             idle: size(status.available),
///             used: size(status.size.saturating_sub(status.available)),
///             max: size(status.max_size),
///             idle_max: size(status.max_size),
///             idle_min: 0,
///         }
///     }
/// };
/// let traced = TracedPool::new(&Client::open(URL)?, state);
///
/// let is_timeout = |error: &PoolError| matches!(error, PoolError::Timeout(_));
/// let mut connection = traced.lend(pool.get(), is_timeout).await?;
/// let hits: i64 = connection.incr("hits", 1).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TracedPool {
    tracing: Tracing,
    watched: Arc<WatchedPool>,
    state: Arc<dyn Fn() -> PoolState + Send + Sync>,
}

impl TracedPool {
    /// A pool whose connections lead to the server of `tracing`, and whose `state` is read when metrics are collected.
    #[must_use]
    pub fn new(
        tracing: impl Into<Tracing>,
        state: impl Fn() -> PoolState + Send + Sync + 'static,
    ) -> Self {
        let (tracing, state) = (tracing.into(), Arc::new(state));
        let name = tracing.endpoint().pool_name();
        Self::named(&name, tracing, state)
    }

    fn named(
        name: &str,
        tracing: Tracing,
        state: Arc<dyn Fn() -> PoolState + Send + Sync>,
    ) -> Self {
        let read = Arc::clone(&state);
        let watched = Arc::new(WatchedPool::new(name, move || read()));
        Self {
            tracing,
            watched,
            state,
        }
    }

    /// Calls the pool this in `db.client.connection.pool.name`. Default: `server.address:server.port/db.namespace`.
    ///
    /// For applications with several pools of one server: of pools with one name, only one tells its connections.
    #[must_use]
    pub fn pool_name(self, name: &str) -> Self {
        Self::named(name, self.tracing, self.state)
    }

    /// Awaits a connection, which is in use until it is dropped. `is_timeout` tells the pool's error of waiting too long from
    /// others.
    ///
    /// # Errors
    ///
    /// Those of `connection`.
    pub async fn lend<C: ConnectionLike, E>(
        &self,
        connection: impl Future<Output = Result<C, E>>,
        is_timeout: impl FnOnce(&E) -> bool,
    ) -> Result<Lent<C>, E> {
        let resolved = self.tracing.instrumentation().resolve();
        let wait = self.watched.wait(resolved.metrics());
        drop(resolved);
        match connection.await {
            Ok(connection) => Ok(Lent {
                connection: Traced::new(connection, &self.tracing),
                _in_use: wait.obtained(),
            }),
            Err(error) => {
                if is_timeout(&error) {
                    wait.timed_out();
                }
                Err(error)
            }
        }
    }
}

impl fmt::Debug for TracedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedPool")
            .field("endpoint", self.tracing.endpoint())
            .finish_non_exhaustive()
    }
}

/// A traced connection that a pool lent.
pub struct Lent<C> {
    connection: Traced<C>,
    /// Dropped after the connection.
    _in_use: PoolUse,
}

impl<C> Deref for Lent<C> {
    type Target = Traced<C>;

    fn deref(&self) -> &Traced<C> {
        &self.connection
    }
}

impl<C> DerefMut for Lent<C> {
    fn deref_mut(&mut self) -> &mut Traced<C> {
        &mut self.connection
    }
}

impl<C> fmt::Debug for Lent<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lent").field(&self.connection).finish()
    }
}
