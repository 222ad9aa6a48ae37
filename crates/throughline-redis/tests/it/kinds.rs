//! The table of the README: each kind of connection, and what goes through it.

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Client, Commands, Script};
use throughline_redis::{Guarded, PoolState, Traced, TracedBlocking, TracedPool, Tracing};
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::{Expected, InMemory};

use crate::servers::{Server, cluster, server};
use crate::support::{endpoint, measured, tracing};

/// One of each: a command, pipelines, a transaction, a script, a message.
async fn operations(connection: &mut (impl ConnectionLike + Send + Sync), key: &str) {
    let () = connection.set(key, "s3cret").await.unwrap();
    let () = redis::pipe()
        .set(key, 7)
        .get(key)
        .ignore()
        .query_async(connection)
        .await
        .unwrap();
    let (a, b): (u8, u8) = redis::pipe()
        .get(key)
        .get(key)
        .query_async(connection)
        .await
        .unwrap();
    assert_eq!((a, b), (7, 7));
    let mut transaction = redis::pipe();
    transaction.atomic().incr(key, 1).incr(key, 2);
    let incremented: (u8, u8) = transaction.query_async(connection).await.unwrap();
    assert_eq!(incremented, (8, 10));
    let answer: u8 = script(key)
        .key(key)
        .arg("s3cret")
        .invoke_async(connection)
        .await
        .unwrap();
    assert_eq!(answer, 10);
    let _: u8 = connection.publish(key, "s3cret").await.unwrap();
}

/// The same.
fn blocking_operations(connection: &mut impl redis::ConnectionLike, key: &str) {
    let () = connection.set(key, "s3cret").unwrap();
    let () = redis::pipe()
        .set(key, 7)
        .get(key)
        .ignore()
        .query(connection)
        .unwrap();
    let (a, b): (u8, u8) = redis::pipe().get(key).get(key).query(connection).unwrap();
    assert_eq!((a, b), (7, 7));
    let mut transaction = redis::pipe();
    transaction.atomic().incr(key, 1).incr(key, 2);
    let incremented: (u8, u8) = transaction.query(connection).unwrap();
    assert_eq!(incremented, (8, 10));
    let answer: u8 = script(key)
        .key(key)
        .arg("s3cret")
        .invoke(connection)
        .unwrap();
    assert_eq!(answer, 10);
    let _: u8 = connection.publish(key, "s3cret").unwrap();
}

/// One that no other test has loaded.
fn script(key: &str) -> Script {
    Script::new(&format!(
        "return redis.call('get', KEYS[1]) -- {key} s3cret"
    ))
}

/// Compares all that they leave.
fn check(
    memory: &InMemory,
    endpoint: &[(&'static str, Expected)],
    server: Option<&str>,
    key: &str,
) {
    let hash = script(key).get_hash().to_owned();
    let evalsha = format!("EVALSHA {hash} 1 {key} ?");
    let expected: [(&str, String, Option<i64>, bool); 9] = [
        ("SET", format!("SET {key} ?"), None, false),
        (
            "PIPELINE",
            format!("SET {key} ?; GET {key}"),
            Some(2),
            false,
        ),
        (
            "PIPELINE GET",
            format!("GET {key}; GET {key}"),
            Some(2),
            false,
        ),
        (
            "MULTI INCRBY",
            format!("INCRBY {key} 1; INCRBY {key} 2"),
            Some(2),
            false,
        ),
        ("EVALSHA", evalsha.clone(), None, true),
        ("SCRIPT", "SCRIPT LOAD ?".to_owned(), None, false),
        ("EVALSHA", evalsha, None, true),
        ("PUBLISH", format!("PUBLISH {key} ?"), None, false),
        ("", String::new(), None, false),
    ];
    let spans = memory.spans();
    assert_eq!(spans.len(), expected.len() - 1, "{spans:#?}");
    for (span, (operation, text, size, is_script)) in spans.iter().zip(&expected) {
        let target = if *is_script { Some(&*hash) } else { server };
        let target = target
            .map(|target| format!(" {target}"))
            .unwrap_or_default();
        assert_eq!(span.name, format!("{operation}{target}"));
        assert_eq!(
            (span.kind.clone(), &span.status),
            (SpanKind::Client, &Status::Unset)
        );
        let mut attributes = endpoint.to_vec();
        attributes.push(("db.operation.name", (*operation).into()));
        attributes.push(("db.query.text", text.as_str().into()));
        attributes.extend(size.map(|size| ("db.operation.batch.size", size.into())));
        attributes.extend(is_script.then_some(("db.stored_procedure.name", hash.as_str().into())));
        span.assert_attributes(&attributes);
    }
    assert_eq!(measured(memory), 8);
    let recorded = format!("{spans:?}{:?}", memory.metrics());
    assert!(!recorded.contains("s3cret"), "{recorded}");
}

fn check_server(memory: &InMemory, server: &Server, key: &str) {
    check(memory, &endpoint(server, "0"), Some(&server.name()), key);
}

#[tokio::test]
async fn a_multiplexed_connection() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut traced = Traced::new(connection, tracing(&client, &memory));
    operations(&mut traced, "multiplexed").await;
    check_server(&memory, &server, "multiplexed");
}

#[tokio::test]
async fn a_connection_manager() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let connection = client.get_connection_manager().await.unwrap();
    let mut traced = Traced::new(connection, tracing(&client, &memory));
    operations(&mut traced, "manager").await;
    check_server(&memory, &server, "manager");
}

#[tokio::test]
async fn a_connection_by_a_socket() {
    let Some(server) = server() else { return };
    let path = server.socket().display().to_string();
    let (memory, client) = (
        InMemory::new(),
        Client::open(format!("unix:{path}?db=2")).unwrap(),
    );
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut traced = Traced::new(connection, tracing(&client, &memory));
    operations(&mut traced, "socket").await;
    let endpoint = [
        ("db.system.name", "redis".into()),
        ("db.namespace", "2".into()),
        ("server.address", path.as_str().into()),
        ("network.peer.address", path.as_str().into()),
    ];
    check(&memory, &endpoint, Some(&path), "socket");
}

#[tokio::test]
async fn a_cluster() {
    let Some(cluster) = cluster() else { return };
    let memory = InMemory::new();
    let client = redis::cluster::ClusterClient::new(cluster.urls()).unwrap();
    let connection = client.get_async_connection().await.unwrap();
    let mut traced = Traced::new(connection, tracing(Tracing::cluster(), &memory));
    operations(&mut traced, "cluster").await;
    let endpoint = [
        ("db.system.name", "redis".into()),
        ("db.namespace", "0".into()),
    ];
    check(&memory, &endpoint, None, "cluster");

    let memory = InMemory::new();
    let connection = client.get_connection().unwrap();
    let mut traced = TracedBlocking::new(connection, tracing(Tracing::cluster(), &memory));
    // A transaction is for asynchronous connections alone.
    let () = traced.set("blocking", 1).unwrap();
    assert_eq!(memory.spans()[0].name, "SET");
}

fn deadpool(server: &Server) -> deadpool_redis::Pool {
    let config = deadpool_redis::Config::from_url(format!("redis://127.0.0.1:{}", server.port));
    config
        .create_pool(Some(deadpool_redis::Runtime::Tokio1))
        .unwrap()
}

#[tokio::test]
async fn what_deadpool_lends() {
    let Some(server) = server() else { return };
    let (memory, pool) = (InMemory::new(), deadpool(&server));
    let tracing = tracing(&server.client(0), &memory);
    let mut traced = Traced::new(pool.get().await.unwrap(), &tracing);
    operations(&mut traced, "deadpool").await;
    check_server(&memory, &server, "deadpool");
}

#[tokio::test]
async fn what_bb8_lends() {
    let Some(server) = server() else { return };
    let memory = InMemory::new();
    let tracing = tracing(&server.client(0), &memory);
    let manager =
        bb8_redis::RedisConnectionManager::new(server.client(0).get_connection_info().clone());
    let pool = bb8_redis::bb8::Pool::builder()
        .build(manager.unwrap())
        .await
        .unwrap();
    let mut traced = Traced::new(Guarded(pool.get().await.unwrap()), &tracing);
    operations(&mut traced, "bb8").await;
    check_server(&memory, &server, "bb8");
}

#[tokio::test]
async fn what_a_measured_pool_lends() {
    let Some(server) = server() else { return };
    let (memory, pool) = (InMemory::new(), deadpool(&server));
    let traced = TracedPool::new(tracing(&server.client(0), &memory), PoolState::default);
    let mut lent = traced.lend(pool.get(), |_| false).await.unwrap();
    operations(&mut *lent, "measured").await;
    check_server(&memory, &server, "measured");
}

#[test]
fn a_blocking_connection() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let connection = client.get_connection().unwrap();
    let mut traced = TracedBlocking::new(connection, tracing(&client, &memory));
    blocking_operations(&mut traced, "blocking");
    check_server(&memory, &server, "blocking");
}

#[test]
fn a_client_that_connects_each_time() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let mut traced = TracedBlocking::new(client.clone(), tracing(&client, &memory));
    blocking_operations(&mut traced, "client");
    check_server(&memory, &server, "client");
}
