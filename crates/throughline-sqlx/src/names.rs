//! The names that sqlx has for pools and transactions of one database.

/// [`sqlx::AnyPool`], traced.
#[cfg(feature = "any")]
pub type AnyPool = crate::TracedPool<sqlx::Any>;

/// [`sqlx::MySqlPool`], traced.
#[cfg(feature = "mysql")]
pub type MySqlPool = crate::TracedPool<sqlx::MySql>;

/// [`sqlx::MySqlTransaction`], traced.
#[cfg(feature = "mysql")]
pub type MySqlTransaction<'c> = crate::TracedTransaction<'c, sqlx::MySql>;

/// [`sqlx::PgPool`], traced.
#[cfg(feature = "postgres")]
pub type PgPool = crate::TracedPool<sqlx::Postgres>;

/// [`sqlx::PgTransaction`], traced.
#[cfg(feature = "postgres")]
pub type PgTransaction<'c> = crate::TracedTransaction<'c, sqlx::Postgres>;

/// [`sqlx::SqlitePool`], traced.
#[cfg(feature = "sqlite")]
pub type SqlitePool = crate::TracedPool<sqlx::Sqlite>;

/// [`sqlx::SqliteTransaction`], traced.
#[cfg(feature = "sqlite")]
pub type SqliteTransaction<'c> = crate::TracedTransaction<'c, sqlx::Sqlite>;
