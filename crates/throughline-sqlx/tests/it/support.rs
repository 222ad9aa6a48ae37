//! What several of the modules need.

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Pool, Sqlite};
use throughline_sqlx::{Instrumented, TracedPool};
use throughline_testing::opentelemetry::Value;
use throughline_testing::opentelemetry::trace::{
    FutureExt, TraceContextExt, Tracer, TracerProvider,
};
use throughline_testing::{InMemory, SpanRecord};

/// A database in memory with a table of three orders, through one connection.
pub(crate) async fn sqlite() -> Pool<Sqlite> {
    let options = SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT UNIQUE NOT NULL);
         INSERT INTO orders VALUES (1, 'tea'), (2, 'cup'), (3, 'pot')",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool
}

/// `pool`, traced into `memory`, with all that is opt-in.
pub(crate) fn traced<DB: Instrumented>(pool: Pool<DB>, memory: &InMemory) -> TracedPool<DB> {
    TracedPool::new(pool)
        .tracer_provider(memory.tracer_provider())
        .meter_provider(memory.meter_provider())
        .returned_rows()
}

/// The orders, traced.
pub(crate) async fn orders() -> (TracedPool<Sqlite>, InMemory) {
    let memory = InMemory::new();
    (traced(sqlite().await, &memory), memory)
}

/// The names of the spans, in the order of their ends.
pub(crate) fn names(memory: &InMemory) -> Vec<String> {
    memory.spans().into_iter().map(|span| span.name).collect()
}

/// How many rows a span tells.
pub(crate) fn rows(span: &SpanRecord) -> Option<i64> {
    match span.attribute("db.response.returned_rows") {
        Some(Value::I64(rows)) => Some(*rows),
        _ => None,
    }
}

/// The only span.
#[track_caller]
pub(crate) fn only(memory: &InMemory) -> SpanRecord {
    let spans = memory.take_spans();
    let [span] = &spans[..] else {
        panic!("{spans:#?}")
    };
    span.clone()
}

/// Awaits `work` under a span of this name.
pub(crate) async fn under<F: Future>(memory: &InMemory, name: &'static str, work: F) -> F::Output {
    let tracer = memory.tracer_provider().tracer("test");
    let context = opentelemetry::Context::new().with_span(tracer.start(name));
    work.with_context(context).await
}

/// How many operations were measured, all with the same attributes.
#[track_caller]
pub(crate) fn measured(memory: &InMemory) -> u64 {
    let metrics = memory.metrics();
    let mut durations = (metrics.iter()).filter(|m| m.name == "db.client.operation.duration");
    let [point] = &durations.next().unwrap().points[..] else {
        panic!("{metrics:#?}")
    };
    point.count.unwrap()
}
