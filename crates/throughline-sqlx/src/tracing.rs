//! What a pool and all that comes from it share.

use std::sync::Arc;

use opentelemetry::Context;
use sqlx::{Error, SqlStr};
use throughline_core::db_semconv::sql::Dialect;
use throughline_core::db_semconv::{
    DatabaseCall, DatabaseEndpoint, DatabaseHooks, DatabaseMetrics, DatabaseRequest,
    DatabaseSettings, Query,
};
use throughline_core::{Instrumentation, Operation};

use crate::endpoint::dialect;
use crate::errors::finish;
use crate::statement;

/// The providers with the settings, the database and the hooks.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    pub(crate) instrumentation: Instrumentation<DatabaseMetrics>,
    pub(crate) endpoint: Arc<DatabaseEndpoint>,
    pub(crate) dialect: Dialect,
    pub(crate) hooks: DatabaseHooks,
}

impl Tracing {
    pub(crate) fn new(endpoint: DatabaseEndpoint) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self {
            instrumentation: Instrumentation::new(name, version),
            dialect: dialect(&endpoint),
            endpoint: Arc::new(endpoint),
            hooks: DatabaseHooks::default(),
        }
    }

    pub(crate) fn start(
        &self,
        parent: Context,
        query: &dyn Fn(&DatabaseSettings) -> Query,
    ) -> Operation<DatabaseCall> {
        DatabaseRequest {
            endpoint: &self.endpoint,
            query,
            hooks: &self.hooks,
        }
        .start(parent, &self.instrumentation.resolve())
    }

    /// Awaits what begins or ends a transaction, by a statement of sqlx's or of the caller's `own`, with a span of its own
    /// where that is wanted.
    pub(crate) async fn transaction<T>(
        &self,
        command: &'static str,
        own: Option<SqlStr>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if !self.instrumentation.resolve().database().transaction_spans {
            return work.await;
        }
        let query = |settings: &DatabaseSettings| match &own {
            None => statement::command(command, settings),
            Some(own) => statement::read(own.as_str(), self.dialect, false, settings),
        };
        let mut operation = self.start(Context::current(), &query);
        let result = operation.within(work).await;
        finish(&mut operation, &result);
        result
    }
}
