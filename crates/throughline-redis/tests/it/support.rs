//! What several of the modules need.

use redis::aio::MultiplexedConnection;
use throughline_redis::{Traced, Tracing};
use throughline_testing::opentelemetry::trace::{
    FutureExt, TraceContextExt, Tracer, TracerProvider,
};
use throughline_testing::{Expected, InMemory, SpanRecord};

use crate::servers::Server;

/// Into `memory`.
pub(crate) fn tracing(of: impl Into<Tracing>, memory: &InMemory) -> Tracing {
    let tracing = of.into().tracer_provider(memory.tracer_provider());
    tracing.meter_provider(memory.meter_provider())
}

/// A connection to a server's database 1, and what is recorded of it.
pub(crate) async fn traced(server: &Server) -> (Traced<MultiplexedConnection>, InMemory) {
    let (memory, client) = (InMemory::new(), server.client(1));
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    (Traced::new(connection, tracing(&client, &memory)), memory)
}

/// What all spans of a connection to a server's database have.
pub(crate) fn endpoint(server: &Server, database: &'static str) -> Vec<(&'static str, Expected)> {
    let port = || Expected::from(i64::from(server.port));
    vec![
        ("db.system.name", "redis".into()),
        ("db.namespace", database.into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", port()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.peer.port", port()),
    ]
}

/// The names of the spans, in the order of their ends, with `@` for the server.
pub(crate) fn names(memory: &InMemory, server: &str) -> Vec<String> {
    let name = |span: SpanRecord| span.name.replace(server, "@");
    memory.spans().into_iter().map(name).collect()
}

/// The only span, which is there no more.
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

/// How many operations were measured.
pub(crate) fn measured(memory: &InMemory) -> u64 {
    let metrics = memory.metrics();
    let duration = (metrics.iter()).find(|metric| metric.name == "db.client.operation.duration");
    let points = duration
        .map(|metric| &metric.points[..])
        .unwrap_or_default();
    points.iter().filter_map(|point| point.count).sum()
}
