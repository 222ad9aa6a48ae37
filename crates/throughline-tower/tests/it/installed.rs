//! What comes from the process: the installed providers and the globals. Each test has a process of its own.

use std::convert::Infallible;
use std::env;
use std::process::Command;
use std::sync::Arc;

use http::{HeaderName, Request, Response};
use throughline_core::http_semconv::{CapturedHeaders, HttpSettings, PathPatterns};
use throughline_core::propagation::Propagators;
use throughline_core::{Installation, MeterSource, TracerSource, install};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::FutureExt;
use throughline_testing::opentelemetry::{Context, KeyValue, global};
use throughline_tower::{Route, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::ends::drop_requests;
use crate::metrics::{assert_several, serve_several};
use crate::settings::{assert_more, strings};
use crate::support::{ACTIVE, DURATION, block_on, full, get, metric, ok, only_span, serve};

/// Runs `work`, the body of the test `installed::{name}`, in a process that runs no other test.
fn alone(name: &str, work: impl FnOnce()) {
    const ALONE: &str = "THROUGHLINE_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return work();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("installed::{name}"), "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

fn install_all(memory: &InMemory, meters: MeterSource) {
    let mut installation = Installation::default();
    installation.tracers = Some(TracerSource::new(memory.tracer_provider()));
    installation.meters = Some(meters);
    install(installation);
}

#[test]
fn bound_instruments_record_what_plain_ones_do() {
    alone("bound_instruments_record_what_plain_ones_do", || {
        let memory = InMemory::new();
        let meters = MeterSource::new(memory.meter_provider());
        install_all(&memory, meters.with_bound_instruments());
        serve_several(&ServerLayer::new().active_requests());
        assert_several(&memory);
    });
}

#[test]
fn no_request_stays_active_on_bound_instruments() {
    alone("no_request_stays_active_on_bound_instruments", || {
        let memory = InMemory::new();
        let meters = MeterSource::new(memory.meter_provider());
        install_all(&memory, meters.with_bound_instruments());
        drop_requests(&ServerLayer::new().active_requests());
        let points = metric(&memory, ACTIVE).points;
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        assert_eq!(values, [0.0, 0.0]);
        let duration = metric(&memory, DURATION).points;
        let requests: u64 = duration.iter().filter_map(|point| point.count).sum();
        assert_eq!(requests, 10_000);
    });
}

#[test]
fn settings_are_those_installed_but_for_what_a_layer_changes() {
    alone(
        "settings_are_those_installed_but_for_what_a_layer_changes",
        || {
            let memory = InMemory::new();
            let as_installed = ServerLayer::new();
            let changed = ServerLayer::new()
                .capture_request_headers([])
                .sensitive_query_keys(["code"]);
            let mut settings = HttpSettings::default();
            let tenant = HeaderName::from_static("x-tenant");
            settings.server_request_headers = CapturedHeaders::of_requests([tenant]);
            settings.sensitive_query_keys.push("token".into());
            settings.server_excluded_urls = PathPatterns::new(["/health"]);
            let mut installation = Installation::default();
            installation.tracers = Some(TracerSource::new(memory.tracer_provider()));
            installation.http = Arc::new(settings);
            install(installation);

            let request = || {
                let request = Request::get("/?token=1&code=2").header("x-tenant", "a");
                request.body(()).unwrap()
            };
            block_on(serve(&as_installed, request(), ok));
            block_on(serve(&changed, request(), ok));
            block_on(serve(&as_installed, get("/health"), ok));
            block_on(serve(&changed.exclude_paths(["/own"]), get("/health"), ok));
            let [first, second] = &memory.spans()[..] else {
                panic!("two spans")
            };
            let header = ("http.request.header.x-tenant", strings(&["a"]));
            let query = ("url.query", "token=REDACTED&code=2".into());
            assert_more(first, &[header, query]);
            let query = ("url.query", "token=REDACTED&code=REDACTED".into());
            assert_more(second, &[query]);
        },
    );
}

#[test]
fn baggage_set_between_two_layers_is_kept_where_nothing_records() {
    alone(
        "baggage_set_between_two_layers_is_kept_where_nothing_records",
        || {
            let mut installation = Installation::default();
            installation.propagators = Propagators::default();
            install(installation);
            let layer = ServerLayer::new();
            let inner = layer.layer(service_fn(async |_: Request<()>| {
                let tenant = Context::current().baggage().get("tenant").cloned();
                assert_eq!(tenant, Some("ada".into()));
                Ok::<_, Infallible>(Response::new(full("")))
            }));
            let outer = layer.layer(service_fn(move |request: Request<()>| {
                let tenant = KeyValue::new("tenant", "ada");
                let context = Context::current().with_baggage([tenant]);
                inner.clone().oneshot(request).with_context(context)
            }));
            block_on(outer.oneshot(get("/"))).unwrap();
        },
    );
}

#[test]
fn a_layer_built_before_the_globals_uses_them() {
    alone("a_layer_built_before_the_globals_uses_them", || {
        let layer = ServerLayer::new();
        block_on(serve(&layer, get("/before"), ok));
        let memory = InMemory::new();
        global::set_tracer_provider(memory.tracer_provider());
        global::set_meter_provider(memory.meter_provider());
        block_on(serve(&layer, get("/after"), ok));
        let path = only_span(&memory).attribute("url.path").cloned();
        assert_eq!(path, Some("/after".into()));
        assert_eq!(metric(&memory, DURATION).points[0].count, Some(1));
    });
}

#[test]
fn a_layer_built_before_an_installation_uses_it_and_the_next_one() {
    alone(
        "a_layer_built_before_an_installation_uses_it_and_the_next_one",
        || {
            let layer = ServerLayer::new();
            block_on(serve(&layer, get("/before"), ok));
            for _ in 0..2 {
                let memory = InMemory::new();
                install_all(&memory, MeterSource::new(memory.meter_provider()));
                block_on(serve(&layer, get("/after"), ok));
                assert_eq!(memory.spans().len(), 1);
                assert_eq!(metric(&memory, DURATION).points[0].count, Some(1));
            }
        },
    );
}

#[test]
fn own_providers_go_before_installed_ones_and_their_propagators_count() {
    alone(
        "own_providers_go_before_installed_ones_and_their_propagators_count",
        || {
            let (own, installed) = (InMemory::new(), InMemory::new());
            let mut installation = Installation::default();
            installation.tracers = Some(TracerSource::new(installed.tracer_provider()));
            installation.meters = Some(MeterSource::new(installed.meter_provider()));
            installation.propagators = Propagators::none();
            install(installation);
            let request = Request::get("/").header(
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            );
            let layer = crate::support::layer(&own);
            block_on(serve(&layer, request.body(()).unwrap(), ok));
            assert_eq!(only_span(&own).parent_span_id, None);
            assert_eq!(installed.spans(), []);
            assert_eq!(installed.metrics(), []);
        },
    );
}

#[test]
fn a_hook_that_returns_paths_is_cut_off() {
    alone("a_hook_that_returns_paths_is_cut_off", || {
        let memory = InMemory::new();
        let layer = crate::support::layer(&memory)
            .route(|request| Some(request.uri.path().to_owned().into()));
        for i in 0..1500 {
            block_on(serve(&layer, get(&format!("/users/{i}")), ok));
        }
        assert_eq!(memory.spans().len(), 1500);
        let names: std::collections::BTreeSet<_> =
            memory.spans().into_iter().map(|span| span.name).collect();
        // The routes, and the method alone for all that came later.
        assert_eq!(names.len(), 1024 + 1);
        assert!(names.contains("GET /users/0") && names.contains("GET"));
        assert_eq!(metric(&memory, DURATION).points.len(), 1024 + 1);
        assert!(Route::intern("/late").is_none());
    });
}
