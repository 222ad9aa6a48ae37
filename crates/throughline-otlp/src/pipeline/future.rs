use std::fmt;
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::oneshot;

use super::FlushError;
use crate::Signal;

type Outcome = Result<(), FlushError>;

/// The end of a flush or a shutdown: what [`SpanPipeline::flush`](crate::SpanPipeline::flush) and
/// [`SpanPipeline::shutdown`](crate::SpanPipeline::shutdown) return.
///
/// It needs no runtime: a thread that ends with it keeps the deadline, so any executor can await it. The work has begun
/// before the first poll and goes on when the future is dropped.
#[must_use = "the result says which spans were lost"]
pub struct PipelineFuture(Inner);

enum Inner {
    Ready(std::future::Ready<Outcome>),
    Waiting(Signal, oneshot::Receiver<Outcome>),
}

impl PipelineFuture {
    pub(super) fn ready(outcome: Outcome) -> Self {
        Self(Inner::Ready(ready(outcome)))
    }

    /// Runs the blocking wait on a thread of its own.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(super) fn waiting(
        signal: Signal,
        wait: impl FnOnce() -> Outcome + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new()
            .name("throughline-wait".to_owned())
            .spawn(move || {
                // Nobody may be listening any more.
                let _ = sender.send(wait());
            })?;
        Ok(Self(Inner::Waiting(signal, receiver)))
    }
}

impl Future for PipelineFuture {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Ready(outcome) => Pin::new(outcome).poll(task),
            Inner::Waiting(signal, receiver) => Pin::new(receiver).poll(task).map(|received| {
                // The thread sends before it ends, unless it panicked.
                received.unwrap_or_else(|_| {
                    let reason = "the waiting thread ended early".to_owned();
                    Err(FlushError::Exporter {
                        signal: *signal,
                        reason,
                    })
                })
            }),
        }
    }
}

impl fmt::Debug for PipelineFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineFuture").finish_non_exhaustive()
    }
}
