//! The metrics of a pool.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sqlx::Executor;
use sqlx::sqlite::SqlitePoolOptions;
use throughline_testing::InMemory;

use crate::support::{orders, traced};

/// The points of the pools, by the metric, the pool and the state: of a histogram how often it was recorded.
pub(crate) fn figures(memory: &InMemory) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    for metric in memory.metrics() {
        let Some(name) = metric.name.strip_prefix("db.client.connection.") else {
            continue;
        };
        for point in metric.points {
            let mut key = name.to_owned();
            for value in point.attributes.values() {
                key = format!("{key} {value}");
            }
            let figure = point.count.map_or(point.value, |count| {
                f64::from(u32::try_from(count).unwrap())
            });
            figures.insert(key, figure);
        }
    }
    figures
}

#[track_caller]
fn check(memory: &InMemory, expected: &[(&str, f64)]) {
    let figures = figures(memory);
    for (key, value) in expected {
        assert_eq!(figures.get(*key), Some(value), "{key}: {figures:#?}");
    }
}

#[tokio::test]
async fn a_pool_tells_what_it_is_at() {
    let (pool, memory) = orders().await;
    let pool = pool.pool_name("shop");
    assert!(figures(&memory).is_empty());
    let held = pool.acquire().await.unwrap();
    check(
        &memory,
        &[
            ("count shop idle", 0.0),
            ("count shop used", 1.0),
            ("max shop", 1.0),
            ("idle.max shop", 1.0),
            ("idle.min shop", 0.0),
            ("pending_requests shop", 0.0),
            ("wait_time shop", 1.0),
        ],
    );
    assert!(!figures(&memory).contains_key("use_time shop"));

    let mut waiting = Box::pin(pool.execute("SELECT 1"));
    assert!(waiting.as_mut().now_or_never().is_none());
    check(&memory, &[("pending_requests shop", 1.0)]);
    drop(held);
    waiting.await.unwrap();
    pool.begin().await.unwrap().commit().await.unwrap();
    pool.fetch("SELECT 1").next().await.unwrap().unwrap();
    drop(pool.acquire().await.unwrap());
    check(
        &memory,
        &[
            ("pending_requests shop", 0.0),
            ("wait_time shop", 5.0),
            ("use_time shop", 5.0),
        ],
    );
    assert!(!figures(&memory).contains_key("timeouts shop"));
}

#[tokio::test]
async fn a_wait_that_is_given_up_is_pending_no_more() {
    let memory = InMemory::new();
    let options = SqlitePoolOptions::new().max_connections(1);
    let options = options.acquire_timeout(Duration::from_millis(500));
    let pool = options.connect_lazy("sqlite::memory:").unwrap();
    let held = pool.acquire().await.unwrap();
    let pool = traced(pool, &memory);
    assert!(pool.acquire().now_or_never().is_none());
    check(&memory, &[("pending_requests :memory:", 0.0)]);
    pool.execute("SELECT 1").await.unwrap_err();
    check(
        &memory,
        &[
            ("pending_requests :memory:", 0.0),
            ("timeouts :memory:", 1.0),
        ],
    );
    assert_eq!(memory.spans()[0].error_type(), Some("pool_timeout"));
    assert!(!figures(&memory).contains_key("wait_time :memory:"));
    drop(held);
}

#[tokio::test]
async fn pools_have_names_of_their_own_and_are_told_until_the_last_clone_is_gone() {
    let (one, memory) = orders().await;
    let (another, _) = orders().await;
    let another = another.meter_provider(memory.meter_provider());
    let another = another.pool_name("another");
    one.execute("SELECT 1").await.unwrap();
    another.execute("SELECT 1").await.unwrap();
    check(&memory, &[("max :memory:", 1.0), ("max another", 1.0)]);
    let clone = one.clone();
    drop(one);
    clone.execute("SELECT 1").await.unwrap();
    check(
        &memory,
        &[("wait_time :memory:", 2.0), ("max :memory:", 1.0)],
    );
}

#[tokio::test]
async fn connections_that_leave_their_pool_are_in_use_no_more() {
    let (pool, memory) = orders().await;
    for way in 0..4 {
        let mut connection = pool.acquire().await.unwrap();
        match way {
            0 => connection.close().await.unwrap(),
            1 => {
                connection.close_on_drop();
                drop(connection);
            }
            2 => drop(connection.detach()),
            // The last one: the pool keeps its place.
            _ => drop(connection.leak()),
        }
    }
    check(
        &memory,
        &[
            ("use_time :memory:", 4.0),
            ("wait_time :memory:", 4.0),
            ("count :memory: used", 1.0),
        ],
    );
    assert!(pool.try_acquire().is_none());
}
