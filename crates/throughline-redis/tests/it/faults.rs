//! Servers that die, answers that do not come, and callers that do not wait for them.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redis::aio::{ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncCommands, Cmd, RedisResult, Value};
use throughline_redis::{Traced, TracedBlocking};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::Status;
use tokio::time::timeout;

use crate::servers::own_server;
use crate::support::{measured, only, traced, tracing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_restarted_under_load_leaves_one_span_each() {
    let Some(mut server) = own_server() else {
        return;
    };
    let (memory, client) = (InMemory::new(), server.client(0));
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(1))
        .set_max_delay(Duration::from_millis(5));
    let manager = client
        .get_connection_manager_with_config(config)
        .await
        .unwrap();
    let manager = Traced::new(manager, tracing(&client, &memory));
    let (killed, mut was_killed) = tokio::sync::watch::channel(false);
    was_killed.mark_unchanged();
    let task = |_| {
        let (mut manager, was_killed) = (manager.clone(), was_killed.clone());
        tokio::spawn(async move {
            // Until it has failed, and then until it has been answered again.
            let mut outcomes = vec![];
            loop {
                let answer: RedisResult<i64> = manager.incr("load", 1).await;
                outcomes.push(answer.is_ok());
                let has_failed = outcomes.contains(&false);
                if has_failed && answer.is_ok() || *was_killed.borrow() && answer.is_ok() {
                    return outcomes;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..8).map(task).collect();
    while memory.spans().len() < 100 {
        tokio::task::yield_now().await;
    }
    server.kill();
    while !memory
        .spans()
        .iter()
        .any(|span| span.status != Status::Unset)
    {
        tokio::task::yield_now().await;
    }
    server.restart();
    killed.send_replace(true);
    let outcomes: Vec<bool> = join_all(tasks)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    let spans = memory.spans();
    assert_eq!(spans.len(), outcomes.len());
    assert_eq!(measured(&memory), outcomes.len() as u64);
    let failed = |spans: &[bool]| spans.iter().filter(|is_ok| !**is_ok).count();
    let unset: Vec<_> = spans
        .iter()
        .map(|span| span.status == Status::Unset)
        .collect();
    assert!(failed(&outcomes) > 0);
    assert_eq!(failed(&unset), failed(&outcomes));
    for span in spans.iter().filter(|span| span.status != Status::Unset) {
        let error = span.error_type().unwrap();
        assert!(
            ["connect", "io", "timeout", "LOADING"].contains(&error),
            "{error}"
        );
    }
}

/// What waits until somebody pushes.
fn blpop(key: &str) -> Cmd {
    let mut blpop = redis::cmd("BLPOP");
    blpop.arg(key).arg(1);
    blpop
}

/// Waits until the server has a client that waits.
async fn until_blocked(observer: &mut MultiplexedConnection) {
    loop {
        let info: String = redis::cmd("INFO")
            .arg("clients")
            .query_async(observer)
            .await
            .unwrap();
        if info.contains("blocked_clients:1") {
            return;
        }
    }
}

#[tokio::test]
async fn a_command_that_its_caller_drops_is_cancelled() {
    let Some(server) = own_server() else { return };
    let (mut connection, memory) = traced(&server).await;
    let mut observer = server
        .client(1)
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let command = blpop("cancelled");
    let waiting = command.query_async::<Value>(&mut connection);
    let observed = until_blocked(&mut observer);
    tokio::select! {
        answer = waiting => panic!("{answer:?}"),
        () = observed => {}
    }
    let span = only(&memory);
    assert_eq!(span.error_type(), Some("cancelled"));
    assert_eq!(span.status, Status::error("dropped before the answer"));
    assert_eq!(span.attribute("db.response.status_code"), None);
    // What was sent is answered to nobody, and the connection goes on, as the bare one does.
    let _: i64 = observer.rpush("cancelled", 7).await.unwrap();
    let () = connection.set("after", 8).await.unwrap();
    assert_eq!(connection.get::<_, u8>("after").await.unwrap(), 8);
    assert_eq!(connection.llen::<_, u8>("cancelled").await.unwrap(), 0);
    let mut bare = connection.into_inner();
    assert!(
        blpop("cancelled")
            .query_async::<Value>(&mut bare)
            .now_or_never()
            .is_none()
    );
    assert_eq!(bare.get::<_, u8>("after").await.unwrap(), 8);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_a_timeout() {
    let Some(server) = own_server() else { return };
    let (mut connection, memory) = traced(&server).await;
    connection.set_response_timeout(Duration::from_millis(20));
    let mut sleep = redis::cmd("DEBUG");
    sleep.arg("SLEEP").arg(0.3);
    let error = sleep.exec_async(&mut connection).await.unwrap_err();
    assert!(error.is_timeout());
    let span = only(&memory);
    assert_eq!(span.error_type(), Some("timeout"));
    assert_eq!(
        span.attribute("db.query.text"),
        Some(&"DEBUG SLEEP 0.3".into())
    );
    connection.set_response_timeout(Duration::from_secs(5));
    let _: Value = connection.get("a").await.unwrap();
    assert_eq!(only(&memory).status, Status::Unset);
}

#[tokio::test]
async fn a_timeout_of_the_callers_is_a_cancellation() {
    let Some(server) = own_server() else { return };
    let (mut connection, memory) = traced(&server).await;
    let command = blpop("nobody");
    let answer = timeout(
        Duration::from_millis(20),
        command.query_async::<Value>(&mut connection),
    );
    answer.await.unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("cancelled"));
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_io_error() {
    let Some(mut server) = own_server() else {
        return;
    };
    let (mut connection, memory) = traced(&server).await;
    let client = server.client(0);
    let blocking = client.get_connection().unwrap();
    let mut blocking = TracedBlocking::new(blocking, tracing(&client, &memory));
    let mut reconnecting = TracedBlocking::new(client.clone(), tracing(&client, &memory));
    server.kill();
    connection.get::<_, Value>("a").await.unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("io"));
    redis::Commands::get::<_, Value>(&mut blocking, "a").unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("io"));
    redis::Commands::get::<_, Value>(&mut reconnecting, "a").unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("connect"));
}
