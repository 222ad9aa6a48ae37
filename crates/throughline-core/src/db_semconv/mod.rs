//! The database rules of the OpenTelemetry semantic conventions 1.44, for clients of any database.
//!
//! <https://opentelemetry.io/docs/specs/semconv/db/>

mod endpoint;
mod hooks;
mod metrics;
mod old_names;
mod operation;
mod pool;
pub mod redis;
mod settings;
pub mod sql;

pub use endpoint::DatabaseEndpoint;
pub use hooks::{DatabaseFinish, DatabaseHooks};
pub use metrics::DatabaseMetrics;
pub use operation::{DatabaseCall, DatabaseRequest, Query};
pub use pool::{PoolState, PoolUse, PoolWait, WatchedPool};
pub use settings::{DatabaseSettings, QueryText};
