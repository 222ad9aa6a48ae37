//! What a pool and all that comes from it share.

use std::sync::Arc;

use opentelemetry::Context;
use sqlx::Error;
use throughline_core::db_semconv::{
    DatabaseCall, DatabaseEndpoint, DatabaseHooks, DatabaseMetrics, DatabaseRequest,
    DatabaseSettings, Query,
};
use throughline_core::{Instrumentation, Operation};

use crate::errors::finish;

/// The providers with the settings, the database and the hooks.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    pub(crate) instrumentation: Instrumentation<DatabaseMetrics>,
    pub(crate) endpoint: Arc<DatabaseEndpoint>,
    pub(crate) hooks: DatabaseHooks,
}

impl Tracing {
    pub(crate) fn new(endpoint: DatabaseEndpoint) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self {
            instrumentation: Instrumentation::new(name, version),
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

    /// Awaits what begins or ends a transaction, with a span of its own where that is wanted.
    pub(crate) async fn transaction<T>(
        &self,
        command: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if !self.instrumentation.resolve().database().transaction_spans {
            return work.await;
        }
        let query = |_: &DatabaseSettings| Query {
            text: Some(command.into()),
            summary: Some(command.into()),
            ..Query::default()
        };
        let mut operation = self.start(Context::current(), &query);
        let result = operation.within(work).await;
        finish(&mut operation, &result);
        result
    }
}
