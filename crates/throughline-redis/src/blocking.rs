//! Blocking connections.

use std::fmt;
use std::ops::Deref;

use opentelemetry::Context;
use redis::{Cmd, ConnectionLike, RedisResult, Value};
use throughline_core::db_semconv::redis::Commands;
use throughline_core::db_semconv::{DatabaseSettings, Query};

use crate::Tracing;
use crate::errors::{Answer, finish};
use crate::query;

/// A blocking connection whose commands, pipelines and transactions have a span and a measurement each.
///
/// It is a connection itself: all of `Commands`, `Cmd::query`, pipelines, scripts and `redis::transaction` go through it.
pub struct TracedBlocking<C> {
    connection: C,
    tracing: Tracing,
}

impl<C: ConnectionLike> TracedBlocking<C> {
    /// Traces what goes through `connection`, as [`Traced::new`](crate::Traced::new) does.
    #[must_use]
    pub fn new(connection: C, tracing: impl Into<Tracing>) -> Self {
        let tracing = tracing.into();
        Self {
            connection,
            tracing,
        }
    }

    /// The connection itself, for what its type alone has: `as_pubsub`. What goes through it leaves no span.
    pub fn inner_mut(&mut self) -> &mut C {
        &mut self.connection
    }

    /// The connection itself, of which nothing is recorded any more.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.connection
    }

    fn traced<T: Answer>(
        &mut self,
        query: impl Fn(&DatabaseSettings) -> Query,
        ask: impl FnOnce(&mut C) -> RedisResult<T>,
    ) -> RedisResult<T> {
        let parent = Context::current();
        if !self.tracing.records(&parent) {
            return ask(&mut self.connection);
        }
        let mut operation = self.tracing.start(parent, &query);
        let result = operation.enter(|| ask(&mut self.connection));
        finish(&mut operation, &result);
        result
    }
}

impl<C: ConnectionLike> ConnectionLike for TracedBlocking<C> {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let query = |settings: &DatabaseSettings| match Commands::new(command).next() {
            Some(command) => query::of_command(settings.query_text, command),
            None => Query::default(),
        };
        self.traced(query, |connection| connection.req_packed_command(command))
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let query = |settings: &DatabaseSettings| {
            let shown = settings.query_text;
            let all = || Commands::new(commands);
            // `MULTI` and each command in it are answered before what is asked for: the answer to `EXEC`.
            match offset.checked_sub(1) {
                Some(size) => query::of_batch(shown, || all().skip(1).take(size), size, true),
                None => query::of_batch(shown, all, count, false),
            }
        };
        self.traced(query, |connection| {
            connection.req_packed_commands(commands, offset, count)
        })
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let query = |settings: &DatabaseSettings| {
            query::of_command(settings.query_text, query::arguments(command))
        };
        self.traced(query, |connection| connection.req_command(command))
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }

    fn supports_pipelining(&self) -> bool {
        self.connection.supports_pipelining()
    }

    fn check_connection(&mut self) -> bool {
        self.connection.check_connection()
    }

    fn is_open(&self) -> bool {
        self.connection.is_open()
    }
}

/// What `C` alone has. Not `DerefMut`, by which redis makes its own way past this.
impl<C> Deref for TracedBlocking<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> fmt::Debug for TracedBlocking<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedBlocking")
            .field("endpoint", self.tracing.endpoint())
            .finish_non_exhaustive()
    }
}
