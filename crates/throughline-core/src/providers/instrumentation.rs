//! One instrumentation's way to its providers.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};
use opentelemetry::{InstrumentationScope, global};

use super::changes::Changes;
use super::install::{generation, installed};
use super::resolved::{GlobalMeters, Resolved};
use super::sampling::SamplerHint;
use super::source::{Instruments, MeterSource, TracerSource};
use super::tracer::{AnyTracer, ResolvedTracer};
use crate::db_semconv::DatabaseSettings;
use crate::http_semconv::HttpSettings;
use crate::propagation::Propagation;

/// One instrumentation's way to its providers: given, installed, or the OpenTelemetry globals.
///
/// What was looked up is kept until the next [`install`](crate::install). With the globals it is looked up again at each operation
/// until a span has an id of its own, that is, until a provider is there: an instrumentation built before its
/// application's set-up works. Until then an operation costs that look-up, with allocations. With tracers of its own
/// and global meters, the meter provider must be set before the first operation.
#[derive(Debug)]
pub struct Instrumentation<M> {
    scope: InstrumentationScope,
    tracers: Option<TracerSource>,
    meters: Option<MeterSource>,
    http: Changes<HttpSettings>,
    database: Changes<DatabaseSettings>,
    resolved: ArcSwap<Resolved<M>>,
}

/// A clone looks everything up for itself.
impl<M: Instruments> Clone for Instrumentation<M> {
    fn clone(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            tracers: self.tracers.clone(),
            meters: self.meters.clone(),
            http: self.http.clone(),
            database: self.database.clone(),
            resolved: ArcSwap::from_pointee(Resolved::nothing()),
        }
    }
}

impl<M: Instruments> Instrumentation<M> {
    /// An instrumentation that uses what is installed, or the OpenTelemetry globals.
    ///
    /// `name` and `version` are those of the instrumenting crate; they become the instrumentation scope, with
    /// [`SCHEMA_URL`](crate::SCHEMA_URL).
    #[must_use]
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            scope: InstrumentationScope::builder(name)
                .with_version(version)
                .with_schema_url(crate::SCHEMA_URL)
                .build(),
            tracers: None,
            meters: None,
            http: Changes::default(),
            database: Changes::default(),
            resolved: ArcSwap::from_pointee(Resolved::nothing()),
        }
    }

    /// Takes spans from `tracers` only. Default: what is installed, or the global tracer provider.
    pub fn set_tracers(&mut self, tracers: TracerSource) {
        self.tracers = Some(tracers);
        self.resolved = ArcSwap::from_pointee(Resolved::nothing());
    }

    /// Takes metrics from `meters` only. Default: what is installed, or the global meter provider.
    pub fn set_meters(&mut self, meters: MeterSource) {
        self.meters = Some(meters);
        self.resolved = ArcSwap::from_pointee(Resolved::nothing());
    }

    /// Changes what is recorded of HTTP. Default: what is [installed](crate::Installation::http). The changes are made in
    /// their order, again whenever something is installed.
    pub fn change_http(&mut self, change: impl Fn(&mut HttpSettings) + Send + Sync + 'static) {
        self.http.add(change);
        self.resolved = ArcSwap::from_pointee(Resolved::nothing());
    }

    /// Changes what is recorded of databases, as [`change_http`](Self::change_http). Default: what is
    /// [installed](crate::Installation::database).
    pub fn change_database(
        &mut self,
        change: impl Fn(&mut DatabaseSettings) + Send + Sync + 'static,
    ) {
        self.database.add(change);
        self.resolved = ArcSwap::from_pointee(Resolved::nothing());
    }

    /// What the next operation uses. Ask for it for each operation, and do not keep it: it does not notice an
    /// [`install`](crate::install).
    pub fn resolve(&self) -> impl Deref<Target = Arc<Resolved<M>>> {
        let generation = generation();
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
        let http = match &installed {
            Some(installed) => Arc::clone(&installed.http),
            None => HttpSettings::shared_default(),
        };
        let mut http = self.http.made_to(http);
        if http.old_names {
            Arc::make_mut(&mut http).add_old_names();
        }
        let database = match &installed {
            Some(installed) => Arc::clone(&installed.database),
            None => DatabaseSettings::shared_default(),
        };
        let (metrics, global_meters) = match (&self.meters, &installed) {
            (Some(own), _) => {
                // Instruments that are bound to another server's attributes are of no use.
                let is_same = known.http.server_metric_endpoint == http.server_metric_endpoint;
                let known = known.metrics.clone().filter(|_| is_same);
                let metrics = known.unwrap_or_else(|| own.instruments(self.scope.clone()));
                (Some(metrics), None)
            }
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
            has_server_options: http.has_server_options(),
            http,
            database: self.database.made_to(database),
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
