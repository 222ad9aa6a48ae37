use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use crate::redact::printable;

/// Calls foreign code; a panic becomes an error with its message.
///
/// Exporters are called on the export thread only, which suppresses telemetry as a whole.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let message = message(panic.as_ref());
        discard(panic);
        message
    })
}

/// What was thrown may panic when it is dropped. What that throws is leaked, since it may do the same.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        Box::leak(again);
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    printable(text.unwrap_or("a panic without a message"))
}

/// A foreign future whose polls and whose drop are [`guarded`].
pub(crate) struct Guarded<F>(Option<Pin<Box<F>>>);

impl<F> Guarded<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Some(Box::pin(future)))
    }

    fn discard(&mut self) {
        if let Some(future) = self.0.take() {
            let _ = guarded(|| drop(future));
        }
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let Some(future) = self.0.as_mut() else {
            return Poll::Pending;
        };
        match guarded(|| future.as_mut().poll(task)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => {
                self.discard();
                Poll::Ready(Err(panic))
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        self.discard();
    }
}
