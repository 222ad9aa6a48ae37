//! The paths of throughline whose cost is measured, and how they are driven.
//!
//! A program of two builds does one path, as often as its standard input says ([`drive`]): `measure`, which callgrind
//! runs and which is timed, and `allocations`, whose allocator counts and therefore costs instructions itself. The
//! peers are another package with the same two programs, which also have these paths.

mod call;
mod child;
mod command;
mod drive;
mod end;
mod export;
mod line;
mod processor;
mod query;
mod redis;
mod request;
mod sdk;
mod sql;
mod stack;

pub use call::{CallOptions, Client, calls};
pub use child::{Tracing, install_tracing, under_a_parent};
pub use command::Command;
pub use drive::{Counts, Path, count_nothing, cpu_nanos, drive};
pub use export::{ExportOptions, exports, span};
pub use processor::bind_to;
pub use query::{QUERY, QueryOptions, SETUP, queries};
pub use request::{Input, Observed, RequestOptions, request_path, router};
pub use sdk::{Nowhere, QUEUE, collector, sampler};
pub use sql::{SqlOptions, SqlStatement, reads};
