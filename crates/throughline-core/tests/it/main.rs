//! The public behaviour of throughline-core.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod baggage;
mod body;
mod database;
mod database_settings;
mod deferred;
mod formats;
mod http;
mod old_names;
mod operation;
mod providers;
mod redis;
mod sql;
mod status;
mod support;
mod url;
mod w3c;
