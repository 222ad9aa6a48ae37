//! The databases of sqlx.

use std::borrow::Cow;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::error::DatabaseError;
use sqlx::{Connection, Database, Describe, Either, Error, SqlStr};
use throughline_core::db_semconv::DatabaseEndpoint;

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
    ($database:ty, $endpoint:expr) => {
        impl Instrumented for $database {}

        impl driver::Driver for $database {
            fn endpoint(options: &ConnectOptions<Self>) -> DatabaseEndpoint {
                let endpoint: fn(&ConnectOptions<Self>) -> DatabaseEndpoint = $endpoint;
                endpoint(options)
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
instrumented!(sqlx::Postgres, |options| {
    // Without a name the database is that of the user (libpq, "dbname").
    let database = options.get_database().unwrap_or(options.get_username());
    let endpoint = DatabaseEndpoint::new("postgresql").namespace(database);
    match options.get_socket() {
        Some(socket) => endpoint.server(&socket.to_string_lossy(), None),
        None => endpoint.server(options.get_host(), Some(options.get_port())),
    }
});

#[cfg(feature = "mysql")]
instrumented!(sqlx::MySql, |options| {
    let database = options.get_database().unwrap_or_default();
    let endpoint = DatabaseEndpoint::new("mysql").namespace(database);
    match options.get_socket() {
        Some(socket) => endpoint.server(&socket.to_string_lossy(), None),
        None => endpoint.server(options.get_host(), Some(options.get_port())),
    }
});

#[cfg(feature = "sqlite")]
instrumented!(sqlx::Sqlite, |options| {
    sqlite(&options.get_filename().to_string_lossy())
});

#[cfg(feature = "any")]
instrumented!(sqlx::Any, |options| {
    let url = &options.database_url;
    let system = match url.scheme() {
        "postgres" | "postgresql" => "postgresql",
        "mysql" => "mysql",
        "mariadb" => "mariadb",
        "sqlite" => return sqlite(url.path().trim_start_matches("//")),
        _ => "other_sql",
    };
    let endpoint = DatabaseEndpoint::new(system).namespace(url.path().trim_start_matches('/'));
    match url.host_str() {
        Some(host) => endpoint.server(host, url.port()),
        None => endpoint,
    }
});

/// The database is its file. sqlx gives each one in memory a name of its own, which says nothing.
#[cfg(any(feature = "any", feature = "sqlite"))]
fn sqlite(file: &str) -> DatabaseEndpoint {
    const IN_MEMORY: &str = ":memory:";
    let is_in_memory = file.starts_with("file:sqlx-in-memory-") || file == IN_MEMORY;
    let name = if is_in_memory { IN_MEMORY } else { file };
    DatabaseEndpoint::new("sqlite").namespace(name)
}
