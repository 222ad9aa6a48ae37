//! Where spans and metrics go, and what goes on without them.

mod installed;
mod meters;
mod propagators;
mod sampling;
mod without;

use throughline_core::http_semconv::ServerMetrics;
use throughline_core::{Installation, Instrumentation, MeterSource, TracerSource};
use throughline_testing::InMemory;

use crate::support::{SPAN, current_span, get, only, sent, serve, traceparent};

fn unset() -> Instrumentation<ServerMetrics> {
    Instrumentation::new("test-server", "1.2.3")
}

fn installation(memory: &InMemory) -> Installation {
    let mut installation = Installation::default();
    installation.tracers = Some(TracerSource::new(memory.tracer_provider()));
    installation.meters = Some(MeterSource::new(memory.meter_provider()));
    installation
}

fn remote(flags: &str) -> ::http::Request<()> {
    get(&[
        ("traceparent", &traceparent(flags)),
        ("tracestate", "foo=1"),
        ("baggage", "a=b"),
    ])
}

fn requests(memory: &InMemory) -> u64 {
    let metrics = memory.metrics();
    let duration = metrics
        .iter()
        .find(|metric| metric.name == "http.server.request.duration");
    let points = duration.map_or(&[][..], |metric| &metric.points);
    points.iter().filter_map(|point| point.count).sum()
}

/// One request; then so many spans and measurements are there.
#[track_caller]
fn check_recorded(
    instrumentation: &Instrumentation<ServerMetrics>,
    memory: &InMemory,
    spans: usize,
    measurements: u64,
) {
    drop(serve(instrumentation, &remote("01")));
    assert_eq!(memory.spans().len(), spans);
    assert_eq!(requests(memory), measurements);
}

/// Nobody makes a span: the remote parent stays current and is sent on as it came.
#[track_caller]
fn check_passed_on(instrumentation: &Instrumentation<ServerMetrics>) {
    for flags in ["00", "01", "02", "03"] {
        let mut operation = serve(instrumentation, &remote(flags));
        assert_eq!(operation.enter(current_span), SPAN);
        let headers = sent(instrumentation, &operation);
        let expected = traceparent(flags);
        assert_eq!(only(&headers, "traceparent"), Some(expected.as_str()));
        assert_eq!(only(&headers, "tracestate"), Some("foo=1"));
        assert_eq!(only(&headers, "baggage"), Some("a=b"));
    }
}
