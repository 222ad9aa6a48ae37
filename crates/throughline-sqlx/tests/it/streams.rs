//! Streams and futures that end early.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::{FutureExt, StreamExt};
use sqlx::Executor;
use throughline_sqlx::TracedPool;
use throughline_testing::opentelemetry::trace::Status;

use crate::support::{only, orders, rows, sqlite};

const SELECT: &str = "SELECT id, item FROM orders WHERE id >= ?";

/// Rows of which the second cannot be computed: the smallest integer has no absolute value.
const FAILS_HALFWAY: &str = "SELECT abs(column1) FROM (VALUES (1), (-9223372036854775808), (3))";

#[tokio::test]
async fn a_stream_that_is_dropped_after_rows_has_finished() {
    let (pool, memory) = orders().await;
    let mut stream = sqlx::query(SELECT).bind(1).fetch(&pool);
    for _ in 0..2 {
        stream.next().await.unwrap().unwrap();
    }
    assert!(memory.spans().is_empty());
    drop(stream);
    let span = only(&memory);
    assert_eq!(
        (span.status.clone(), span.error_type()),
        (Status::Unset, None)
    );
    assert_eq!(rows(&span), Some(2));
    // The only connection is free again.
    pool.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_polled_after_its_end_has_one_span() {
    let (pool, memory) = orders().await;
    let mut stream = pool.fetch_many("SELECT 1");
    while let Some(item) = stream.next().await {
        item.unwrap();
    }
    assert!(stream.next().await.is_none());
    drop(stream);
    assert_eq!(rows(&only(&memory)), Some(1));
}

#[tokio::test]
async fn what_was_never_polled_leaves_nothing() {
    let (pool, memory) = orders().await;
    drop(pool.fetch_many("SELECT 1"));
    drop(pool.execute("SELECT 1"));
    drop(pool.fetch_optional("SELECT 1"));
    assert!(memory.spans().is_empty());
    assert!(memory.metrics().is_empty());
}

#[tokio::test]
async fn an_error_halfway_ends_the_span_with_the_rows_so_far() {
    let (pool, memory) = orders().await;
    let mut stream = pool.fetch(FAILS_HALFWAY);
    stream.next().await.unwrap().unwrap();
    stream.next().await.unwrap().unwrap_err();
    // It has ended with the error, and not only when it is dropped.
    let span = only(&memory);
    assert_eq!((rows(&span), span.error_type()), (Some(1), Some("1")));
    drop(stream);
    assert!(memory.spans().is_empty());

    pool.fetch_all(FAILS_HALFWAY).await.unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("1"));
    pool.execute(FAILS_HALFWAY).await.unwrap_err();
    let span = only(&memory);
    assert_eq!((rows(&span), span.error_type()), (Some(1), Some("1")));
}

/// Polls once what waits for the only connection, and drops it.
#[tokio::test]
async fn what_is_dropped_while_it_waits_is_cancelled() {
    let (pool, memory) = orders().await;
    let held = pool.acquire().await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    for way in 0..4 {
        match way {
            0 => assert!(pool.execute("SELECT 1").now_or_never().is_none()),
            1 => assert!(pool.fetch_all("SELECT 1").now_or_never().is_none()),
            2 => assert!(pool.fetch_optional("SELECT 1").now_or_never().is_none()),
            _ => {
                let mut stream = pin!(pool.fetch("SELECT 1"));
                assert!(matches!(
                    stream.as_mut().poll_next_unpin(&mut cx),
                    Poll::Pending
                ));
            }
        }
        let span = only(&memory);
        assert_eq!(span.error_type(), Some("cancelled"));
        assert_eq!(span.status, Status::error("dropped before the answer"));
    }
    drop(held);
    pool.execute("SELECT 1").await.unwrap();
    assert_eq!(only(&memory).error_type(), None);
}

#[tokio::test]
async fn the_span_is_not_current_between_the_polls_of_its_stream() {
    let (pool, memory) = orders().await;
    let mut stream = pool.fetch("SELECT 1");
    stream.next().await.unwrap().unwrap();
    let inner = TracedPool::new(sqlite().await).tracer_provider(memory.tracer_provider());
    inner.execute("SELECT 2").await.unwrap();
    drop(stream);
    assert_eq!(
        memory.traces().len(),
        2,
        "the one is not the other's parent"
    );
}
