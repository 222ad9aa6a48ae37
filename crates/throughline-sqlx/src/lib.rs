// Its example runs on SQLite.
#![cfg_attr(feature = "sqlite", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "sqlite"), doc = "sqlx, traced: see the README.")]

mod acquire;
mod connection;
#[cfg(feature = "postgres")]
mod copy;
mod database;
mod endpoint;
mod errors;
mod executor;
mod names;
mod pool;
mod query;
mod request;
mod rows;
mod setters;
mod statement;
mod tracing;
mod transaction;

pub use connection::{TracedConnection, TracedPoolConnection};
pub use database::Instrumented;
#[cfg(feature = "any")]
pub use names::AnyPool;
#[cfg(feature = "mysql")]
pub use names::{MySqlPool, MySqlTransaction};
#[cfg(feature = "postgres")]
pub use names::{PgPool, PgTransaction};
#[cfg(feature = "sqlite")]
pub use names::{SqlitePool, SqliteTransaction};
pub use pool::TracedPool;
pub use transaction::TracedTransaction;

pub use throughline_core::db_semconv::{DatabaseFinish, Query};
pub use throughline_core::{Outcome, RecordingSpan};

pub use opentelemetry;
pub use sqlx;
