//! What is done to a finished span on the thread that ended it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry_sdk::trace::SpanData;

use super::batch::Item;
use super::shared::Shared;
use crate::encode::{self, Limits};
use crate::guard::guarded;
use crate::n_plus_one::Detector;

pub(super) type Redact = Arc<dyn Fn(&mut SpanData) + Send + Sync>;

/// Redacts a span, looks for N+1 queries and, for a collector, encodes the span and frees it.
pub(super) struct Prepare {
    pub(super) redact: Option<Redact>,
    pub(super) n_plus_one: Option<Detector>,
    /// False where another pipeline tells what this one finds, too.
    pub(super) reports_n_plus_one: bool,
    pub(super) limits: Limits,
    /// False where the exporter wants the span itself.
    pub(super) encodes: bool,
}

impl Prepare {
    pub(super) fn queue(&self, mut span: SpanData, shared: &Shared) {
        if let Some(redact) = &self.redact
            && let Err(_panic) = apply(redact, &mut span)
        {
            return shared.redaction_panicked();
        }
        if let Some(detector) = &self.n_plus_one {
            let found = detector.ended(&mut span);
            if self.reports_n_plus_one {
                shared.found(found);
            }
        }
        if !self.encodes {
            self.limits.apply(&mut span);
            return shared.push(Item::Span(span));
        }
        with_buffer(|buffer| {
            encode::span(buffer, &span, &self.limits);
            shared.push(Item::Encoded {
                scope: &span.instrumentation_scope,
                bytes: buffer,
            });
        });
    }
}

impl fmt::Debug for Prepare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepare")
            .field("redacts", &self.redact.is_some())
            .field("finds_n_plus_one", &self.n_plus_one.is_some())
            .field("limits", &self.limits)
            .field("encodes", &self.encodes)
            .finish()
    }
}

/// The SDK calls under the span's own lock: code that touched the span as the current one would wait for itself.
fn apply(redact: &Redact, span: &mut SpanData) -> Result<(), String> {
    let _fresh = Context::new().attach();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    guarded(|| redact(span))
}

/// Lends the thread's buffer, empty. One that a large span has grown is not kept.
fn with_buffer(encode: impl FnOnce(&mut Vec<u8>)) {
    const MOST_KEPT: usize = 64 * 1024;
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // A thread may end its last span when its own variables are gone.
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    encode(&mut buffer);
    if buffer.capacity() <= MOST_KEPT {
        buffer.clear();
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
}
