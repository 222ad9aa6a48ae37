//! Providers of concrete types, behind one type each.

use std::fmt;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{Tracer, TracerProvider};

use super::sampling::SamplerHint;
use super::tracer::{AnyTracer, ResolvedTracer, StartSpan};

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

    pub(super) fn tracer(&self, scope: InstrumentationScope) -> ResolvedTracer {
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

    pub(super) fn instruments<M: Instruments>(&self, scope: InstrumentationScope) -> Arc<M> {
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
