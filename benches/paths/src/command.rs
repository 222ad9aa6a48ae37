//! What a program is told to do.

use std::io;

use clap::Subcommand;

use crate::call::{Call, CallOptions};
use crate::child::ChildOptions;
use crate::drive::Path;
use crate::end::EndOptions;
use crate::export::{Export, ExportOptions};
use crate::line::LineOptions;
use crate::query::{Query, QueryOptions};
use crate::redis::RedisOptions;
use crate::request::{RequestOptions, request_path};
use crate::sql::SqlOptions;
use crate::stack::Stack;

/// A path.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// A request through an axum router.
    Request {
        /// What stands around the router.
        stack: Stack,
        /// The request.
        #[command(flatten)]
        options: RequestOptions,
    },
    /// A child span.
    Child(ChildOptions),
    /// A log line.
    Line(LineOptions),
    /// The reading of an SQL statement.
    Sql(SqlOptions),
    /// A query of one row from SQLite in memory.
    Query {
        /// What stands around the pool.
        pool: Query,
        /// The query.
        #[command(flatten)]
        options: QueryOptions,
    },
    /// A command of Redis.
    Redis(RedisOptions),
    /// A call by reqwest's client.
    Call {
        /// What stands around the client.
        client: Call,
        /// The call.
        #[command(flatten)]
        options: CallOptions,
    },
    /// The end of a span on its way to a collector, without its export.
    End(EndOptions),
    /// A span and its export.
    Export {
        /// What exports.
        by: Export,
        /// Where to.
        #[command(flatten)]
        options: ExportOptions,
    },
}

impl Command {
    /// Sets the path up.
    ///
    /// # Errors
    ///
    /// When there is no runtime, socket or exporter to be had.
    pub fn path(self) -> io::Result<Box<dyn Path>> {
        match self {
            Self::Request { stack, options } => {
                request_path(options, |options| stack.observe(options))
            }
            Self::Child(options) => options.path(),
            Self::Line(options) => Ok(options.path()),
            Self::Sql(options) => Ok(options.path()),
            Self::Query { pool, options } => pool.path(&options),
            Self::Redis(options) => options.path(),
            Self::Call { client, options } => client.path(&options),
            Self::End(options) => options.path(),
            Self::Export { by, options } => by.path(&options),
        }
    }
}
