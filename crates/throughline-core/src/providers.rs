//! Where an instrumentation takes its tracer, its instruments and its propagators from.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use arc_swap::{ArcSwap, Guard};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanKind, TraceContextExt, TraceFlags, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, global};

use crate::ids;
use crate::operation::{Details, Operation};
use crate::propagation::{Propagation, Propagators, Remote};

/// What an application installs for all its instrumentations, in place of the OpenTelemetry globals.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Installation {
    /// Where tracers come from. `None`: no spans; the remote parent stays current, so propagation goes on.
    pub tracers: Option<TracerSource>,
    /// Where meters come from. `None`: no metrics.
    pub meters: Option<MeterSource>,
    /// The propagators of incoming and outgoing requests.
    pub propagators: Propagators,
}

/// Bumped by each installation, so that what was looked up before is looked up again.
static GENERATION: AtomicU64 = AtomicU64::new(0);
static INSTALLED: RwLock<Option<Arc<Installation>>> = RwLock::new(None);

/// Makes `installation` the source of every instrumentation that was not given providers of its own, those that exist
/// already included.
///
/// Before the first call instrumentations use the OpenTelemetry globals.
pub fn install(installation: Installation) {
    let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    *installed = Some(Arc::new(installation));
    GENERATION.fetch_add(1, Ordering::Release);
}

fn installed() -> Option<Arc<Installation>> {
    INSTALLED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// What a sampler will decide, as far as it is known before it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prediction {
    /// It may look at the attributes: they are built before it is asked.
    #[default]
    UsesAttributes,
    /// It ignores the attributes, and its decision is not known.
    Unknown,
    /// It drops the span. It is taken at its word: the sampler is not asked, and the span's id is made here.
    Drop,
    /// It records the span.
    Record,
}

/// What is known of a sampler, so that nothing is built for a span that will not record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SamplerHint {
    /// For a span without a parent.
    pub root: Prediction,
    /// For a span with a sampled parent.
    pub sampled_parent: Prediction,
    /// For a span with an unsampled parent.
    pub unsampled_parent: Prediction,
}

impl SamplerHint {
    /// A sampler that decides alike for every span.
    #[must_use]
    pub const fn always(prediction: Prediction) -> Self {
        Self {
            root: prediction,
            sampled_parent: prediction,
            unsampled_parent: prediction,
        }
    }

    /// A parent-based sampler: the parent's decision, and `root` without a parent.
    #[must_use]
    pub const fn parent_based(root: Prediction) -> Self {
        Self {
            root,
            sampled_parent: Prediction::Record,
            unsampled_parent: Prediction::Drop,
        }
    }

    fn predict(self, parent: &SpanContext) -> Prediction {
        match (parent.is_valid(), parent.is_sampled()) {
            (false, _) => self.root,
            (true, true) => self.sampled_parent,
            (true, false) => self.unsampled_parent,
        }
    }
}

/// Makes tracers of one provider, of its concrete type: the globals' boxed one costs an allocation more per span.
#[derive(Clone)]
pub struct TracerSource {
    make: Arc<dyn Fn(InstrumentationScope) -> Arc<dyn StartSpan> + Send + Sync>,
    hint: SamplerHint,
}

impl TracerSource {
    /// Takes tracers from `provider`, with nothing known of its sampler.
    pub fn new<P>(provider: P) -> Self
    where
        P: TracerProvider + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self {
            make: Arc::new(move |scope| Arc::new(AnyTracer(provider.tracer_with_scope(scope)))),
            hint: SamplerHint::default(),
        }
    }

    /// States what is known of the provider's sampler. Default: nothing.
    #[must_use]
    pub fn with_sampler_hint(mut self, hint: SamplerHint) -> Self {
        self.hint = hint;
        self
    }

    fn tracer(&self, scope: InstrumentationScope) -> ResolvedTracer {
        ResolvedTracer {
            tracer: (self.make)(scope),
            hint: self.hint,
        }
    }
}

impl fmt::Debug for TracerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerSource")
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

/// Makes meters of one provider.
#[derive(Clone)]
pub struct MeterSource {
    provider: Arc<dyn MeterProvider + Send + Sync>,
    binds: bool,
}

impl MeterSource {
    /// Takes meters from `provider`.
    pub fn new(provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        Self {
            provider: Arc::new(provider),
            binds: false,
        }
    }

    /// States that the provider implements bound instruments, which are about ten times cheaper to record on. Default:
    /// it does not.
    ///
    /// True of `opentelemetry_sdk` only with its feature `experimental_metrics_bound_instruments`. Without the feature
    /// it takes bound measurements and silently drops them, and nothing at run time tells the two apart.
    #[must_use]
    pub fn with_bound_instruments(mut self) -> Self {
        self.binds = true;
        self
    }

    fn instruments<M: Instruments>(&self, scope: InstrumentationScope) -> Arc<M> {
        Arc::new(M::new(&self.provider.meter_with_scope(scope), self.binds))
    }
}

impl fmt::Debug for MeterSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterSource")
            .field("binds", &self.binds)
            .finish_non_exhaustive()
    }
}

/// The metrics of one kind of operation.
pub trait Instruments: Send + Sync + 'static {
    /// Makes the instruments. `binds` says whether `meter` implements bound instruments.
    fn new(meter: &Meter, binds: bool) -> Self;
}

/// One instrumentation's way to its providers: given, installed, or the OpenTelemetry globals.
///
/// What was looked up is kept until the next [`install`]. With the globals it is looked up again at each operation
/// until a span has an id of its own, that is, until a provider is there: an instrumentation built before its
/// application's set-up works.
#[derive(Debug)]
pub struct Instrumentation<M> {
    scope: InstrumentationScope,
    tracers: Option<TracerSource>,
    meters: Option<MeterSource>,
    resolved: ArcSwap<Resolved<M>>,
}

/// A clone looks everything up for itself.
impl<M: Instruments> Clone for Instrumentation<M> {
    fn clone(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            tracers: self.tracers.clone(),
            meters: self.meters.clone(),
            resolved: ArcSwap::from_pointee(Resolved::nothing()),
        }
    }
}

impl<M: Instruments> Instrumentation<M> {
    /// An instrumentation that uses what is installed, or the OpenTelemetry globals.
    ///
    /// `name` and `version` are those of the instrumenting crate; they become the instrumentation scope.
    #[must_use]
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            scope: InstrumentationScope::builder(name)
                .with_version(version)
                .with_schema_url(crate::SCHEMA_URL)
                .build(),
            tracers: None,
            meters: None,
            resolved: ArcSwap::from_pointee(Resolved::nothing()),
        }
    }

    /// Takes spans from `tracers` only.
    pub fn set_tracers(&mut self, tracers: TracerSource) {
        self.tracers = Some(tracers);
    }

    /// Takes metrics from `meters` only.
    pub fn set_meters(&mut self, meters: MeterSource) {
        self.meters = Some(meters);
    }

    /// What the next operation uses.
    pub fn resolve(&self) -> Guard<Arc<Resolved<M>>> {
        let generation = GENERATION.load(Ordering::Acquire);
        let known = self.resolved.load();
        if known.settled.load(Ordering::Relaxed) && known.generation == generation {
            return known;
        }
        let resolved = Arc::new(self.look_up(generation, &known));
        self.resolved.store(Arc::clone(&resolved));
        Guard::from_inner(resolved)
    }

    fn look_up(&self, generation: u64, known: &Resolved<M>) -> Resolved<M> {
        let installed = installed();
        let mut settled = true;
        let tracer = match (&self.tracers, &installed) {
            (Some(own), _) => Some(own.tracer(self.scope.clone())),
            (None, Some(installed)) => {
                (installed.tracers.as_ref()).map(|installed| installed.tracer(self.scope.clone()))
            }
            (None, None) => {
                settled = false;
                Some(ResolvedTracer {
                    tracer: Arc::new(AnyTracer(global::tracer_with_scope(self.scope.clone()))),
                    hint: SamplerHint::default(),
                })
            }
        };
        let (metrics, global_meters) = match (&self.meters, &installed) {
            (Some(own), _) => (Some(own.instruments(self.scope.clone())), None),
            (None, Some(installed)) => (
                (installed.meters.as_ref()).map(|meters| meters.instruments(self.scope.clone())),
                None,
            ),
            (None, None) => self.global_instruments(known),
        };
        Resolved {
            generation,
            settled: AtomicBool::new(settled),
            tracer,
            metrics,
            global_meters,
            propagation: match installed {
                Some(installed) => Propagation::Ours(installed.propagators.clone()),
                None => Propagation::of_globals(),
            },
        }
    }

    /// The instruments of the global meter provider; those `known` already if it is still the same one.
    fn global_instruments(&self, known: &Resolved<M>) -> (Option<Arc<M>>, Option<GlobalMeters>) {
        let provider = global::meter_provider();
        let metrics = match &known.global_meters {
            Some(GlobalMeters(same)) if Arc::ptr_eq(same, &provider) => known.metrics.clone(),
            _ => Some(Arc::new(M::new(
                &provider.meter_with_scope(self.scope.clone()),
                false,
            ))),
        };
        (metrics, Some(GlobalMeters(provider)))
    }
}

/// The global meter provider that instruments were made from, kept to notice when another takes its place.
struct GlobalMeters(Arc<dyn MeterProvider + Send + Sync>);

impl fmt::Debug for GlobalMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlobalMeters")
    }
}

/// The tracer, instruments and propagators of an instrumentation, looked up.
#[derive(Debug)]
pub struct Resolved<M> {
    generation: u64,
    settled: AtomicBool,
    tracer: Option<ResolvedTracer>,
    metrics: Option<Arc<M>>,
    global_meters: Option<GlobalMeters>,
    propagation: Propagation,
}

/// The span that an operation starts.
#[derive(Debug)]
pub struct SpanRequest {
    /// The kind.
    pub kind: SpanKind,
    /// The name: of low cardinality.
    pub name: Cow<'static, str>,
    /// What it continues.
    pub parent: Parent,
}

/// What an operation continues.
#[derive(Debug)]
pub enum Parent {
    /// Another process.
    Remote(Remote),
    /// An operation of this process: usually the current context.
    Local(Context),
}

impl Parent {
    fn with_span_context<R>(&self, read: impl FnOnce(&SpanContext) -> R) -> R {
        match self {
            Self::Remote(remote) => read(&remote.span),
            Self::Local(context) => read(context.span().span_context()),
        }
    }

    fn into_context(self) -> Context {
        match self {
            Self::Remote(remote) => remote.into_context(),
            Self::Local(context) => context,
        }
    }

    /// The context of a child of this that nobody records.
    fn with_unsampled_child(self) -> Context {
        let span = self.with_span_context(unsampled_child);
        let context = match self {
            Self::Remote(remote) => remote.context,
            Self::Local(context) => context,
        };
        context.with_remote_span_context(span)
    }
}

impl<M: Instruments> Resolved<M> {
    fn nothing() -> Self {
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

#[derive(Clone)]
struct ResolvedTracer {
    tracer: Arc<dyn StartSpan>,
    hint: SamplerHint,
}

impl fmt::Debug for ResolvedTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedTracer")
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

enum Started {
    Recording(Context, SystemTime),
    NotRecording(Context),
    /// There is no tracer behind it (none yet, shut down, suppressed): the parent stays current, so that propagation
    /// never stops.
    Nothing(Context),
}

impl ResolvedTracer {
    fn start(&self, request: SpanRequest, attributes: impl FnOnce() -> Vec<KeyValue>) -> Started {
        let SpanRequest { kind, name, parent } = request;
        let prediction = self.predict(&parent);
        if prediction == Prediction::Drop {
            return Started::NotRecording(parent.with_unsampled_child());
        }
        let parent = parent.into_context();
        let started_at = SystemTime::now();
        let mut builder = SpanBuilder::from_name(name)
            .with_kind(kind)
            .with_start_time(started_at);
        let mut attributes = Some(attributes);
        if matches!(prediction, Prediction::UsesAttributes | Prediction::Record) {
            builder.attributes = attributes.take().map(|build| build());
        }
        let span = self.tracer.start(builder, &parent, &mut || {
            attributes.take().map(|build| build()).unwrap_or_default()
        });
        match span {
            NewSpan::Recording(context) => Started::Recording(context, started_at),
            NewSpan::NotRecording(own) => {
                let remote = parent.span().span_context().clone();
                if !own.is_valid() || own.span_id() == remote.span_id() {
                    return Started::Nothing(parent);
                }
                let own = with_flags_of(&remote, own);
                Started::NotRecording(parent.with_remote_span_context(own))
            }
        }
    }

    fn predict(&self, parent: &Parent) -> Prediction {
        parent.with_span_context(|span| self.hint.predict(span))
    }
}

/// `own`, which does not record, with the remote flags that the SDK clears. The random flag in particular must survive
/// (W3C Trace Context level 2, "Random Trace ID Flag").
fn with_flags_of(remote: &SpanContext, own: SpanContext) -> SpanContext {
    if remote.trace_id() != own.trace_id() {
        return own;
    }
    SpanContext::new(
        own.trace_id(),
        own.span_id(),
        remote.trace_flags() & !TraceFlags::SAMPLED,
        false,
        own.trace_state().clone(),
    )
}

/// A span under `parent`, or the first of a trace, that nobody records.
fn unsampled_child(parent: &SpanContext) -> SpanContext {
    let (trace_id, flags) = if parent.is_valid() {
        let flags = parent.trace_flags() & !TraceFlags::SAMPLED;
        (parent.trace_id(), flags)
    } else {
        (ids::trace_id(), ids::RANDOM)
    };
    let state = parent.trace_state().clone();
    SpanContext::new(trace_id, ids::span_id(), flags, false, state)
}

/// The seam between the lifecycle and the tracer: object-safe, over a tracer of concrete type.
trait StartSpan: Send + Sync {
    /// Starts a span. `late` gives the attributes that the builder does not have; it is called if the span records.
    fn start(
        &self,
        builder: SpanBuilder,
        parent: &Context,
        late: &mut dyn FnMut() -> Vec<KeyValue>,
    ) -> NewSpan;
}

enum NewSpan {
    Recording(Context),
    NotRecording(SpanContext),
}

struct AnyTracer<T>(T);

impl<T> StartSpan for AnyTracer<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(
        &self,
        builder: SpanBuilder,
        parent: &Context,
        late: &mut dyn FnMut() -> Vec<KeyValue>,
    ) -> NewSpan {
        let complete = builder.attributes.is_some();
        let mut span = self.0.build_with_context(builder, parent);
        if !span.is_recording() {
            return NewSpan::NotRecording(span.span_context().clone());
        }
        if !complete {
            span.set_attributes(late());
        }
        NewSpan::Recording(parent.with_span(span))
    }
}
