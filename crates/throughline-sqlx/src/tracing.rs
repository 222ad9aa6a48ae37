//! What a pool and all that comes from it share.

use std::sync::Arc;

use opentelemetry::Context;
use sqlx::Error;
use throughline_core::db_semconv::{
    DatabaseCall, DatabaseEndpoint, DatabaseMetrics, DatabaseRequest, DatabaseSettings, Query,
};
use throughline_core::{Instrumentation, Operation};

use crate::errors::finish;

/// The providers, the database and the settings.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    pub(crate) instrumentation: Instrumentation<DatabaseMetrics>,
    pub(crate) endpoint: Arc<DatabaseEndpoint>,
    pub(crate) settings: DatabaseSettings,
    /// Whether what begins and ends a transaction has spans.
    pub(crate) transactions: bool,
}

impl Tracing {
    pub(crate) fn new(endpoint: DatabaseEndpoint) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self {
            instrumentation: Instrumentation::new(name, version),
            endpoint: Arc::new(endpoint),
            settings: DatabaseSettings::default(),
            transactions: false,
        }
    }

    pub(crate) fn start(
        &self,
        parent: Context,
        query: &dyn Fn() -> Query,
    ) -> Operation<DatabaseCall> {
        DatabaseRequest {
            endpoint: &self.endpoint,
            query,
            settings: &self.settings,
        }
        .start(parent, &self.instrumentation.resolve())
    }

    /// Awaits what begins or ends a transaction, with a span of its own where that is wanted.
    pub(crate) async fn transaction<T>(
        &self,
        command: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if !self.transactions {
            return work.await;
        }
        let query = || Query {
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
