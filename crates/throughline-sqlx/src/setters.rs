//! What is set for one pool.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};
use throughline_core::db_semconv::{
    DatabaseEndpoint, DatabaseFinish, DatabaseSettings, Query, QueryText,
};
use throughline_core::{MeterSource, RecordingSpan, TracerSource};

use crate::TracedPool;
use crate::database::Instrumented;
use crate::pool::watched;
use crate::tracing::Tracing;

/// Where spans and metrics go, and how they call the database.
impl<DB: Instrumented> TracedPool<DB> {
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
        self.change(|tracing| tracing.instrumentation.set_tracers(tracers))
    }

    /// Takes metrics from `provider`. Default: the installed or the global provider.
    #[must_use]
    pub fn meter_provider(self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        let meters = MeterSource::new(provider);
        self.change(|tracing| tracing.instrumentation.set_meters(meters))
    }

    /// Records this as `db.system.name`. Default: the driver's own: `postgresql`, `mysql`, `sqlite`.
    ///
    /// For MariaDB, which sqlx's driver for MySQL does not tell apart, and for others that speak a protocol not their own.
    /// The SQL is read as the driver's all the same.
    ///
    /// ```no_run
    /// # #[cfg(feature = "mysql")]
    /// # async fn connect(options: sqlx::mysql::MySqlConnectOptions) -> sqlx::Result<()> {
    /// use sqlx::MySql;
    /// use throughline_sqlx::TracedPool;
    ///
    /// let pool = TracedPool::<MySql>::connect_with(options).await?.system_name("mariadb");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn system_name(self, system: &'static str) -> Self {
        self.change(|tracing| {
            let endpoint = DatabaseEndpoint::clone(&tracing.endpoint);
            tracing.endpoint = Arc::new(endpoint.of_system(system));
        })
    }

    /// Calls the pool this in `db.client.connection.pool.name`. Default: `server.address:server.port/db.namespace`.
    ///
    /// For applications with several pools of one database: of pools with one name, only one tells its connections.
    #[must_use]
    pub fn pool_name(mut self, name: &str) -> Self {
        self.watched = watched(name, &self.pool);
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Tracing)) -> Self {
        change(Arc::make_mut(&mut self.tracing));
        self
    }
}

/// What `db.query.text` shows. Default: what is installed, else the text of a query with bound arguments as it was written, but
/// for its passwords, and any other without its literals.
impl<DB: Instrumented> TracedPool<DB> {
    /// Replaces the literals of every text by `?`, of those with bound arguments, too.
    ///
    /// For code that writes values into its queries and binds others.
    #[must_use]
    pub fn sanitize_all_queries(self) -> Self {
        self.set(|settings| settings.query_text = QueryText::Sanitized)
    }

    /// Records no text. The summary, `SELECT orders`, is there all the same.
    ///
    /// For who pays by the byte, or must not show how tables look.
    #[must_use]
    pub fn without_query_text(self) -> Self {
        self.set(|settings| settings.query_text = QueryText::Off)
    }

    /// Records every text as it was written: with all literals, **and with the passwords** of `ALTER USER` and the like.
    ///
    /// For a developer's machine. No variable can do this.
    #[must_use]
    pub fn raw_query_text_with_secrets(self) -> Self {
        self.set(|settings| settings.query_text = QueryText::RawWithSecrets)
    }
}

/// What is off by default, or as it is installed for all pools.
impl<DB: Instrumented> TracedPool<DB> {
    /// Records `db.response.returned_rows`, and the metric `db.client.response.returned_rows`. Default: off.
    ///
    /// For queries that return more than anybody reads.
    #[must_use]
    pub fn returned_rows(self) -> Self {
        self.set(|settings| settings.returned_rows = true)
    }

    /// Records `throughline.db.affected_rows`, an attribute of our own since the conventions have none: what the
    /// [`QueryResult`](sqlx::Database::QueryResult)s of a query say in sum. Default: off.
    ///
    /// For updates that hit more than they should. It is there where the summary has `INSERT`, `UPDATE`, `DELETE`, `MERGE`,
    /// `REPLACE` or `COPY`, and not with `fetch_one` and `fetch_optional`, for which sqlx drops it. SQLite says after each
    /// statement that changes nothing what the one before it changed: the sum of several is too large there.
    #[must_use]
    pub fn affected_rows(self) -> Self {
        self.set(|settings| settings.affected_rows = true)
    }

    /// Opens spans only where there is one above. Default: everywhere. Queries without are measured all the same.
    ///
    /// For applications that ask their database in the background, where each question would be a trace of its own.
    #[must_use]
    pub fn only_under_parent(self) -> Self {
        self.set(|settings| settings.only_under_parent = true)
    }

    /// Opens spans for what begins and ends a transaction, too: `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT`,
    /// `RELEASE SAVEPOINT` and `ROLLBACK TO SAVEPOINT`. Default: off.
    ///
    /// For commits that take their time. One that is rolled back since it was dropped has no span for that: sqlx does it when
    /// the connection is used next.
    #[must_use]
    pub fn transaction_spans(self) -> Self {
        self.set(|settings| settings.transaction_spans = true)
    }

    /// Opens a span `acquire` of kind INTERNAL for each wait for a connection, below the query that waits. Default: off.
    ///
    /// For telling a slow query from one that waited. The metric `db.client.connection.wait_time` has all waits.
    #[must_use]
    pub fn acquire_spans(self) -> Self {
        self.set(|settings| settings.acquire_spans = true)
    }

    /// Marks queries that took as long as this, or longer: their spans have the event `throughline.db.slow` with the attribute
    /// `throughline.db.slow.threshold`, in seconds. Default: none.
    ///
    /// For finding them. What counts is the span's duration: with the wait for a connection, and of a stream with what is done
    /// between its rows.
    #[must_use]
    pub fn slow_threshold(self, threshold: Duration) -> Self {
        self.set(move |settings| settings.slow_threshold = Some(threshold))
    }

    /// Records the names of semantic conventions 1.24, too: `db.system`, `db.name`, `db.user`, `db.statement`, and of queries
    /// with one operation and one table `db.operation` and `db.sql.table`. Default: the stable names alone.
    ///
    /// For the time in which dashboards and alerts still ask for the old ones. With `throughline::init()`,
    /// `OTEL_SEMCONV_STABILITY_OPT_IN=database/dup` does it for all.
    #[must_use]
    pub fn old_names(self) -> Self {
        self.set(|settings| settings.old_names = true)
    }

    fn set(self, change: impl Fn(&mut DatabaseSettings) + Send + Sync + 'static) -> Self {
        self.change(|tracing| tracing.instrumentation.change_database(change))
    }
}

/// What the application decides and adds. A panic in there reaches nobody.
impl<DB: Instrumented> TracedPool<DB> {
    /// Traces and measures only the queries for which `predicate` is true. Default: all.
    ///
    /// For health checks and the like. It sees what would be recorded; one that panics has said yes.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # fn filtered(pool: throughline_sqlx::TracedPool<sqlx::Sqlite>) {
    /// let pool = pool.filter(|query| query.summary.as_ref().is_none_or(|it| it.as_str() != "SELECT health"));
    /// # }
    /// ```
    #[must_use]
    pub fn filter(self, predicate: impl Fn(&Query) -> bool + Send + Sync + 'static) -> Self {
        self.change(|tracing| tracing.hooks.set_filter(predicate))
    }

    /// Calls `hook` when the span of a query has started, where it records. Default: none.
    ///
    /// For attributes and names of one's own. [`Context::current`](opentelemetry::Context::current) is the caller's in there,
    /// which may carry what is not in the query: arguments that may be seen, for sqlx keeps them where nobody can read them.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # async fn hooked(pool: throughline_sqlx::TracedPool<sqlx::Sqlite>) -> sqlx::Result<()> {
    /// use opentelemetry::trace::FutureExt;
    /// use opentelemetry::{Context, KeyValue};
    ///
    /// struct OrderId(i64);
    ///
    /// let pool = pool.on_start(|_, span| {
    ///     if let Some(OrderId(id)) = Context::current().get() {
    ///         span.set_attributes([KeyValue::new("db.query.parameter.0", id.to_string())]);
    ///     }
    /// });
    /// let query = sqlx::query("SELECT item FROM orders WHERE id = ?").bind(7);
    /// query.fetch_one(&pool).with_context(Context::current_with_value(OrderId(7))).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_start(
        self,
        hook: impl Fn(&Query, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.change(|tracing| tracing.hooks.set_on_start(hook))
    }

    /// Calls `hook` when a query has ended, however it did, right before its span ends. Default: none.
    ///
    /// For what depends on the outcome. It may run in a destructor: it must be short, and not block.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # fn hooked(pool: throughline_sqlx::TracedPool<sqlx::Sqlite>) {
    /// use opentelemetry::KeyValue;
    ///
    /// let pool = pool.on_finish(|finish, span| {
    ///     let is_too_much = finish.returned_rows.is_some_and(|rows| rows > 1000);
    ///     span.set_attributes([KeyValue::new("shop.db.too_much", is_too_much)]);
    /// });
    /// # }
    /// ```
    #[must_use]
    pub fn on_finish(
        self,
        hook: impl Fn(&DatabaseFinish<'_>, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.change(|tracing| tracing.hooks.set_on_finish(hook))
    }
}
