//! One way for all queries, whatever they are sent through.

use std::pin::pin;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Describe, Error, Execute, Executor, SqlStr};

use crate::database::{Instrumented, Item};
use crate::pool::Lent;
use crate::query::Taken;
use crate::request::{Counts, Request};
use crate::rows::{PooledRows, TracedRows, for_each};
use crate::{TracedConnection, TracedPool, TracedPoolConnection, TracedTransaction};

/// Where a query finds its connection.
trait Source<'e, DB: Instrumented>: Send + Sized + 'e {
    fn connection(&mut self) -> impl Future<Output = Result<&mut DB::Connection, Error>> + Send;
    fn rows(self, query: Taken<DB>) -> BoxStream<'e, Item<DB>>;
}

impl<'e, DB: Instrumented> Source<'e, DB> for &'e mut DB::Connection {
    async fn connection(&mut self) -> Result<&mut DB::Connection, Error> {
        Ok(self)
    }

    fn rows(self, query: Taken<DB>) -> BoxStream<'e, Item<DB>> {
        DB::fetch_many(self, query)
    }
}

/// A pool, and the connection that it lent.
struct Lending<'e, DB: Database> {
    pool: &'e TracedPool<DB>,
    lent: Option<Lent<DB>>,
}

impl<'e, DB: Instrumented> Source<'e, DB> for Lending<'e, DB> {
    async fn connection(&mut self) -> Result<&mut DB::Connection, Error> {
        let lent = self.pool.lend().await?;
        Ok(&mut self.lent.insert(lent).0)
    }

    fn rows(self, query: Taken<DB>) -> BoxStream<'e, Item<DB>> {
        Box::pin(PooledRows::new(self.pool, query))
    }
}

/// The statements of a query are carried out one after the other; of their rows none is kept.
fn execute<'e, DB: Instrumented>(
    mut source: impl Source<'e, DB>,
    request: Request<'e>,
    query: Taken<DB>,
) -> BoxFuture<'e, Result<DB::QueryResult, Error>> {
    Box::pin(async move {
        let work = pin!(async move {
            let (mut total, mut counts) = (DB::QueryResult::default(), Counts::default());
            let done = match source.connection().await {
                Ok(connection) => {
                    let items = DB::fetch_many(connection, query);
                    for_each(items, |item| {
                        counts.add::<DB>(&item);
                        total.extend(item.left());
                    })
                    .await
                }
                Err(error) => Err(error),
            };
            (done.map(|()| total), counts)
        });
        request.run(work).await
    })
}

fn fetch_all<'e, DB: Instrumented>(
    mut source: impl Source<'e, DB>,
    request: Request<'e>,
    query: Taken<DB>,
) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>> {
    Box::pin(async move {
        let work = pin!(async move {
            let (mut rows, mut counts) = (Vec::new(), Counts::default());
            let done = match source.connection().await {
                Ok(connection) => {
                    let items = DB::fetch_many(connection, query);
                    for_each(items, |item| {
                        counts.add::<DB>(&item);
                        rows.extend(item.right());
                    })
                    .await
                }
                Err(error) => Err(error),
            };
            (done.map(|()| rows), counts)
        });
        request.run(work).await
    })
}

fn fetch_optional<'e, DB: Instrumented>(
    mut source: impl Source<'e, DB>,
    request: Request<'e>,
    query: Taken<DB>,
) -> BoxFuture<'e, Result<Option<DB::Row>, Error>> {
    Box::pin(async move {
        let work = pin!(async move {
            let row = match source.connection().await {
                Ok(connection) => DB::fetch_optional(connection, query).await,
                Err(error) => Err(error),
            };
            let counts = Counts {
                rows: u64::from(matches!(row, Ok(Some(_)))),
                ..Counts::default()
            };
            (row, counts)
        });
        request.run(work).await
    })
}

/// Preparing is no operation that the caller asks the database for: it leaves no span.
fn prepare<'e, DB: Instrumented>(
    mut source: impl Source<'e, DB>,
    sql: SqlStr,
    parameters: &'e [DB::TypeInfo],
) -> BoxFuture<'e, Result<DB::Statement, Error>> {
    Box::pin(async move { DB::prepare(source.connection().await?, sql, parameters).await })
}

fn describe<'e, DB: Instrumented>(
    mut source: impl Source<'e, DB>,
    sql: SqlStr,
) -> BoxFuture<'e, Result<Describe<DB>, Error>> {
    Box::pin(async move { DB::describe(source.connection().await?, sql).await })
}

/// Implements [`Executor`] for a reference, by what it shares with others and where its connection is.
macro_rules! executor {
    ($lifetime:lifetime, [$($generics:tt)*], $handle:ty, |$self:ident| ($tracing:expr, $source:expr)) => {
        impl<$($generics)*, DB: Instrumented> Executor<$lifetime> for $handle {
            type Database = DB;

            fn fetch_many<'e, 'q: 'e, E>($self, query: E) -> BoxStream<'e, Item<DB>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, DB>,
            {
                let query = Taken::new(query);
                let (tracing, source) = ($tracing, $source);
                let request = Request::new(tracing, &query);
                Box::pin(TracedRows::<DB>::new(Source::<DB>::rows(source, query), request))
            }

            fn fetch_optional<'e, 'q: 'e, E>(
                $self,
                query: E,
            ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, DB>,
            {
                let query = Taken::new(query);
                let (tracing, source) = ($tracing, $source);
                fetch_optional(source, Request::new(tracing, &query), query)
            }

            // These two would come by way of `fetch_many`, with a box for each step.
            fn execute<'e, 'q: 'e, E>($self, query: E) -> BoxFuture<'e, Result<DB::QueryResult, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, DB>,
            {
                let query = Taken::new(query);
                let (tracing, source) = ($tracing, $source);
                execute(source, Request::new(tracing, &query), query)
            }

            fn fetch_all<'e, 'q: 'e, E>($self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
            where
                $lifetime: 'e,
                E: 'q + Execute<'q, DB>,
            {
                let query = Taken::new(query);
                let (tracing, source) = ($tracing, $source);
                fetch_all(source, Request::new(tracing, &query), query)
            }

            fn prepare_with<'e>(
                $self,
                sql: SqlStr,
                parameters: &'e [DB::TypeInfo],
            ) -> BoxFuture<'e, Result<DB::Statement, Error>>
            where
                $lifetime: 'e,
            {
                prepare::<DB>($source, sql, parameters)
            }

            fn describe<'e>($self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
            where
                $lifetime: 'e,
            {
                describe::<DB>($source, sql)
            }
        }
    };
}

executor!('p, ['p], &'p TracedPool<DB>, |self| (
    &self.tracing,
    Lending { pool: self, lent: None }
));
executor!('r, ['r, 'c], &'r mut TracedConnection<'c, DB>, |self| (
    &self.tracing,
    self.link.connection()
));
executor!('r, ['r], &'r mut TracedPoolConnection<DB>, |self| (
    &self.0.tracing,
    self.0.link.connection()
));
executor!('r, ['r, 'c], &'r mut TracedTransaction<'c, DB>, |self| (
    &self.connection.tracing,
    self.connection.link.connection()
));
