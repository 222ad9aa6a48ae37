//! `COPY`, which PostgreSQL's connections have methods of their own for.

use bytes::Bytes;
use futures_core::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgCopyIn, PgPoolCopyExt};
use sqlx::{Error, PgConnection, Postgres};

use crate::{TracedConnection, TracedPool};

/// What a connection to PostgreSQL alone can do. It leaves no span.
impl TracedConnection<'_, Postgres> {
    /// Copies rows into a table, as [`PgConnection::copy_in_raw`].
    ///
    /// # Errors
    ///
    /// Those of [`PgConnection::copy_in_raw`].
    pub async fn copy_in_raw(
        &mut self,
        statement: &str,
    ) -> Result<PgCopyIn<&mut PgConnection>, Error> {
        self.inner_mut().copy_in_raw(statement).await
    }

    /// Copies rows out of a table or a query, as [`PgConnection::copy_out_raw`].
    ///
    /// # Errors
    ///
    /// Those of [`PgConnection::copy_out_raw`].
    pub async fn copy_out_raw(
        &mut self,
        statement: &str,
    ) -> Result<BoxStream<'_, Result<Bytes, Error>>, Error> {
        self.inner_mut().copy_out_raw(statement).await
    }
}

/// It leaves no span.
impl PgPoolCopyExt for TracedPool<Postgres> {
    async fn copy_in_raw<'a>(
        &'a self,
        statement: &'a str,
    ) -> Result<PgCopyIn<PoolConnection<Postgres>>, Error> {
        self.pool.copy_in_raw(statement).await
    }

    async fn copy_out_raw<'a>(
        &'a self,
        statement: &'a str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        self.pool.copy_out_raw(statement).await
    }
}
