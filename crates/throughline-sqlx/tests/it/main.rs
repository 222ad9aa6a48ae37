//! The public behaviour of throughline-sqlx.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod queries;
mod streams;
mod support;
mod transactions;
