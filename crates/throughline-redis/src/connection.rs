//! Asynchronous connections.

use std::fmt;
use std::ops::{Deref, DerefMut};

use opentelemetry::Context;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};
use throughline_core::db_semconv::{DatabaseSettings, Query};

use crate::Tracing;
use crate::errors::{Answer, finish};
use crate::query;

/// A connection whose commands, pipelines and transactions have a span and a measurement each.
///
/// It is a connection itself: all of `AsyncCommands`, `Cmd::query_async`, pipelines and scripts go through it. `C` is any
/// asynchronous connection: `MultiplexedConnection`, `ConnectionManager`, one of a cluster, or what a pool lends. Methods of
/// `C`'s own, such as `subscribe` and `route_command`, go past it: they leave no span.
#[derive(Clone)]
pub struct Traced<C> {
    connection: C,
    tracing: Tracing,
}

impl<C: ConnectionLike> Traced<C> {
    /// Traces what goes through `connection`, which leads to the server of `tracing`: a [`Tracing`] or what one is
    /// made of, `&Client` or `&ConnectionInfo`.
    ///
    /// Spans and metrics go to the providers that `throughline::init()` installed, else to the OpenTelemetry globals. It may
    /// be made before either of them is there.
    #[must_use]
    pub fn new(connection: C, tracing: impl Into<Tracing>) -> Self {
        let tracing = tracing.into();
        Self {
            connection,
            tracing,
        }
    }

    /// The connection itself, of which nothing is recorded any more.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.connection
    }
}

impl<C: ConnectionLike> ConnectionLike for Traced<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let Self {
            connection,
            tracing,
        } = self;
        let query = |settings: &DatabaseSettings| {
            query::of_command(settings.query_text, query::arguments(command))
        };
        traced(tracing, connection.req_packed_command(command), query)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let Self {
            connection,
            tracing,
        } = self;
        let answers = connection.req_packed_commands(pipeline, offset, count);
        let query = |settings: &DatabaseSettings| query::of_pipeline(settings.query_text, pipeline);
        traced(tracing, answers, query)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

/// `answer`, which is an operation from its first poll on, under the span that is current now. Where nothing would be recorded,
/// it is what it was.
fn traced<'a, T: Answer + 'a>(
    tracing: &'a Tracing,
    answer: RedisFuture<'a, T>,
    query: impl Fn(&DatabaseSettings) -> Query + Send + 'a,
) -> RedisFuture<'a, T> {
    let parent = Context::current();
    if !tracing.records(&parent) {
        return answer;
    }
    Box::pin(async move {
        let mut operation = tracing.start(parent, &query);
        let result = operation.within(answer).await;
        finish(&mut operation, &result);
        result
    })
}

/// What `C` alone has.
impl<C> Deref for Traced<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Traced<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C> fmt::Debug for Traced<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("endpoint", self.tracing.endpoint())
            .finish_non_exhaustive()
    }
}
