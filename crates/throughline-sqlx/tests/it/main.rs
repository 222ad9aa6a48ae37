//! The public behaviour of throughline-sqlx.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(all(feature = "any", feature = "mysql", feature = "postgres"))]
mod databases;
mod pool;
mod queries;
#[cfg(all(feature = "any", feature = "mysql", feature = "postgres"))]
mod servers;
mod settings;
mod streams;
mod support;
mod transactions;
#[cfg(all(feature = "any", feature = "mysql", feature = "postgres"))]
mod unchanged;
