//! The metrics of clients: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client>.

use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

use crate::http_semconv::metrics;
use crate::providers::Instruments;

/// `http.client.request.duration`, in seconds, and those that are off by default.
#[derive(Debug)]
pub struct ClientMetrics {
    pub(super) duration: Histogram<f64>,
    pub(super) request_size: Histogram<u64>,
    pub(super) response_size: Histogram<u64>,
    pub(super) active: UpDownCounter<i64>,
    /// In milliseconds, under its name before 1.23.
    pub(super) old_duration: Histogram<f64>,
}

impl Instruments for ClientMetrics {
    /// Records the plain way: the addresses that an application calls have no bound, and an outgoing call costs many
    /// times what recording it does.
    fn new(meter: &Meter, _binds: bool) -> Self {
        let size = |name: &'static str, description: &'static str| {
            let histogram = meter.u64_histogram(name).with_unit("By");
            histogram.with_description(description).build()
        };
        Self {
            duration: metrics::duration(
                meter,
                "http.client.request.duration",
                "Duration of HTTP client requests.",
            ),
            request_size: size(
                "http.client.request.body.size",
                "Size of HTTP client request bodies.",
            ),
            response_size: size(
                "http.client.response.body.size",
                "Size of HTTP client response bodies.",
            ),
            active: meter
                .i64_up_down_counter("http.client.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP requests.")
                .build(),
            old_duration: meter
                .f64_histogram("http.client.duration")
                .with_unit("ms")
                .with_description("Measures the duration of outbound HTTP requests.")
                .build(),
        }
    }
}
