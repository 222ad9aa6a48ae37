//! The layer as its users see it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod attributes;
mod cardinality;
mod client;
mod client_ends;
mod context;
mod ends;
mod exchange;
mod installed;
mod matrix;
mod metrics;
mod old_names;
mod opt_in;
mod options;
mod random;
mod remote;
#[cfg(feature = "axum")]
mod routers;
#[cfg(feature = "axum")]
mod routes;
mod settings;
#[cfg(feature = "axum")]
mod sockets;
mod support;
mod upgrades;
