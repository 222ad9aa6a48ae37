//! The providers of an instrumentation, looked up, and the operations that they start.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;

use super::request::{Parent, SpanRequest};
use super::sampling::Prediction;
use super::source::Instruments;
use super::tracer::{ResolvedTracer, Started};
use crate::operation::{Details, Operation};
use crate::propagation::{Propagation, Propagators};

/// The tracer, instruments and propagators of an instrumentation, looked up.
#[derive(Debug)]
pub struct Resolved<M> {
    pub(super) generation: u64,
    pub(super) settled: AtomicBool,
    pub(super) tracer: Option<ResolvedTracer>,
    pub(super) metrics: Option<Arc<M>>,
    pub(super) global_meters: Option<GlobalMeters>,
    pub(super) propagation: Propagation,
}

impl<M: Instruments> Resolved<M> {
    pub(super) fn nothing() -> Self {
        Self {
            generation: 0,
            settled: AtomicBool::new(false),
            tracer: None,
            metrics: None,
            global_meters: None,
            propagation: Propagation::Ours(Propagators::none()),
        }
    }

    /// The instruments, unless metrics are off.
    pub fn metrics(&self) -> Option<&Arc<M>> {
        self.metrics.as_ref()
    }

    /// How contexts are read from and written to headers.
    pub fn propagation(&self) -> &Propagation {
        &self.propagation
    }

    /// The operation under `parent` that leaves nothing behind, neither on a span nor on metrics: it only carries its
    /// context. Otherwise the parent comes back, for [`start`](Self::start), and it is worth finding out what to record.
    pub fn start_unrecorded<D: Details>(&self, parent: Parent) -> Result<Operation<D>, Parent> {
        if self.metrics.is_some() {
            return Err(parent);
        }
        match &self.tracer {
            None => Ok(Operation::carrying(parent.into_context())),
            Some(tracer) if tracer.predict(&parent) == Prediction::Drop => {
                Ok(Operation::carrying(parent.with_unsampled_child()))
            }
            Some(_) => Err(parent),
        }
    }

    /// Starts an operation. `attributes` is called once at most, and not at all for a span that does not record
    /// (unless the sampler may look at them).
    pub fn start<D: Details>(
        &self,
        request: SpanRequest,
        attributes: impl FnOnce() -> Vec<KeyValue>,
        details: D,
    ) -> Operation<D> {
        let is_measured = self.metrics.is_some();
        let Some(tracer) = &self.tracer else {
            let context = request.parent.into_context();
            return Operation::new(context, None, is_measured, details);
        };
        match tracer.start(request, attributes) {
            Started::Recording(context, started_at) => {
                self.settled.store(true, Ordering::Relaxed);
                Operation::new(context, Some(started_at), is_measured, details)
            }
            Started::NotRecording(context) => {
                self.settled.store(true, Ordering::Relaxed);
                Operation::new(context, None, is_measured, details)
            }
            Started::Nothing(context) => Operation::new(context, None, is_measured, details),
        }
    }
}

/// The global meter provider that instruments were made from, kept to notice when another takes its place.
pub(super) struct GlobalMeters(pub(super) Arc<dyn MeterProvider + Send + Sync>);

impl fmt::Debug for GlobalMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlobalMeters")
    }
}
