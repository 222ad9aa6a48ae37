//! What a program is told to do.

use std::hint::black_box;
use std::io;

use clap::Subcommand;
use throughline_bench::{
    CallOptions, ExportOptions, Path, QueryOptions, RequestOptions, SqlStatement, reads,
    request_path, router,
};

use crate::call::Call;
use crate::export::Export;
use crate::query::Query;
use crate::stack::Stack;

/// A path of ours or of a peer's.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// A path of ours.
    #[command(flatten)]
    Own(throughline_bench::Command),
    /// A request through an axum router.
    PeerRequest {
        /// What stands around the router.
        stack: Stack,
        /// The request.
        #[command(flatten)]
        options: RequestOptions,
    },
    /// A call by reqwest's client.
    PeerCall {
        /// What stands around the client.
        client: Call,
        /// The call.
        #[command(flatten)]
        options: CallOptions,
    },
    /// A query of one row from SQLite in memory.
    PeerQuery {
        /// What stands around the pool.
        pool: Query,
        /// The query.
        #[command(flatten)]
        options: QueryOptions,
    },
    /// The text of an SQL statement without literals, by `sql_lexer`.
    PeerSql {
        /// The statement.
        statement: SqlStatement,
    },
    /// A span and its export.
    PeerExport {
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
    /// When there is no runtime, socket or exporter to be had, or the peer does not have what the options ask for.
    pub fn path(self) -> io::Result<Box<dyn Path>> {
        match self {
            Self::Own(command) => command.path(),
            Self::PeerRequest { stack, options } => {
                request_path(options, |options| stack.observe(router(options), options))
            }
            Self::PeerCall { client, options } => client.path(&options),
            Self::PeerQuery { pool, options } => pool.path(&options),
            Self::PeerSql { statement } => {
                let sql = statement.text();
                // It takes the text, which is somebody else's: one copy is its cost.
                Ok(reads(move || {
                    black_box(sql_lexer::sanitize_string(black_box(&sql).clone()));
                }))
            }
            Self::PeerExport { by, options } => by.path(&options),
        }
    }
}
