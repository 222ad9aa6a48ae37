//! Streams of rows.

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::Error;

use crate::TracedPool;
use crate::database::{Instrumented, Item};
use crate::query::Taken;
use crate::request::{Counts, Request, Running};

/// The rows of a query, which end its operation.
///
/// Dropped while it waits for the database it is cancelled; dropped when the caller has all that it asked for, it has finished.
/// One that was never polled leaves nothing: the database never heard of it.
pub(crate) struct TracedRows<'e, DB: Instrumented> {
    rows: BoxStream<'e, Item<DB>>,
    state: State<'e>,
}

enum State<'e> {
    Unpolled(Request<'e>),
    Waiting(Running),
    Answered(Running),
    Ended,
}

impl<'e, DB: Instrumented> TracedRows<'e, DB> {
    pub(crate) fn new(rows: BoxStream<'e, Item<DB>>, request: Request<'e>) -> Self {
        let state = State::Unpolled(request);
        Self { rows, state }
    }
}

impl<DB: Instrumented> Stream for TracedRows<'_, DB> {
    type Item = Item<DB>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item<DB>>> {
        let this = self.get_mut();
        let mut running = match mem::replace(&mut this.state, State::Ended) {
            State::Unpolled(request) => request.start(),
            State::Waiting(running) | State::Answered(running) => running,
            State::Ended => return this.rows.as_mut().poll_next(cx),
        };
        let rows = &mut this.rows;
        let polled = running.operation.enter(|| rows.as_mut().poll_next(cx));
        match &polled {
            Poll::Pending => this.state = State::Waiting(running),
            Poll::Ready(Some(Ok(item))) => {
                let mut counts = Counts::default();
                counts.add::<DB>(item);
                running.count(counts);
                this.state = State::Answered(running);
            }
            Poll::Ready(Some(result @ Err(_))) => running.finish(result),
            Poll::Ready(None) => running.finish(&Ok(())),
        }
        polled
    }
}

impl<DB: Instrumented> Drop for TracedRows<'_, DB> {
    fn drop(&mut self) {
        if let State::Answered(running) = &mut self.state {
            running.finish(&Ok(()));
        }
    }
}

/// The rows of a query on a connection that is borrowed from a pool when they are asked for.
///
/// They borrow from the connection, so the two live in one future, which puts each row where the stream finds it.
pub(crate) struct PooledRows<'e, DB: Instrumented> {
    work: BoxFuture<'e, Result<(), Error>>,
    row: Arc<Mutex<Option<Item<DB>>>>,
    ended: bool,
}

impl<'e, DB: Instrumented> PooledRows<'e, DB> {
    pub(crate) fn new(pool: &'e TracedPool<DB>, query: Taken<DB>) -> Self {
        let row = Arc::new(Mutex::new(None));
        let place = Arc::clone(&row);
        let work = Box::pin(async move {
            let (mut connection, _in_use) = pool.lend().await?;
            let mut rows = DB::fetch_many(&mut connection, query);
            let put = |cx: &mut Context<'_>| {
                match rows.as_mut().poll_next(cx) {
                    // Nobody need be woken: the stream looks there before it waits.
                    Poll::Ready(Some(item)) => {
                        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
                        Poll::Pending
                    }
                    Poll::Ready(None) => Poll::Ready(Ok(())),
                    Poll::Pending => Poll::Pending,
                }
            };
            poll_fn(put).await
        });
        Self {
            work,
            row,
            ended: false,
        }
    }
}

impl<DB: Instrumented> Stream for PooledRows<'_, DB> {
    type Item = Item<DB>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item<DB>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let polled = this.work.as_mut().poll(cx);
        this.ended = polled.is_ready();
        match polled {
            Poll::Ready(Ok(())) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                let mut place = this.row.lock().unwrap_or_else(PoisonError::into_inner);
                place
                    .take()
                    .map_or(Poll::Pending, |row| Poll::Ready(Some(row)))
            }
        }
    }
}

/// Shows `each` the items of `rows`, until one is an error.
pub(crate) async fn for_each<S, T>(rows: S, mut each: impl FnMut(T)) -> Result<(), Error>
where
    S: Stream<Item = Result<T, Error>>,
{
    let mut rows = pin!(rows);
    while let Some(item) = poll_fn(|cx| rows.as_mut().poll_next(cx)).await {
        each(item?);
    }
    Ok(())
}
