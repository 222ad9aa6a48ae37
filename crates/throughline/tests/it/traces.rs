//! Spans from the handler to the collector, and contexts from service to service.

use throughline_testing::Collector;

use crate::app::{self, App};
use crate::process;

/// In a child: the `traceparent` of its request.
const PARENT: &str = "THROUGHLINE_TEST_TRACEPARENT";

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE_ID}-{PARENT_ID}-{flags}")
}

fn request_all() {
    app::on_multi_thread(async {
        // The layer and the client are older than what they report to.
        let app = App::new().await;
        let telemetry = app::init();
        let base = app.serve();
        app::request(&format!("{base}/chain/7"), &[]).await;
        app::request(&format!("{base}/call"), &[]).await;
        let leaf = app::request(&format!("{base}/baggage"), &[]).await;
        assert_eq!(leaf["baggage"], "tenant=a%20b");
        let report = telemetry.shutdown().await.unwrap();
        assert_eq!(report.spans.exported, 10);
        assert!(report.metrics_delivered);
    });
}

#[test]
fn a_request_is_the_same_tree_at_every_log_level() {
    let Some(process) = process::of(a_request_is_the_same_tree_at_every_log_level, request_all)
    else {
        return;
    };
    for filter in ["", "off", "error", "info", "trace", "some_target=debug"] {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        process.variable("RUST_LOG", filter).run();
        let traces = collector.traces();
        assert_eq!(traces.len(), 3, "{filter}: {traces:?}");
        traces[0].assert_tree(
            "shop: SERVER GET /chain/{id}
               shop: INTERNAL work
                 shop: CLIENT GET
                   shop: SERVER GET /leaf",
        );
        for (trace, route) in traces[1..].iter().zip(["/call", "/baggage"]) {
            trace.assert_tree(&format!(
                "SERVER GET {route}
                   CLIENT GET
                     SERVER GET /leaf"
            ));
        }
        let work = traces[0].find("work");
        work.assert_attributes(&[]);
        assert_eq!(work.scope, "tracing");
    }
}

#[test]
fn the_span_filter_decides_on_instrumented_functions_only() {
    let scenario = || {
        app::on_current_thread(async {
            let app = App::new().await;
            let telemetry = app::init();
            let base = app.serve();
            app::request(&format!("{base}/chain/7"), &[]).await;
            telemetry.shutdown().await.unwrap();
        });
    };
    let test = the_span_filter_decides_on_instrumented_functions_only;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let with_work = "SERVER GET /chain/{id}
       INTERNAL work
         CLIENT GET
           SERVER GET /leaf";
    let without = "SERVER GET /chain/{id}
       CLIENT GET
         SERVER GET /leaf";
    for (filter, expected) in [
        ("off", without),
        ("warn", without),
        ("it=off", without),
        ("other=info", without),
        ("info,it::a=off", without),
        ("info,it::a=off,it::app=info", with_work),
        ("trace", with_work),
    ] {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        process.variable("OTEL_RUST_SPAN_FILTER", filter).run();
        let trace = &collector.traces()[0];
        trace.assert_tree(expected);
    }
}

/// One request with the parent of the variable; prints the `traceparent` that the called route got.
fn request_with_parent() {
    app::on_current_thread(async {
        let telemetry = app::init();
        let base = App::new().await.serve();
        let parent = std::env::var(PARENT).ok();
        let headers: Vec<_> = (parent.iter())
            .map(|parent| ("traceparent", parent.as_str()))
            .collect();
        let leaf = app::request(&format!("{base}/call"), &headers).await;
        let forwarded = leaf.get("traceparent").and_then(|header| header.as_str());
        println!("forwarded {}", forwarded.unwrap_or_default());
        telemetry.shutdown().await.unwrap();
    });
}

#[test]
fn the_sampler_decides_what_arrives_and_the_trace_goes_on_in_any_case() {
    let test = the_sampler_decides_what_arrives_and_the_trace_goes_on_in_any_case;
    let Some(process) = process::of(test, request_with_parent) else {
        return;
    };
    let check = |sampler: &str, argument: &str, parent: Option<&str>, arrives: bool| {
        let case = format!("{sampler} {argument} {parent:?}");
        let collector = Collector::start_blocking().unwrap();
        let mut process = (process.clone().exporting_to(&collector))
            .variable("OTEL_TRACES_SAMPLER", sampler)
            .variable("OTEL_TRACES_SAMPLER_ARG", argument);
        if let Some(flags) = parent {
            process = process.variable(PARENT, &traceparent(flags));
        }
        let forwarded = process.run().after("forwarded ").to_owned();
        let [_, trace_id, _, flags] = forwarded.split('-').collect::<Vec<_>>()[..] else {
            panic!("{case}: {forwarded:?}")
        };
        assert_eq!(flags == "01", arrives, "{case}: {forwarded}");
        assert_eq!(
            trace_id == TRACE_ID,
            parent.is_some(),
            "{case}: {forwarded}"
        );
        let expected = if arrives { 3 } else { 0 };
        assert_eq!(collector.spans().len(), expected, "{case}");
    };
    check("", "", None, true);
    check("", "", Some("00"), false);
    check("always_on", "", Some("00"), true);
    check("always_off", "", None, false);
    check("always_off", "", Some("01"), false);
    check("parentbased_always_off", "", None, false);
    check("parentbased_always_off", "", Some("01"), true);
    check("traceidratio", "0", Some("01"), false);
    check("traceidratio", "", None, true);
    check("parentbased_traceidratio", "0", None, false);
    check("parentbased_traceidratio", "0", Some("01"), true);
    check("parentbased_traceidratio", "1", None, true);
}

#[test]
fn a_disabled_sdk_passes_the_trace_on_and_logs() {
    let test = a_disabled_sdk_passes_the_trace_on_and_logs;
    let Some(process) = process::of(test, request_with_parent) else {
        return;
    };
    let process = process.variables(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("RUST_LOG", "throughline=debug"),
    ]);
    let check = |parent: &str, propagators: &str, forwarded: &str| {
        let collector = Collector::start_blocking().unwrap();
        let process = (process.clone().exporting_to(&collector))
            .variable("OTEL_PROPAGATORS", propagators)
            .variable(PARENT, parent);
        let output = process.run();
        assert_eq!(output.after("forwarded "), forwarded);
        assert_eq!(output.logged().len(), 1, "{:?}", output.lines());
        assert_eq!(collector.requests(), 0);
    };
    let parent = traceparent("01");
    // The caller's own context: no span of ours stands between.
    check(&parent, "", &parent);
    check(&parent, "baggage", "");
    check(&parent, "none", "");
    check("wrong", "", "");
}

#[test]
fn a_trace_goes_on_after_the_shutdown() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let base = App::new().await.serve();
            let url = format!("{base}/call");
            app::request(&url, &[]).await;
            telemetry.shutdown().await.unwrap();
            let parent = traceparent("01");
            let leaf = app::request(&url, &[("traceparent", &parent)]).await;
            assert_eq!(leaf["traceparent"], parent);
            let leaf = app::request(&url, &[]).await;
            assert!(!leaf.contains_key("traceparent"), "{leaf:?}");
        });
    };
    let Some(process) = process::of(a_trace_goes_on_after_the_shutdown, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn the_pipelines_report_on_themselves_by_metrics() {
    let scenario = || {
        app::on_current_thread(async {
            let telemetry = app::init();
            let app = App::new().await;
            app::oneshots(&app.router, 3).await;
            tracing::info!("served");
            // The second one brings what is known after the first.
            telemetry.flush().await.unwrap();
            telemetry.flush().await.unwrap();
            telemetry.shutdown().await.unwrap();
        });
    };
    let test = the_pipelines_report_on_themselves_by_metrics;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    process.exporting_to(&collector).run();
    let metrics = collector.metrics();
    let check = |name: &str, expected: f64| {
        let found = metrics.iter().find(|metric| metric.name == name);
        let found = found.unwrap_or_else(|| panic!("{name} in {metrics:#?}"));
        assert_eq!(found.scope, "throughline-otlp");
        assert_eq!(found.points[0].value, expected, "{name}");
    };
    check("otel.sdk.span.started", 3.0);
    check("otel.sdk.exporter.span.exported", 3.0);
    check("otel.sdk.log.created", 1.0);
    check("otel.sdk.exporter.log.exported", 1.0);
}

#[test]
fn what_is_redacted_does_not_go_out() {
    let scenario = || {
        let redact = |span: &mut throughline::SpanData| {
            assert!(span.name != "panics", "told to panic");
            span.attributes.retain(|kept| kept.key.as_str() != "email");
        };
        let telemetry = throughline::builder().redact(redact).init().unwrap();
        tracing::info_span!("work", email = "a@b.example", order = 7).in_scope(|| ());
        tracing::info_span!("panics", email = "c@d.example").in_scope(|| ());
        println!("report {}", telemetry.shutdown_blocking().unwrap());
    };
    let Some(process) = process::of(what_is_redacted_does_not_go_out, scenario) else {
        return;
    };
    let collector = Collector::start_blocking().unwrap();
    let output = process.exporting_to(&collector).run();
    output.check_report(
        "report ",
        "2 spans started: 1 exported, 1 dropped (redaction panicked: 1)",
    );
    let attributes = &collector.spans()[0].attributes;
    assert!(attributes.contains_key("order"), "{attributes:?}");
    assert!(!attributes.contains_key("email"), "{attributes:?}");
}
