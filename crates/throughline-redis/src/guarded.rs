//! Connections behind guards.

use std::ops::DerefMut;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

/// A connection behind a guard that is none itself, as the pool bb8 lends it, or a `&mut` of one.
///
/// ```no_run
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// use bb8_redis::{RedisConnectionManager, bb8::Pool};
/// use throughline_redis::redis::{AsyncCommands, Client};
/// use throughline_redis::{Guarded, Traced, Tracing};
///
/// const URL: &str = "redis://cache.internal";
/// let tracing = Tracing::from(&Client::open(URL)?);
/// let pool = Pool::builder().build(RedisConnectionManager::new(URL)?).await?;
///
/// let mut connection = Traced::new(Guarded(pool.get().await?), &tracing);
/// let hits: i64 = connection.incr("hits", 1).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Guarded<G>(pub G);

impl<G> ConnectionLike for Guarded<G>
where
    G: DerefMut,
    G::Target: ConnectionLike,
{
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0
            .deref_mut()
            .req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
