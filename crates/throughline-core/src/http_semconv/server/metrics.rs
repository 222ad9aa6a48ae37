//! The metrics of a server: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-server>.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;
use std::time::Duration;

use arc_swap::ArcSwap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, BoundUpDownCounter, Histogram, Meter, UpDownCounter};

use super::super::method::KnownMethod;
use super::super::route::Fnv;
use super::super::{Failure, metrics};
use super::call::ServerCall;
use super::old_names;
use crate::providers::Instruments;

/// How many combinations of attributes are kept bound; past it they are recorded the plain way.
const MAX_BOUND: usize = 4096;

type BoundDurations = HashMap<u64, BoundHistogram<f64>, BuildHasherDefault<Fnv>>;

/// `http.server.request.duration` in seconds, and where they are asked for
/// [`http.server.active_requests`](super::super::HttpSettings::server_active_requests) and, in bytes,
/// [`http.server.request.body.size` and `http.server.response.body.size`](super::super::HttpSettings::server_body_sizes).
#[derive(Debug)]
pub struct ServerMetrics {
    duration: Histogram<f64>,
    active: UpDownCounter<i64>,
    request_size: Histogram<u64>,
    response_size: Histogram<u64>,
    old_duration: Histogram<f64>,
    bound: Option<Bound>,
}

/// Instruments bound to their attributes, where the provider has them.
#[derive(Debug)]
struct Bound {
    /// By [`ServerCall::metric_key`]; copied when a combination is new, so that recording takes no lock of ours.
    durations: ArcSwap<BoundDurations>,
    /// By method, for http and for https.
    active: [[OnceLock<BoundUpDownCounter<i64>>; KnownMethod::COUNT]; 2],
}

impl Instruments for ServerMetrics {
    fn new(meter: &Meter, binds: bool) -> Self {
        Self {
            duration: metrics::duration(
                meter,
                "http.server.request.duration",
                "Duration of HTTP server requests.",
            ),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            request_size: size(
                meter,
                "http.server.request.body.size",
                "Size of HTTP server request bodies.",
            ),
            response_size: size(
                meter,
                "http.server.response.body.size",
                "Size of HTTP server response bodies.",
            ),
            old_duration: meter
                .f64_histogram("http.server.duration")
                .with_unit("ms")
                .with_description("Measures the duration of inbound HTTP requests.")
                .with_boundaries(old_names::BOUNDARIES.to_vec())
                .build(),
            bound: binds.then(|| Bound {
                durations: ArcSwap::default(),
                active: [const { [const { OnceLock::new() }; KnownMethod::COUNT] }; 2],
            }),
        }
    }
}

impl ServerMetrics {
    pub(super) fn add_active(&self, call: &ServerCall, change: i64) {
        match &self.bound {
            Some(bound) => bound.active[usize::from(call.is_https)][call.method.index()]
                .get_or_init(|| self.active.bind(&call.active_attributes()))
                .add(change),
            None => self.active.add(change, &call.active_attributes()),
        }
    }

    pub(super) fn record_duration(
        &self,
        call: &ServerCall,
        failure: Option<Failure>,
        elapsed: Duration,
    ) {
        let seconds = elapsed.as_secs_f64();
        if let (Some(bound), Some(key)) = (&self.bound, call.metric_key(failure)) {
            if let Some(histogram) = bound.durations.load().get(&key) {
                return histogram.record(seconds);
            }
            if let Some(histogram) = self.bind_duration(bound, key, call, failure) {
                return histogram.record(seconds);
            }
        }
        self.duration
            .record(seconds, &call.metric_attributes(failure));
    }

    /// Records the sizes of the bodies of a request and of its response, where they are known.
    pub(super) fn record_sizes(
        &self,
        (request, response): (Option<u64>, Option<u64>),
        attributes: &[KeyValue],
    ) {
        if let Some(bytes) = request {
            self.request_size.record(bytes, attributes);
        }
        if let Some(bytes) = response {
            self.response_size.record(bytes, attributes);
        }
    }

    /// Records `http.server.duration`, the metric before conventions 1.23.
    pub(super) fn record_old_duration(&self, elapsed: Duration, attributes: &[KeyValue]) {
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        self.old_duration.record(milliseconds, attributes);
    }

    fn bind_duration(
        &self,
        bound: &Bound,
        key: u64,
        call: &ServerCall,
        failure: Option<Failure>,
    ) -> Option<BoundHistogram<f64>> {
        if bound.durations.load().len() >= MAX_BOUND {
            return None;
        }
        let histogram = self.duration.bind(&call.metric_attributes(failure));
        bound.durations.rcu(|durations| {
            let mut durations = BoundDurations::clone(durations);
            durations.insert(key, histogram.clone());
            durations
        });
        Some(histogram)
    }
}

/// A size in bytes. The conventions advise no boundaries.
fn size(meter: &Meter, name: &'static str, description: &'static str) -> Histogram<u64> {
    meter
        .u64_histogram(name)
        .with_unit("By")
        .with_description(description)
        .build()
}
