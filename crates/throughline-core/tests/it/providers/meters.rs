//! Where metrics go.

use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::metrics::Meter;
use throughline_core::http_semconv::Route;
use throughline_core::{
    Instrumentation, Instruments, MeterSource, Operation, Outcome, TracerSource, install,
};
use throughline_testing::{InMemory, MetricRecord};

use super::{check_passed_on, check_recorded, installation, requests, unset};
use crate::support::{Probe, get, in_own_process, internal, serve, server};

/// The metrics without what differs from run to run.
fn without_durations(memory: &InMemory) -> Vec<MetricRecord> {
    let mut metrics = memory.metrics();
    for metric in &mut metrics {
        for point in &mut metric.points {
            if let Some(count) = point.count {
                assert_eq!(point.bucket_counts.iter().sum::<u64>(), count);
                point.value = 0.0;
                point.bucket_counts.clear();
            }
        }
        let attributes =
            |point: &throughline_testing::PointRecord| format!("{:?}", point.attributes);
        metric.points.sort_by_key(attributes);
    }
    metrics
}

#[test]
fn bound_and_plain_instruments_give_the_same_data_points() {
    type Finish = fn(Operation<throughline_core::http_semconv::ServerCall>);
    let respond: Finish =
        |operation| drop(operation.respond(Response::new(Full::new(Bytes::new()))));
    let fail: Finish = |operation| {
        let mut response = Response::new(Full::new(Bytes::from("sorry")));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        drop(operation.respond(response));
    };
    let ends: [Finish; 8] = [
        respond,
        fail,
        drop,
        |mut operation| operation.finish(Outcome::Finished),
        |mut operation| operation.finish(Outcome::Panicked),
        |mut operation| operation.finish(Outcome::Upgraded),
        |mut operation| operation.finish(Outcome::Error("first")),
        |mut operation| operation.finish(Outcome::Error("second")),
    ];
    let versions = ["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"];
    let record = |binds: bool| {
        let memory = InMemory::new();
        let mut server = unset();
        server.change_http(|http| http.server_active_requests = true);
        let meters = MeterSource::new(memory.meter_provider());
        server.set_meters(if binds {
            meters.with_bound_instruments()
        } else {
            meters
        });
        for method in ["GET", "POST", "BREW", "MIX"] {
            for uri in ["/", "https://shop.example/"] {
                for version in 0..versions.len() {
                    for route in [None, Some("/bound/{id}"), Some("/other/{id}")] {
                        for end in ends {
                            let mut request = get(&[]);
                            *request.method_mut() = method.parse().unwrap();
                            *request.uri_mut() = uri.parse().unwrap();
                            *request.version_mut() = [
                                ::http::Version::HTTP_09,
                                ::http::Version::HTTP_10,
                                ::http::Version::HTTP_11,
                                ::http::Version::HTTP_2,
                                ::http::Version::HTTP_3,
                            ][version];
                            let mut operation = serve(&server, &request);
                            if let Some(route) = route {
                                let call = operation.details_mut().unwrap();
                                call.matched(Route::intern(route).unwrap());
                            }
                            end(operation);
                        }
                    }
                }
            }
        }
        without_durations(&memory)
    };
    let plain = record(false);
    assert_eq!(plain.len(), 2);
    // The two unknown methods are one, and so are the two ends without a response or an error.
    assert_eq!(plain[1].points.len(), 3 * 2 * 5 * 3 * 7);
    assert_eq!(plain, record(true));
}

#[test]
fn given_meters_make_their_instruments_once() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl Instruments for Counted {
        fn new(_: &Meter, _: bool) -> Self {
            MADE.fetch_add(1, Ordering::Relaxed);
            Self
        }
    }
    let memory = InMemory::new();
    let mut instrumentation = Instrumentation::<Counted>::new("test", "1.2.3");
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    for _ in 0..3 {
        // There is no tracer yet, so this looks again and again.
        drop((instrumentation.resolve()).start(internal(), Vec::new, Probe::default()));
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    let _ = instrumentation.resolve();
    assert_eq!(MADE.load(Ordering::Relaxed), 2);
}

#[test]
fn providers_given_late_count_from_then_on() {
    let (first, second) = (InMemory::new(), InMemory::new());
    let mut server = server(&first);
    check_recorded(&server, &first, 1, 1);
    server.set_tracers(TracerSource::new(second.tracer_provider()));
    server.set_meters(MeterSource::new(second.meter_provider()));
    check_recorded(&server, &second, 1, 1);
    assert_eq!((first.spans().len(), requests(&first)), (1, 1));
}

#[test]
fn metrics_need_no_tracer() {
    in_own_process("providers::meters::metrics_need_no_tracer", || {
        let memory = InMemory::new();
        let mut given = unset();
        given.set_meters(MeterSource::new(memory.meter_provider()));
        check_recorded(&given, &memory, 0, 1);
        let mut installation = installation(&memory);
        installation.tracers = None;
        install(installation);
        let server = unset();
        check_recorded(&server, &memory, 0, 2);
        check_passed_on(&server);
        assert_eq!(requests(&memory), 6);
    });
}
