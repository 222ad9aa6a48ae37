//! A query of one row, through a pool of SQLite in memory.

use std::hint::black_box;
use std::io;

use clap::{Args, ValueEnum};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use throughline_core::{Installation, install};
use throughline_sqlx::TracedPool;
use tokio::runtime::{Builder, Runtime};

use crate::child::under_a_parent;
use crate::drive::Path;
use crate::request::Input;
use crate::sdk;

/// What is asked. The database, its table and its row are made by [`SETUP`].
pub const QUERY: &str = "SELECT id, name FROM users WHERE id = ?";

/// Makes what [`QUERY`] asks for.
pub const SETUP: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                         INSERT INTO users VALUES (42, 'ada')";

/// A query.
#[derive(Clone, Debug, Args)]
pub struct QueryOptions {
    /// Whether the current span is sampled.
    pub input: Input,
    /// Whether metrics are on.
    #[arg(long)]
    pub metrics: bool,
}

/// What stands around the pool.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Query {
    /// Nothing.
    Bare,
    /// Our pool, as `throughline::init()` sets it up.
    Throughline,
    /// Our pool, switched off (`OTEL_SDK_DISABLED`).
    Disabled,
}

impl Query {
    pub(crate) fn path(self, options: &QueryOptions) -> io::Result<Box<dyn Path>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let pool = runtime.block_on(pool()).map_err(io::Error::other)?;
        let guard = under_a_parent(options.input);
        if self == Self::Bare {
            let query = async move || fetch(&pool).await;
            return Ok(queries(runtime, query, Box::new(|| Ok(())), guard));
        }
        let tracers = sdk::tracers(options.input, None)?;
        install(match self {
            Self::Disabled => Installation::default(),
            _ => sdk::installation(&tracers, options.input, options.metrics),
        });
        let pool = TracedPool::from(pool);
        let query = async move || fetch(&pool).await;
        let flush = move || tracers.force_flush().map_err(io::Error::other);
        Ok(queries(runtime, query, Box::new(flush), guard))
    }
}

async fn fetch<'c>(executor: impl sqlx::Executor<'c, Database = sqlx::Sqlite>) {
    let query = sqlx::query(QUERY).bind(42);
    black_box(query.fetch_one(executor).await.expect("a row"));
}

async fn pool() -> sqlx::Result<SqlitePool> {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await?;
    sqlx::raw_sql(SETUP).execute(&pool).await?;
    Ok(pool)
}

/// The path of a query, with `guard` alive. What it leaves is exported by `flush`.
pub fn queries<F, G>(
    runtime: Runtime,
    query: F,
    flush: Box<dyn Fn() -> io::Result<()>>,
    guard: G,
) -> Box<dyn Path>
where
    F: AsyncFn() + 'static,
    G: 'static,
{
    Box::new(Queries {
        runtime,
        query,
        flush,
        _guard: guard,
    })
}

struct Queries<F, G> {
    runtime: Runtime,
    query: F,
    flush: Box<dyn Fn() -> io::Result<()>>,
    _guard: G,
}

impl<F: AsyncFn(), G> Path for Queries<F, G> {
    fn run(&mut self, times: u64) {
        self.runtime.block_on(async {
            for _ in 0..times {
                (self.query)().await;
            }
        });
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.flush)()
    }
}
