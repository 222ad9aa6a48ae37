//! The providers of an instrumentation, looked up, and the operations that they start.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;

use super::request::{Parent, SpanRequest};
use super::sampling::Prediction;
use super::source::Instruments;
use super::tracer::{ResolvedTracer, Started};
use crate::db_semconv::DatabaseSettings;
use crate::http_semconv::HttpSettings;
use crate::operation::{Details, Operation};
use crate::propagation::{Propagation, Propagators};

/// The tracer, instruments and propagators of an instrumentation, looked up; made by
/// [`Instrumentation::resolve`](crate::Instrumentation::resolve).
#[derive(Debug)]
pub struct Resolved<M> {
    pub(super) generation: u64,
    pub(super) settled: AtomicBool,
    pub(super) tracer: Option<ResolvedTracer>,
    pub(super) metrics: Option<Arc<M>>,
    pub(super) global_meters: Option<GlobalMeters>,
    pub(super) propagation: Propagation,
    pub(super) http: Arc<HttpSettings>,
    pub(super) database: Arc<DatabaseSettings>,
    /// Found out once, so that a request looks at one thing.
    pub(super) has_server_options: bool,
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
            http: HttpSettings::shared_default(),
            database: DatabaseSettings::shared_default(),
            has_server_options: false,
        }
    }

    /// The instruments. None where metrics are [switched off](crate::Installation::meters); without a meter provider
    /// there are some that do nothing.
    pub fn metrics(&self) -> Option<&Arc<M>> {
        self.metrics.as_ref()
    }

    /// How contexts are read from and written to headers.
    pub fn propagation(&self) -> &Propagation {
        &self.propagation
    }

    /// What to record of HTTP: what is [installed](crate::Installation::http), with the
    /// [changes](crate::Instrumentation::change_http) of this instrumentation.
    pub fn http(&self) -> &Arc<HttpSettings> {
        &self.http
    }

    /// What to record of databases: what is [installed](crate::Installation::database), with the
    /// [changes](crate::Instrumentation::change_database) of this instrumentation.
    pub fn database(&self) -> &Arc<DatabaseSettings> {
        &self.database
    }

    /// Those of HTTP, where a server has settings among them that are off by default.
    pub(crate) fn server_options(&self) -> Option<&Arc<HttpSettings>> {
        self.has_server_options.then_some(&self.http)
    }

    /// Whether an operation under `parent` may leave anything behind, on a span or on metrics. If not,
    /// [`carry`](Self::carry) it: then it is not worth finding out what to record.
    pub fn may_record(&self, parent: &Parent) -> bool {
        let may_trace = |tracer: &ResolvedTracer| tracer.predict(parent) != Prediction::Drop;
        self.metrics.is_some() || self.tracer.as_ref().is_some_and(may_trace)
    }

    /// The operation under `parent` that [records nothing](Self::may_record) and only carries its context. That of a
    /// [tracer switched off](crate::Installation::tracers) is the parent's, that below a sampler
    /// [known to drop](Prediction::Drop) has an unsampled child of it.
    pub fn carry<D: Details>(&self, parent: Parent) -> Operation<D> {
        Operation::carrying(match &self.tracer {
            None => parent.into_context(),
            Some(_) => parent.with_unsampled_child(),
        })
    }

    /// Starts an operation that is measured and has no span: what it does is the parent's.
    pub(crate) fn measure<D: Details>(&self, parent: Parent, details: D) -> Operation<D> {
        let is_measured = self.metrics.is_some();
        let context = parent.into_context();
        Operation::new(context, Instant::now(), None, is_measured, details)
    }

    /// Starts an operation. `attributes` is called once at most, and not at all for a span that does not record, unless
    /// the [sampler may look at them](Prediction::UsesAttributes).
    ///
    /// Where no span can be made, the parent's context is carried on. A panic in `attributes`, in the sampler or in a
    /// span processor is such a case: it does not reach the caller.
    pub fn start<D: Details>(
        &self,
        request: SpanRequest,
        attributes: impl FnOnce() -> Vec<KeyValue>,
        details: D,
    ) -> Operation<D> {
        let is_measured = self.metrics.is_some();
        // Before the span's own start, so that no child ends after it.
        let started = Instant::now();
        let begun = match &self.tracer {
            None => Started::Nothing(request.parent.into_context()),
            Some(tracer) => match tracer.predict(&request.parent) {
                Prediction::Drop => Started::NotRecording(request.parent.with_unsampled_child()),
                prediction => tracer.start(request, prediction, attributes),
            },
        };
        // Written once: a store each time would take the cache line from every other thread.
        if !matches!(begun, Started::Nothing(_)) && !self.settled.load(Ordering::Relaxed) {
            self.settled.store(true, Ordering::Relaxed);
        }
        let (context, span_started_at) = match begun {
            Started::Recording(context, started_at) => (context, Some(started_at)),
            Started::NotRecording(context) | Started::Nothing(context) => (context, None),
        };
        Operation::new(context, started, span_started_at, is_measured, details)
    }
}

/// The global meter provider that instruments were made from, kept to notice when another takes its place.
pub(super) struct GlobalMeters(pub(super) Arc<dyn MeterProvider + Send + Sync>);

impl fmt::Debug for GlobalMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlobalMeters")
    }
}
