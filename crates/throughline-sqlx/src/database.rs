//! The databases of sqlx.

use std::borrow::Cow;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Describe, Either, Error, SqlStr};
use throughline_core::db_semconv::DatabaseEndpoint;

#[cfg(any(
    feature = "any",
    feature = "mysql",
    feature = "postgres",
    feature = "sqlite"
))]
use crate::endpoint;
use crate::query::Taken;

/// What a query yields: a row, or the end of a statement.
pub(crate) type Item<DB> =
    Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>;

pub(crate) type ConnectOptions<DB> = <<DB as Database>::Connection as Connection>::Options;

/// A database that can be traced: `Postgres`, `MySql`, `Sqlite` and `Any`, by the feature of that name.
///
/// Code that is generic over its database asks for this instead of [`Database`]. Nobody else can implement it.
pub trait Instrumented: Database + driver::Driver {}

/// What is asked of a driver. It stands for `for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>`, which every user of a
/// generic function would have to write else.
pub(crate) mod driver {
    use super::*;

    pub trait Driver: Database {
        /// Which database the options lead to. None of them is its password.
        fn endpoint(options: &ConnectOptions<Self>) -> DatabaseEndpoint;

        /// How many rows a statement affected.
        fn affected(done: &Self::QueryResult) -> u64;

        fn fetch_many<'e>(
            connection: &'e mut Self::Connection,
            query: Taken<Self>,
        ) -> BoxStream<'e, Item<Self>>;

        fn fetch_optional<'e>(
            connection: &'e mut Self::Connection,
            query: Taken<Self>,
        ) -> BoxFuture<'e, Result<Option<Self::Row>, Error>>;

        fn prepare<'e>(
            connection: &'e mut Self::Connection,
            sql: SqlStr,
            parameters: &'e [Self::TypeInfo],
        ) -> BoxFuture<'e, Result<Self::Statement, Error>>;

        fn describe<'e>(
            connection: &'e mut Self::Connection,
            sql: SqlStr,
        ) -> BoxFuture<'e, Result<Describe<Self>, Error>>;
    }
}

/// `db.response.status_code`: the most specific that there is. Of MySQL and MariaDB that is the number and not the SQLSTATE
/// (conventions, MySQL), of SQLite the extended result code.
pub(crate) fn status_code(error: &dyn DatabaseError) -> Option<Cow<'_, str>> {
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(error.number().to_string().into());
    }
    error.code()
}

/// Implements the traits where the driver's types are known, by handing all calls on.
#[cfg(any(
    feature = "any",
    feature = "mysql",
    feature = "postgres",
    feature = "sqlite"
))]
macro_rules! instrumented {
    ($database:ty, $endpoint:path) => {
        impl Instrumented for $database {}

        impl driver::Driver for $database {
            fn endpoint(options: &ConnectOptions<Self>) -> DatabaseEndpoint {
                $endpoint(options)
            }

            fn affected(done: &Self::QueryResult) -> u64 {
                done.rows_affected()
            }

            fn fetch_many<'e>(
                connection: &'e mut Self::Connection,
                query: Taken<Self>,
            ) -> BoxStream<'e, Item<Self>> {
                sqlx::Executor::fetch_many(connection, query)
            }

            fn fetch_optional<'e>(
                connection: &'e mut Self::Connection,
                query: Taken<Self>,
            ) -> BoxFuture<'e, Result<Option<Self::Row>, Error>> {
                sqlx::Executor::fetch_optional(connection, query)
            }

            fn prepare<'e>(
                connection: &'e mut Self::Connection,
                sql: SqlStr,
                parameters: &'e [Self::TypeInfo],
            ) -> BoxFuture<'e, Result<Self::Statement, Error>> {
                sqlx::Executor::prepare_with(connection, sql, parameters)
            }

            fn describe<'e>(
                connection: &'e mut Self::Connection,
                sql: SqlStr,
            ) -> BoxFuture<'e, Result<Describe<Self>, Error>> {
                sqlx::Executor::describe(connection, sql)
            }
        }
    };
}

#[cfg(feature = "postgres")]
instrumented!(sqlx::Postgres, endpoint::postgres);
#[cfg(feature = "mysql")]
instrumented!(sqlx::MySql, endpoint::mysql);
#[cfg(feature = "sqlite")]
instrumented!(sqlx::Sqlite, endpoint::sqlite);
#[cfg(feature = "any")]
instrumented!(sqlx::Any, endpoint::any);
