//! A file of ordinary code, which is compiled twice: as it is, and with one type alias changed.

#![allow(clippy::duplicate_mod, reason = "it is compiled twice")]

mod bare;
mod traced;

use throughline_testing::InMemory;

use crate::servers::own_server;
use crate::support::tracing;

#[tokio::test]
async fn ordinary_code_compiles_and_passes_with_one_alias_changed() {
    let Some(server) = own_server() else { return };
    let client = server.client(0);
    let connection = || async { client.get_multiplexed_async_connection().await.unwrap() };
    let manager = || async { client.get_connection_manager().await.unwrap() };
    bare::code::all(connection().await, manager().await)
        .await
        .unwrap();

    let () = redis::cmd("FLUSHALL")
        .query_async(&mut connection().await)
        .await
        .unwrap();
    let memory = InMemory::new();
    let tracing = tracing(&client, &memory);
    let connection = throughline_redis::Traced::new(connection().await, &tracing);
    let manager = throughline_redis::Traced::new(manager().await, &tracing);
    traced::code::all(connection, manager).await.unwrap();
    // How many calls a scan takes is the server's affair.
    let mut spans = memory.spans();
    spans.retain(|span| !span.name.starts_with("SCAN "));
    assert_eq!(spans.len(), 60);
    assert!(spans.len() < memory.spans().len());
}
