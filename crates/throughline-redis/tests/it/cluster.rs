//! Clusters: commands that are sent elsewhere, and nodes that are lost.

use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncCommands, RedisResult};
use throughline_redis::{Traced, Tracing};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::Status;

use crate::servers::{Cluster, cluster};
use crate::support::{only, tracing};

async fn connect(cluster: &Cluster) -> (Traced<ClusterConnection>, InMemory) {
    let memory = InMemory::new();
    let client = ClusterClient::builder(cluster.urls())
        .retries(2)
        .min_retry_wait(1)
        .max_retry_wait(10)
        .build()
        .unwrap();
    let connection = client.get_async_connection().await.unwrap();
    (
        Traced::new(connection, tracing(Tracing::cluster(), &memory)),
        memory,
    )
}

/// Its slot is 12182: the third node's.
const FOO: &str = "foo";

#[tokio::test]
async fn a_command_that_has_moved_is_one_span() {
    let Some(cluster) = cluster() else { return };
    let (mut traced, memory) = connect(&cluster).await;
    let () = traced.set(FOO, 7).await.unwrap();
    assert_eq!(only(&memory).status, Status::Unset);

    // A connection to the wrong node is told so.
    let client = cluster.nodes[0].client(0);
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut single = Traced::new(connection, tracing(&client, &memory));
    let error = single.get::<_, u8>(FOO).await.unwrap_err();
    assert_eq!(error.code(), Some("MOVED"));
    assert_eq!(only(&memory).error_type(), Some("MOVED"));

    // The slot goes to the first node behind the cluster connection's back, which follows.
    let () = traced.del(FOO).await.unwrap();
    drop(memory.take_spans());
    let mut ids = Vec::new();
    for node in &cluster.nodes {
        let mut connection = node.client(0).get_connection().unwrap();
        let id: String = redis::cmd("CLUSTER")
            .arg("MYID")
            .query(&mut connection)
            .unwrap();
        ids.push(id);
    }
    for node in [0, 2, 1] {
        let mut connection = cluster.nodes[node].client(0).get_connection().unwrap();
        let mut set = redis::cmd("CLUSTER");
        set.arg("SETSLOT").arg(12182).arg("NODE").arg(&ids[0]);
        set.exec(&mut connection).unwrap();
    }
    let () = traced.set(FOO, 8).await.unwrap();
    let span = only(&memory);
    assert_eq!((&*span.name, span.status), ("SET", Status::Unset));
    assert_eq!(single.get::<_, u8>(FOO).await.unwrap(), 8);
}

/// The outcome of a command for each of some keys, which are in all nodes.
async fn outcomes(connection: &mut (impl ConnectionLike + Send + Sync)) -> Vec<bool> {
    let mut outcomes = Vec::new();
    for key in 0..30 {
        let answer: RedisResult<()> = connection.set(format!("key:{key}"), key).await;
        outcomes.push(answer.is_ok());
    }
    outcomes
}

#[tokio::test]
async fn a_node_that_is_lost_is_an_error_of_its_commands() {
    let Some(mut cluster) = cluster() else { return };
    for node in &cluster.nodes {
        // The others go on without the one.
        let mut connection = node.client(0).get_connection().unwrap();
        let mut set = redis::cmd("CONFIG");
        set.arg("SET")
            .arg("cluster-require-full-coverage")
            .arg("no");
        set.exec(&mut connection).unwrap();
    }
    let (mut traced, memory) = connect(&cluster).await;
    assert!(outcomes(&mut traced).await.into_iter().all(|is_ok| is_ok));
    assert_eq!(memory.take_spans().len(), 30);
    cluster.nodes[2].kill();
    let with = outcomes(&mut traced).await;
    let spans = memory.take_spans();
    let spans_with: Vec<_> = spans
        .iter()
        .map(|span| span.status == Status::Unset)
        .collect();
    assert_eq!(spans_with, with, "one span each, with its outcome");
    assert!(with.contains(&true) && with.contains(&false), "{with:?}");
    assert!(
        spans
            .iter()
            .all(|span| (span.status == Status::Unset) == span.error_type().is_none())
    );
    // As without us.
    let bare = outcomes(&mut traced.into_inner()).await;
    assert_eq!(bare, with);
}
