//! What the connections of a server have in common.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use redis::{Client, ConnectionInfo};
use throughline_core::db_semconv::{
    DatabaseCall, DatabaseEndpoint, DatabaseFinish, DatabaseHooks, DatabaseMetrics,
    DatabaseRequest, DatabaseSettings, Query, QueryText,
};
use throughline_core::{Instrumentation, MeterSource, Operation, RecordingSpan, TracerSource};

use crate::endpoint;

/// The server that connections lead to, and what is recorded of what goes through them.
///
/// Made of a [`Client`] or a [`ConnectionInfo`], for they know the server; clones share it. All that is traced is made with one, or
/// with what one can be made of: `Traced::new(connection, &client)`.
///
/// ```
/// use throughline_redis::Tracing;
/// use throughline_redis::redis::Client;
///
/// # fn main() -> redis::RedisResult<()> {
/// let client = Client::open("redis://cache.internal/1")?;
/// let tracing = Tracing::from(&client).only_under_parent();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tracing(Arc<Shared>);

#[derive(Clone, Debug)]
struct Shared {
    instrumentation: Instrumentation<DatabaseMetrics>,
    endpoint: Arc<DatabaseEndpoint>,
    hooks: DatabaseHooks,
}

impl Tracing {
    fn new(endpoint: DatabaseEndpoint) -> Self {
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        Self(Arc::new(Shared {
            instrumentation: Instrumentation::new(name, version),
            endpoint: Arc::new(endpoint),
            hooks: DatabaseHooks::default(),
        }))
    }

    /// Of a cluster. Which of its nodes a command goes to its connections do not tell: neither `server.address` nor
    /// `server.port` is recorded.
    #[must_use]
    pub fn cluster() -> Self {
        Self::new(endpoint::of_cluster())
    }

    /// Takes spans from `provider`. Default: the installed or the global provider.
    ///
    /// For tests side by side in one process, and for applications with several providers.
    #[must_use]
    pub fn tracer_provider<P>(self, provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        let tracers = TracerSource::new(provider);
        self.change(|shared| shared.instrumentation.set_tracers(tracers))
    }

    /// Takes metrics from `provider`. Default: the installed or the global provider.
    #[must_use]
    pub fn meter_provider(self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        let meters = MeterSource::new(provider);
        self.change(|shared| shared.instrumentation.set_meters(meters))
    }

    /// Opens spans only where there is one above. Default: everywhere. Commands without are measured all the same.
    ///
    /// For applications that ask Redis in the background, where each command would be a trace of its own.
    #[must_use]
    pub fn only_under_parent(self) -> Self {
        self.set(|settings| settings.only_under_parent = true)
    }

    /// What `db.query.text` shows. Default: [`QueryText::Parameterized`], which is the same as [`QueryText::Sanitized`] here:
    /// commands without values and secrets.
    #[must_use]
    pub fn query_text(self, text: QueryText) -> Self {
        self.set(move |settings| settings.query_text = text)
    }

    /// Adds the event `throughline.db.slow` to the span of an operation that took this long. Default: to none.
    #[must_use]
    pub fn slow_threshold(self, threshold: Duration) -> Self {
        self.set(move |settings| settings.slow_threshold = Some(threshold))
    }

    /// Records only the operations for which `predicate` is true, on spans and metrics. Default: all. One that panics has
    /// said yes.
    ///
    /// For what says nothing, as a `PING` that keeps a connection open.
    #[must_use]
    pub fn filter(self, predicate: impl Fn(&Query) -> bool + Send + Sync + 'static) -> Self {
        self.change(|shared| shared.hooks.set_filter(predicate))
    }

    /// Calls `hook` when an operation has started whose span records. It may add attributes and rename the span. A panic
    /// in it reaches nobody. Default: none.
    #[must_use]
    pub fn on_start(
        self,
        hook: impl Fn(&Query, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.change(|shared| shared.hooks.set_on_start(hook))
    }

    /// Calls `hook` right before the span of an operation ends, where it records. It may run in a destructor; a panic in it
    /// reaches nobody. Default: none.
    #[must_use]
    pub fn on_finish(
        self,
        hook: impl Fn(&DatabaseFinish<'_>, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.change(|shared| shared.hooks.set_on_finish(hook))
    }

    fn set(self, set: impl Fn(&mut DatabaseSettings) + Send + Sync + 'static) -> Self {
        self.change(|shared| shared.instrumentation.change_database(set))
    }

    fn change(mut self, change: impl FnOnce(&mut Shared)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn endpoint(&self) -> &DatabaseEndpoint {
        &self.0.endpoint
    }

    pub(crate) fn instrumentation(&self) -> &Instrumentation<DatabaseMetrics> {
        &self.0.instrumentation
    }

    /// Whether an operation under `parent` may leave anything behind.
    pub(crate) fn records(&self, parent: &Context) -> bool {
        DatabaseRequest::is_worthwhile(parent, &self.0.instrumentation.resolve())
    }

    pub(crate) fn start(
        &self,
        parent: Context,
        query: &dyn Fn(&DatabaseSettings) -> Query,
    ) -> Operation<DatabaseCall> {
        DatabaseRequest {
            endpoint: &self.0.endpoint,
            query,
            hooks: &self.0.hooks,
        }
        .start(parent, &self.0.instrumentation.resolve())
    }
}

impl From<&ConnectionInfo> for Tracing {
    fn from(info: &ConnectionInfo) -> Self {
        Self::new(endpoint::of(info))
    }
}

impl From<&Client> for Tracing {
    fn from(client: &Client) -> Self {
        client.get_connection_info().into()
    }
}

impl From<&Self> for Tracing {
    fn from(tracing: &Self) -> Self {
        tracing.clone()
    }
}
