//! Requests by the propagators of the variable, as proxies and other services send them.

use opentelemetry::trace::TraceId;
use throughline_testing::Collector;

use crate::app::{self, App};
use crate::process;

/// In a child: the headers of its request, as an object in JSON.
const HEADERS: &str = "THROUGHLINE_TEST_HEADERS";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// One request with the headers of the variable; prints the headers that the called route got.
fn request_with_headers() {
    app::on_current_thread(async {
        let telemetry = app::init();
        let base = App::new().await.serve();
        let headers = std::env::var(HEADERS).unwrap();
        let headers: app::Headers = serde_json::from_str(&headers).unwrap();
        let headers: Vec<_> = (headers.iter())
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let leaf = app::request(&format!("{base}/call"), &headers).await;
        println!("forwarded {}", serde_json::Value::Object(leaf));
        telemetry.shutdown().await.unwrap();
    });
}

#[test]
fn requests_keep_their_trace_in_every_format() {
    let test = requests_keep_their_trace_in_every_format;
    let Some(process) = process::of(test, request_with_headers) else {
        return;
    };
    // Returns what was sent on, without the headers of HTTP itself.
    let check = |propagators: &str, sampler: &str, headers: &[(&str, &str)], arrives: bool| {
        let case = format!("{propagators} {sampler} {headers:?}");
        let collector = Collector::start_blocking().unwrap();
        let sent: app::Headers = (headers.iter())
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_PROPAGATORS", propagators)
            .variable("OTEL_TRACES_SAMPLER", sampler)
            .variable(HEADERS, &serde_json::Value::Object(sent).to_string())
            .run();
        let spans = collector.spans();
        assert_eq!(spans.len(), if arrives { 3 } else { 0 }, "{case}");
        let trace = match propagators {
            // The format sends on so much of an id.
            "ottrace" => TraceId::from_hex(&TRACE[16..]).unwrap(),
            _ => TraceId::from_hex(TRACE).unwrap(),
        };
        assert!(spans.iter().all(|span| span.trace_id == trace), "{case}");
        let of_caller = |span: &throughline_testing::SpanRecord| {
            span.parent_span_id.map(|id| id.to_string()).as_deref() == Some(SPAN)
        };
        assert_eq!(spans.iter().any(of_caller), arrives, "{case}");
        let forwarded = output.after("forwarded ").to_owned();
        let forwarded: app::Headers = serde_json::from_str(&forwarded).unwrap();
        (case, forwarded)
    };
    let ids = format!("{TRACE}-{SPAN}");
    let text = |headers: &app::Headers, name: &str| {
        let value = headers.get(name).and_then(|value| value.as_str());
        value.unwrap_or_default().to_owned()
    };
    let goes_on = |(case, headers): (String, app::Headers), name: &str, end: &str| {
        let value = text(&headers, name);
        let trace = value.replace("1-4bf92f35-77", "4bf92f3577");
        assert!(
            trace.contains(TRACE) && value.ends_with(end),
            "{case}: {value}"
        );
        assert!(!value.contains(SPAN), "{case}: {value}");
    };

    // Envoy with Zipkin's tracer, as in Istio: several headers, the decision made by the proxy.
    let envoy = [
        ("x-request-id", "a1b2c3d4-0000-9000-8000-000000000000"),
        ("x-envoy-attempt-count", "1"),
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", SPAN),
        ("x-b3-parentspanid", "05e3ac9a4f6e3b90"),
        ("x-b3-sampled", "1"),
    ];
    let sent = check("b3multi", "", &envoy, true);
    assert_eq!(text(&sent.1, "x-b3-sampled"), "1");
    assert_eq!(text(&sent.1, "x-b3-parentspanid"), "");
    goes_on(sent, "x-b3-traceid", "");
    goes_on(check("b3", "", &envoy, true), "b3", "-1");
    goes_on(
        check("b3", "parentbased_always_off", &envoy, true),
        "b3",
        "-1",
    );
    let denied = [&envoy[..5], &[("x-b3-sampled", "0")]].concat();
    goes_on(check("b3", "", &denied, false), "b3", "-0");
    // Without a decision it is ours.
    goes_on(check("b3", "", &envoy[..5], true), "b3", "-1");
    goes_on(
        check("b3", "parentbased_always_off", &envoy[..5], false),
        "b3",
        "-0",
    );
    goes_on(check("b3", "always_off", &envoy[..5], false), "b3", "-0");
    // A proxy that writes one format, and sends on the other as a service before it wrote it.
    let stale = format!("00-{TRACE}-1111111111111111-01");
    let both = [
        &envoy[..],
        &[("traceparent", &stale), ("tracestate", "foo=1")],
    ]
    .concat();
    let sent = check("tracecontext,baggage,b3multi", "", &both, true);
    assert_eq!(text(&sent.1, "tracestate"), "foo=1");
    goes_on(sent.clone(), "traceparent", "-01");
    goes_on(sent, "x-b3-traceid", "");
    let single = [
        envoy[0],
        ("traceparent", stale.as_str()),
        ("b3", &format!("{ids}-1")),
    ];
    goes_on(check("tracecontext,b3", "", &single, true), "b3", "-1");

    goes_on(check("b3", "", &[("b3", &ids)], true), "b3", "-1");
    goes_on(
        check("b3", "parentbased_always_off", &[("b3", &ids)], false),
        "b3",
        "-0",
    );
    let debug = format!("{ids}-d");
    goes_on(
        check("b3", "parentbased_always_off", &[("b3", &debug)], true),
        "b3",
        "-d",
    );
    let jaeger = format!("{TRACE}%3A{SPAN}%3A0%3A1");
    let jaeger = [("uber-trace-id", jaeger.as_str())];
    goes_on(check("jaeger", "", &jaeger, true), "uber-trace-id", ":0:1");
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    let xray = |end| format!("{root};Parent={SPAN}{end}");
    let name = "x-amzn-trace-id";
    goes_on(
        check("xray", "", &[(name, &xray(";Sampled=1"))], true),
        name,
        ";Sampled=1",
    );
    goes_on(
        check("xray", "", &[(name, &xray(";Sampled=?"))], true),
        name,
        ";Sampled=1",
    );
    goes_on(
        check("xray", "", &[(name, &xray(";Sampled=0"))], false),
        name,
        ";Sampled=0",
    );
    let off = "parentbased_always_off";
    goes_on(
        check("xray", off, &[(name, &xray(""))], false),
        name,
        ";Sampled=0",
    );
    let ot_trace = [
        ("ot-tracer-traceid", &TRACE[16..]),
        ("ot-tracer-spanid", SPAN),
    ];
    let (case, sent) = check("ottrace", "", &ot_trace, true);
    assert_eq!(text(&sent, "ot-tracer-traceid"), TRACE[16..], "{case}");
    assert_eq!(text(&sent, "ot-tracer-sampled"), "true", "{case}");
}

#[test]
fn a_decision_without_a_span_is_followed() {
    let Some(process) = process::of(a_decision_without_a_span_is_followed, request_with_headers)
    else {
        return;
    };
    let check = |b3: &str, sampler: &str, end: &str| {
        let collector = Collector::start_blocking().unwrap();
        let output = (process.clone().exporting_to(&collector))
            .variable("OTEL_PROPAGATORS", "b3")
            .variable("OTEL_TRACES_SAMPLER", sampler)
            .variable(HEADERS, &format!(r#"{{"b3":"{b3}"}}"#))
            .run();
        let forwarded = output.after("forwarded ");
        assert!(
            forwarded.contains(&format!("-{end}\"")),
            "{b3} {sampler}: {forwarded}"
        );
        let expected = if end == "0" { 0 } else { 3 };
        assert_eq!(collector.spans().len(), expected, "{b3} {sampler}");
    };
    check("0", "", "0");
    check("0", "parentbased_traceidratio", "0");
    check("0", "always_on", "1");
    check("1", "parentbased_always_off", "1");
    check("d", "parentbased_always_off", "d");
}
