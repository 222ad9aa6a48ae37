//! What is measured of pools.

use std::time::Duration;

use deadpool_redis::{Config, PoolError, Runtime, Timeouts};
use redis::AsyncCommands;
use throughline_redis::{PoolState, TracedPool};
use throughline_testing::{InMemory, MetricRecord};

use crate::servers::server;
use crate::support::tracing;

/// The values of a metric, in the order of their states.
fn values(metrics: &[MetricRecord], name: &str) -> Vec<f64> {
    let metric = metrics.iter().find(|metric| metric.name == name);
    let points = metric.map(|metric| &metric.points[..]).unwrap_or_default();
    let mut values: Vec<_> = (points.iter())
        .map(|point| {
            (
                format!("{:?}", point.attributes),
                point.count.map_or(point.value, |it| it as f64),
            )
        })
        .collect();
    values.sort_by(|one, other| one.0.cmp(&other.0));
    values.into_iter().map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_pool_is_measured() {
    let Some(server) = server() else { return };
    let memory = InMemory::new();
    let config = Config::from_url(format!("redis://127.0.0.1:{}", server.port));
    let builder = config
        .builder()
        .unwrap()
        .max_size(2)
        .runtime(Runtime::Tokio1);
    let pool = builder.build().unwrap();
    let state = {
        let pool = pool.clone();
        move || {
            let status = pool.status();
            let size = |size| u32::try_from(size).unwrap();
            PoolState {
                idle: size(status.available),
                used: size(status.size - status.available),
                max: size(status.max_size),
                idle_max: size(status.max_size),
                idle_min: 0,
            }
        }
    };
    let traced = TracedPool::new(tracing(&server.client(0), &memory), state).pool_name("cache");
    let is_timeout = |error: &PoolError| matches!(error, PoolError::Timeout(_));
    let mut one = traced.lend(pool.get(), is_timeout).await.unwrap();
    let _: Option<i64> = one.get("pooled").await.unwrap();
    let two = traced.lend(pool.get(), is_timeout).await.unwrap();
    let mut timeouts = Timeouts::new();
    timeouts.wait = Some(Duration::from_millis(1));
    traced
        .lend(pool.timeout_get(&timeouts), is_timeout)
        .await
        .unwrap_err();
    drop(one);

    let metrics = memory.metrics();
    let check = |name: &str, expected: &[f64]| {
        assert_eq!(
            values(&metrics, &format!("db.client.connection.{name}")),
            expected,
            "{name}"
        );
    };
    check("count", &[1.0, 1.0]);
    check("max", &[2.0]);
    check("idle.max", &[2.0]);
    check("idle.min", &[0.0]);
    check("pending_requests", &[0.0]);
    check("timeouts", &[1.0]);
    check("wait_time", &[2.0]);
    check("use_time", &[1.0]);
    for metric in metrics
        .iter()
        .filter(|metric| metric.name.contains("connection"))
    {
        for point in &metric.points {
            assert_eq!(
                point.attributes["db.client.connection.pool.name"].as_str(),
                "cache"
            );
        }
    }
    drop(two);
    assert_eq!(
        values(&memory.metrics(), "db.client.connection.use_time"),
        [2.0]
    );
}
