//! The metrics of pools of connections:
//! <https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#connection-pools>.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use opentelemetry::{Key, KeyValue, StringValue};

use super::DatabaseMetrics;

const POOL: Key = Key::from_static_str("db.client.connection.pool.name");
const STATE: Key = Key::from_static_str("db.client.connection.state");

/// What a pool is at, and what it may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// How many connections are open and not in use.
    pub idle: u32,
    /// How many are in use.
    pub used: u32,
    /// How many may be open.
    pub max: u32,
    /// How many may be idle.
    pub idle_max: u32,
    /// How many are kept open.
    pub idle_min: u32,
}

/// A pool whose [state](PoolState) is read whenever metrics are collected, as long as it is there.
pub struct WatchedPool {
    name: StringValue,
    state: Box<dyn Fn() -> PoolState + Send + Sync>,
    /// The [`PoolMetrics::id`] of those that it was shown to last.
    watched_by: AtomicU64,
}

impl WatchedPool {
    /// A pool of this name, which `state` tells the state of. It must be unique: of pools with one name, one is told.
    #[must_use]
    pub fn new(name: &str, state: impl Fn() -> PoolState + Send + Sync + 'static) -> Self {
        Self {
            name: Arc::<str>::from(name).into(),
            state: Box::new(state),
            watched_by: AtomicU64::new(0),
        }
    }

    /// A request for a connection, which is pending until the guard is dropped.
    pub fn wait(self: &Arc<Self>, metrics: Option<&Arc<DatabaseMetrics>>) -> PoolWait {
        let borrowing = self.borrowing(metrics);
        if let Some(borrowing) = &borrowing {
            borrowing
                .pools()
                .pending
                .add(1, &borrowing.pool.attributes());
        }
        PoolWait(borrowing)
    }

    /// A connection that was had without waiting, in use until the guard is dropped.
    pub fn lent(self: &Arc<Self>, metrics: Option<&Arc<DatabaseMetrics>>) -> PoolUse {
        PoolUse(self.borrowing(metrics))
    }

    fn borrowing(self: &Arc<Self>, metrics: Option<&Arc<DatabaseMetrics>>) -> Option<Borrowing> {
        let metrics = metrics?;
        metrics.pools.watch(self);
        Some(Borrowing {
            pool: Arc::clone(self),
            metrics: Arc::clone(metrics),
            since: Instant::now(),
        })
    }

    /// `db.client.connection.pool.name`.
    #[must_use]
    pub fn attributes(&self) -> [KeyValue; 1] {
        [KeyValue::new(POOL, self.name.clone())]
    }
}

impl fmt::Debug for WatchedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedPool")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Borrowing {
    pool: Arc<WatchedPool>,
    metrics: Arc<DatabaseMetrics>,
    since: Instant,
}

impl Borrowing {
    fn pools(&self) -> &PoolMetrics {
        &self.metrics.pools
    }

    fn measure(&self, histogram: &Histogram<f64>) {
        histogram.record(self.since.elapsed().as_secs_f64(), &self.pool.attributes());
    }
}

/// A request for a connection.
#[derive(Debug)]
#[must_use = "dropped, the request is pending no more"]
pub struct PoolWait(Option<Borrowing>);

impl PoolWait {
    /// The connection is there: measures the wait. It is in use until what is returned is dropped.
    pub fn obtained(mut self) -> PoolUse {
        let Some(mut borrowing) = self.0.take() else {
            return PoolUse(None);
        };
        borrowing
            .pools()
            .pending
            .add(-1, &borrowing.pool.attributes());
        borrowing.measure(&borrowing.pools().wait_time);
        borrowing.since = Instant::now();
        PoolUse(Some(borrowing))
    }

    /// No connection came in time.
    pub fn timed_out(self) {
        if let Some(borrowing) = &self.0 {
            borrowing
                .pools()
                .timeouts
                .add(1, &borrowing.pool.attributes());
        }
    }
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        if let Some(borrowing) = &self.0 {
            borrowing
                .pools()
                .pending
                .add(-1, &borrowing.pool.attributes());
        }
    }
}

/// A connection in use, which is measured when this is dropped.
#[derive(Debug)]
#[must_use = "dropped, the connection is in use no more"]
pub struct PoolUse(Option<Borrowing>);

impl Drop for PoolUse {
    fn drop(&mut self) {
        if let Some(borrowing) = &self.0 {
            borrowing.measure(&borrowing.pools().use_time);
        }
    }
}

/// `db.client.connection.*`, but for `create_time`.
#[derive(Debug)]
pub(super) struct PoolMetrics {
    /// Tells these from those of another provider, which a pool must be shown to again.
    id: u64,
    pending: UpDownCounter<i64>,
    timeouts: Counter<u64>,
    wait_time: Histogram<f64>,
    use_time: Histogram<f64>,
    watched: Watched,
}

type Watched = Arc<Mutex<Vec<Weak<WatchedPool>>>>;

impl PoolMetrics {
    pub(super) fn new(meter: &Meter) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let watched = Watched::default();
        observe(meter, &watched);
        let time = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s");
            histogram.with_description(description).build()
        };
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            pending: meter
                .i64_up_down_counter("db.client.connection.pending_requests")
                .with_unit("{request}")
                .with_description("The number of current pending requests for an open connection.")
                .build(),
            timeouts: meter
                .u64_counter("db.client.connection.timeouts")
                .with_unit("{timeout}")
                .with_description(
                    "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
                )
                .build(),
            wait_time: time(
                "db.client.connection.wait_time",
                "The time it took to obtain an open connection from the pool.",
            ),
            use_time: time(
                "db.client.connection.use_time",
                "The time between borrowing a connection and returning it to the pool.",
            ),
            watched,
        }
    }

    /// Reads the state of `pool` from now on. Cheap where it does so already.
    fn watch(&self, pool: &Arc<WatchedPool>) {
        if pool.watched_by.swap(self.id, Ordering::Relaxed) == self.id {
            return;
        }
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|known| known.strong_count() > 0 && known.as_ptr() != Arc::as_ptr(pool));
        watched.push(Arc::downgrade(pool));
    }
}

/// Makes the instruments that ask the pools.
fn observe(meter: &Meter, watched: &Watched) {
    /// Values by their `db.client.connection.state`.
    type Values = &'static [(Option<&'static str>, fn(PoolState) -> u32)];
    const STATES: Values = &[
        (Some("idle"), |state| state.idle),
        (Some("used"), |state| state.used),
    ];
    let instruments: [(&str, &str, Values); 4] = [
        (
            "db.client.connection.count",
            "The number of connections that are currently in state described by the `state` attribute.",
            STATES,
        ),
        (
            "db.client.connection.max",
            "The maximum number of open connections allowed.",
            &[(None, |state| state.max)],
        ),
        (
            "db.client.connection.idle.max",
            "The maximum number of idle open connections allowed.",
            &[(None, |state| state.idle_max)],
        ),
        (
            "db.client.connection.idle.min",
            "The minimum number of idle open connections allowed.",
            &[(None, |state| state.idle_min)],
        ),
    ];
    for (name, description, values) in instruments {
        let watched = Arc::clone(watched);
        let _ = meter
            .i64_observable_up_down_counter(name)
            .with_unit("{connection}")
            .with_description(description)
            .with_callback(move |observer| {
                let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                for pool in watched.iter().filter_map(Weak::upgrade) {
                    let now = (pool.state)();
                    for (state, read) in values {
                        let mut attributes = pool.attributes().to_vec();
                        attributes.extend(state.map(|state| KeyValue::new(STATE, state)));
                        observer.observe(read(now).into(), &attributes);
                    }
                }
            })
            .build();
    }
}
