//! Where each signal goes, and what goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry::{Context, Value, global};
use throughline_core::db_semconv::{
    DatabaseEndpoint, DatabaseHooks, DatabaseMetrics, DatabaseRequest, Query,
};
use throughline_core::{Instrumentation, Outcome};
use throughline_testing::{Collector, MetricRecord};
use tower::ServiceExt;

use crate::app::{self, App};
use crate::process;

pub(crate) fn five_requests() {
    app::on_current_thread(async {
        let telemetry = app::init();
        let app = App::new().await;
        app::oneshots(&app.router, 5).await;
        let report = telemetry.shutdown().await.unwrap();
        assert!(report.metrics_delivered);
        println!("report {report}");
    });
}

/// How many requests the metric of their durations has counted.
pub(crate) fn counted(metrics: &[MetricRecord]) -> u64 {
    let durations = metrics
        .iter()
        .find(|metric| metric.name == "http.server.request.duration");
    durations.map_or(0, |durations| {
        assert_eq!(durations.service.as_deref(), Some("shop"));
        durations
            .points
            .iter()
            .filter_map(|point| point.count)
            .sum()
    })
}

#[test]
fn each_signal_goes_where_its_exporter_says() {
    let Some(process) = process::of(each_signal_goes_where_its_exporter_says, five_requests) else {
        return;
    };
    let check = |traces: &str, metrics: &str, arrives: (usize, u64), printed: (usize, usize)| {
        let collector = Collector::start_blocking().unwrap();
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_TRACES_EXPORTER", traces)
            .variable("OTEL_METRICS_EXPORTER", metrics)
            .run();
        let case = format!("{traces} {metrics}");
        // Metrics that are exported once an hour and at the end: they have arrived by then.
        assert_eq!(
            (collector.spans().len(), counted(&collector.metrics())),
            arrives,
            "{case}"
        );
        let count = |begin: &str| {
            output
                .lines()
                .iter()
                .filter(|line| line.starts_with(begin))
                .count()
        };
        let lines = (
            count("└─ GET /leaf [Server] "),
            count("http.server.request.duration s count=5 "),
        );
        assert_eq!(lines, printed, "{case}");
        let started = if traces == "none" { 0 } else { 5 };
        let counts = format!("{started} spans started: {started} exported, 0 dropped");
        output.check_report("report ", &counts);
    };
    check("", "", (5, 5), (0, 0));
    check("none", "", (0, 5), (0, 0));
    check("otlp", "none", (5, 0), (0, 0));
    check("none", "none", (0, 0), (0, 0));
    check("console", "none", (0, 0), (5, 0));
    check("otlp", "console", (5, 0), (0, 1));
    check("Console", "CONSOLE", (0, 0), (5, 1));
}

#[test]
fn standard_output_takes_both_signals_as_otlp_in_json() {
    let scenario = standard_output_takes_both_signals_as_otlp_in_json;
    let Some(process) = process::of(scenario, five_requests) else {
        return;
    };
    let output = process
        .variable("OTEL_TRACES_EXPORTER", "otlp/stdout")
        .variable("OTEL_METRICS_EXPORTER", "otlp/stdout")
        .run();
    let exports = |signal: &str| -> Vec<serde_json::Value> {
        let begin = format!(r#"{{"{signal}":"#);
        let lines = output.lines().iter();
        let lines = lines.filter(|line| line.starts_with(&begin));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let [spans] = &exports("resourceSpans")[..] else {
        panic!("not one export: {:#?}", output.lines());
    };
    let shop = serde_json::json!({"key": "service.name", "value": {"stringValue": "shop"}});
    let resource = &spans["resourceSpans"][0]["resource"]["attributes"];
    assert!(resource.as_array().unwrap().contains(&shop), "{resource}");
    let spans = &spans["resourceSpans"][0]["scopeSpans"][0]["spans"];
    let names = spans.as_array().unwrap().iter().map(|span| &span["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["GET /leaf"; 5]);

    let [metrics] = &exports("resourceMetrics")[..] else {
        panic!("not one export: {:#?}", output.lines());
    };
    let scopes = metrics["resourceMetrics"][0]["scopeMetrics"].as_array();
    let metrics = scopes.unwrap().iter();
    let duration = metrics
        .flat_map(|scope| scope["metrics"].as_array().unwrap())
        .find(|metric| metric["name"] == "http.server.request.duration");
    assert_eq!(
        duration.unwrap()["histogram"]["dataPoints"][0]["count"],
        "5"
    );
}

#[test]
fn each_signal_goes_to_its_own_collector() {
    let Some(process) = process::of(each_signal_goes_to_its_own_collector, five_requests) else {
        return;
    };
    let [traces, metrics] = [(); 2].map(|()| Collector::start_blocking().unwrap());
    let endpoint = format!("{}/v1/traces", traces.http_endpoint());
    (process.exporting_to(&metrics))
        .variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b,x-key=generic")
        .variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=own")
        .run();
    assert_eq!((traces.spans().len(), metrics.spans().len()), (5, 0));
    assert_eq!(
        (counted(&traces.metrics()), counted(&metrics.metrics())),
        (0, 5)
    );
    let check = |collector: &Collector, tenant: Option<&str>, key: &str| {
        for headers in collector.headers() {
            assert_eq!(headers.get("x-tenant").map(String::as_str), tenant);
            assert_eq!(headers["x-key"], key);
        }
    };
    check(&traces, None, "own");
    check(&metrics, Some("a b"), "generic");
}

#[test]
fn metrics_are_exported_at_their_interval() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 5).await;
            println!("served");
            // Until the parent has seen enough.
            std::future::pending::<()>().await;
            drop(telemetry);
        });
    };
    let Some(process) = process::of(metrics_are_exported_at_their_interval, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process
        .exporting_to(&collector)
        // With blanks, which the SDK would not understand by itself.
        .variable("OTEL_METRIC_EXPORT_INTERVAL", " 20 ");
    let mut running = process.start();
    running.line("served");
    let seen = |_: &[_]| counted(&collector.metrics()) == 5 && collector.requests() > 3;
    collector.wait_for_blocking(app::AMPLE, seen).unwrap();
}

#[test]
fn the_resource_says_who_and_where() {
    let Some(process) = process::of(the_resource_says_who_and_where, five_requests) else {
        return;
    };
    let check = |variables: &[(&str, &str)], name: &str, others: &[(&str, &str)]| {
        let collector = Collector::start_blocking().unwrap();
        process
            .clone()
            .exporting_to(&collector)
            .variable("OTEL_RUST_RESOURCE_DETECTORS", "none")
            .variables(variables)
            .run();
        let mut resource = collector.spans()[0].resource.clone();
        let version = resource.remove("telemetry.sdk.version");
        assert!(version.is_some());
        let fixed = [
            ("service.name", name),
            ("telemetry.distro.name", "throughline"),
            ("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.name", "opentelemetry"),
        ];
        let expected: BTreeMap<_, _> = (fixed.iter().chain(others))
            .map(|(key, value)| ((*key).to_owned(), Value::from((*value).to_owned())))
            .collect();
        assert_eq!(resource, expected);
    };
    // The name that the code gives is the last resort.
    check(&[], "shop", &[]);
    check(&[("OTEL_SERVICE_NAME", "orders")], "orders", &[]);
    check(
        &[(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=orders,deployment.environment.name=a%2Cb",
        )],
        "orders",
        &[("deployment.environment.name", "a,b")],
    );
    check(
        &[
            ("OTEL_SERVICE_NAME", "orders"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,host.name="),
        ],
        "orders",
        &[("host.name", "")],
    );
}

#[test]
fn spans_metrics_and_log_records_have_the_same_resource() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = throughline::builder()
                .service_name("shop")
                .service_version("1.2.3")
                .init()
                .unwrap();
            tracing::info!("a record");
            println!("pid {}", std::process::id());
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
            telemetry.shutdown().await.unwrap();
        });
    };
    let test = spans_metrics_and_log_records_have_the_same_resource;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = process
        .exporting_to(&collector)
        .variable(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        )
        .variable("APP_ENV", "production")
        .run();
    let resources: Vec<_> = ["resourceSpans", "resourceMetrics", "resourceLogs"]
        .map(|signal| resources(&collector, signal))
        .into();
    assert!(resources.iter().all(|of_signal| of_signal.len() == 1));
    assert_eq!(resources[0], resources[1]);
    assert_eq!(resources[0], resources[2]);

    let (schema_url, resource) = resources[0].first().unwrap();
    assert_eq!(schema_url, "https://opentelemetry.io/schemas/1.44.0");
    let text = |key: &str| resource.get(key).map(String::as_str);
    let quoted = |value: &str| format!("{{\"stringValue\":\"{value}\"}}");
    for (key, value) in [
        ("service.name", "shop"),
        ("service.version", "1.2.3"),
        ("deployment.environment.name", "test"),
        ("process.runtime.name", "rust"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(text(key), Some(&*quoted(value)), "{key}");
    }
    let expected = format!("{{\"intValue\":\"{}\"}}", output.after("pid "));
    assert_eq!(text("process.pid"), Some(&*expected));
    for key in [
        "service.instance.id",
        "host.arch",
        "os.type",
        "process.command",
    ] {
        assert!(text(key).is_some(), "{key}: {resource:?}");
    }
    // The test's own arguments are those of a process that has some.
    assert_eq!(text("process.command_args"), None);
}

/// The different resources of a signal, with their schema URLs.
fn resources(collector: &Collector, signal: &str) -> BTreeSet<(String, BTreeMap<String, String>)> {
    let mut resources = BTreeSet::new();
    for line in collector.otlp_json().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for of_resource in line[signal].as_array().into_iter().flatten() {
            let attributes = of_resource["resource"]["attributes"].as_array().unwrap();
            let attribute = |attribute: &serde_json::Value| {
                let key = attribute["key"].as_str().unwrap().to_owned();
                (key, attribute["value"].to_string())
            };
            let schema_url = of_resource["schemaUrl"].as_str().unwrap_or_default();
            let attributes = attributes.iter().map(attribute).collect();
            resources.insert((schema_url.to_owned(), attributes));
        }
    }
    resources
}

#[test]
fn what_code_sets_wins_and_the_last_change_most() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = throughline::builder()
                .configure(|config| {
                    assert_eq!(config.service_name.as_deref(), Some("of the environment"));
                    config.service_name = Some("of a change".to_owned());
                })
                .service_name("of the builder")
                .configure(|config| config.service_name = Some("of the last change".to_owned()))
                .init()
                .unwrap();
            let app = App::new().await;
            app::oneshots(&app.router, 1).await;
            telemetry.shutdown().await.unwrap();
        });
    };
    let Some(process) = process::of(what_code_sets_wins_and_the_last_change_most, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let process = process.exporting_to(&collector);
    process
        .variable("OTEL_SERVICE_NAME", "of the environment")
        .run();
    let service = collector.spans()[0].service.clone();
    assert_eq!(service.as_deref(), Some("of the last change"));
}

#[test]
fn whatever_uses_the_globals_of_opentelemetry_is_served_too() {
    let scenario = || {
        let telemetry = app::init();
        global::tracer("foreign").in_span("work", |_| ());
        let counter = global::meter("foreign").u64_counter("orders").build();
        counter.add(3, &[]);
        let fields: Vec<_> = global::get_text_map_propagator(|propagator| {
            propagator.fields().map(str::to_owned).collect()
        });
        assert_eq!(fields, ["traceparent", "tracestate", "baggage"]);
        telemetry.shutdown_blocking().unwrap();
    };
    let test = whatever_uses_the_globals_of_opentelemetry_is_served_too;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    collector.traces()[0].assert_tree("shop: INTERNAL work");
    let metrics = collector.metrics();
    assert_eq!(
        (metrics[0].name.as_str(), metrics[0].points[0].value),
        ("orders", 3.0)
    );
}

fn requests_with_a_tenant() {
    app::on_current_thread(async {
        let app = App::new().await;
        let telemetry = app::init();
        for path in ["/leaf", "/stream"] {
            let request = Request::get(path).header("x-tenant", "a");
            let request = request.body(Body::empty()).unwrap();
            app.router.clone().oneshot(request).await.unwrap();
        }
        telemetry.shutdown().await.unwrap();
    });
}

#[test]
fn what_is_recorded_of_http_is_as_the_variables_say() {
    let Some(process) = process::of(
        what_is_recorded_of_http_is_as_the_variables_say,
        requests_with_a_tenant,
    ) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    (process.exporting_to(&collector))
        .variable("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "PURGE")
        .variable(
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS",
            "X-Tenant",
        )
        .variable(
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS",
            "content-type",
        )
        .variable(
            "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS",
            "/stream",
        )
        .variable("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")
        .run();
    let spans = collector.spans();
    let [span] = &spans[..] else {
        panic!("one span instead of {spans:#?}")
    };
    assert_eq!(span.name, "HTTP /leaf");
    for (key, expected) in [
        ("http.request.method", "_OTHER"),
        ("http.method", "GET"),
        ("http.request.header.x-tenant", r#"["a"]"#),
        ("http.request.header.x_tenant", r#"["a"]"#),
        (
            "http.response.header.content-type",
            r#"["text/plain; charset=utf-8"]"#,
        ),
    ] {
        let recorded = span.attribute(key).map(ToString::to_string);
        assert_eq!(recorded.as_deref(), Some(expected), "{key}");
    }
    let metrics = collector.metrics();
    assert!(metrics.iter().any(|m| m.name == "http.server.duration"));
}

/// Asks a database under no span, and then below one.
fn ask_a_database() {
    app::on_current_thread(async {
        let telemetry = app::init();
        let instrumentation = Instrumentation::<DatabaseMetrics>::new("test-database", "1.2.3");
        let ask = |parent| {
            let request = DatabaseRequest {
                endpoint: &Arc::new(DatabaseEndpoint::new("sqlite")),
                query: &|settings| Query {
                    text: Some(format!("{:?}", settings.query_text).into()),
                    ..Query::default()
                },
                hooks: &DatabaseHooks::default(),
            };
            let mut operation = request.start(parent, &instrumentation.resolve());
            operation.details_mut().unwrap().returned(7);
            operation.finish(Outcome::Finished);
        };
        ask(Context::new());
        let tracer = global::tracer("test");
        ask(Context::new().with_span(tracer.start("request")));
        telemetry.shutdown().await.unwrap();
    });
}

#[test]
fn what_is_recorded_of_databases_is_as_the_variables_say() {
    let test = what_is_recorded_of_databases_is_as_the_variables_say;
    let Some(process) = process::of(test, ask_a_database) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    (process.exporting_to(&collector))
        .variable("OTEL_RUST_INSTRUMENTATION_DB_QUERY_TEXT", "sanitized")
        .variable("OTEL_RUST_INSTRUMENTATION_DB_OPT_IN", "returned_rows")
        .variable("OTEL_RUST_INSTRUMENTATION_DB_ONLY_UNDER_PARENT", "true")
        .variable("OTEL_RUST_INSTRUMENTATION_DB_SLOW_THRESHOLD", "0")
        .variable("OTEL_SEMCONV_STABILITY_OPT_IN", "database/dup")
        .run();
    let mut spans = collector.spans();
    spans.retain(|span| span.name == "sqlite");
    let [span] = &spans[..] else {
        panic!("one span instead of {spans:#?}")
    };
    span.assert_attributes(&[
        ("db.system.name", "sqlite".into()),
        ("db.query.text", "Sanitized".into()),
        ("db.response.returned_rows", 7.into()),
        ("db.system", "sqlite".into()),
        ("db.statement", "Sanitized".into()),
    ]);
    assert_eq!(span.events[0].name, "throughline.db.slow");
}
