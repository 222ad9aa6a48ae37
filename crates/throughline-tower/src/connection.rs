//! Spans that live as long as the connection that a request was upgraded to.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use throughline_core::http_semconv::ServerCall;
use throughline_core::{Operation, Outcome};

/// The span of a request that switches the protocol, in the request's extensions where
/// [`ServerLayer::upgraded_connections`](crate::ServerLayer::upgraded_connections) is set.
///
/// It ends when the last clone is dropped: hold one for as long as the connection is served.
#[derive(Clone)]
pub struct ConnectionSpan(#[allow(dead_code, reason = "held for its end")] Arc<Slot>);

impl ConnectionSpan {
    /// One for the request, and what finds it again as long as somebody holds it.
    pub(crate) fn new() -> (Self, WeakConnectionSpan) {
        let slot = Arc::<Slot>::default();
        let weak = WeakConnectionSpan(Arc::downgrade(&slot));
        (Self(slot), weak)
    }
}

impl fmt::Debug for ConnectionSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionSpan")
    }
}

#[derive(Debug)]
pub(crate) struct WeakConnectionSpan(Weak<Slot>);

impl WeakConnectionSpan {
    /// Leaves `operation` to whoever holds the span; finishes it where nobody does.
    pub(crate) fn upgraded(&self, mut operation: Operation<ServerCall>) {
        match self.0.upgrade() {
            Some(slot) => {
                *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(operation);
            }
            None => operation.finish(Outcome::Upgraded),
        }
    }
}

#[derive(Debug, Default)]
struct Slot(Mutex<Option<Operation<ServerCall>>>);

impl Drop for Slot {
    fn drop(&mut self) {
        let operation = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = operation {
            operation.finish(Outcome::Upgraded);
        }
    }
}
