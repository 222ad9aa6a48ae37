//! What a configuration looks like to people.

use std::time::Duration;

use throughline::Exporter;

use super::from;

#[test]
fn a_configuration_prints_without_secrets() {
    let mut config = from(&[
        ("OTEL_SERVICE_NAME", "orders"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,host.name=a%20b",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318?key=secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=secret"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "authorization=Bearer%20secret,x-tenant=secret",
        ),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
        ("OTEL_RUST_RESOURCE_DETECTORS", "service,process_args"),
        ("OTEL_METRICS_EXPORTER", "console"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "10"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "20"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,PURGE"),
        (
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS",
            "Accept",
        ),
        ("OTEL_RUST_LOG_FORMAT", "json"),
        ("RUST_LOG", "warn"),
        ("OTEL_RUST_SPAN_FILTER", "debug"),
    ])
    .unwrap();
    config.shutdown_timeout = Duration::from_millis(1500);
    config.traces_exporters.insert(0, Exporter::Console);
    assert_eq!(
        config.to_string(),
        r#"disabled: false (default)
service.name: orders (OTEL_SERVICE_NAME)
resource deployment.environment.name: test (OTEL_RESOURCE_ATTRIBUTES)
resource host.name: a b (OTEL_RESOURCE_ATTRIBUTES)
resource detectors: service,process_args (OTEL_RUST_RESOURCE_DETECTORS)
traces exporters: console,otlp (code)
traces endpoint: http://c:4318/v1/traces (OTEL_EXPORTER_OTLP_ENDPOINT)
traces protocol: http/protobuf (default)
traces headers: authorization=***,x-tenant=*** (OTEL_EXPORTER_OTLP_TRACES_HEADERS)
traces compression: none (default)
traces timeout: 2s (OTEL_EXPORTER_OTLP_TIMEOUT)
traces certificate: the system's (default)
traces client certificate: none (default)
traces client key: none (default)
metrics exporters: console (OTEL_METRICS_EXPORTER)
logs exporters: none (OTEL_LOGS_EXPORTER)
span schedule delay: 5s (default)
span export timeout: 30s (default)
span queue size: 2048 (default)
span batch size: 512 (default)
log record schedule delay: 1s (default)
log record export timeout: 30s (default)
log record queue size: 2048 (default)
log record batch size: 512 (default)
span attribute count limit: 128 (default)
span attribute value length limit: 10 (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT)
span event count limit: 128 (default)
span link count limit: 128 (default)
event attribute count limit: 128 (default)
link attribute count limit: 128 (default)
log record attribute count limit: 128 (default)
log record attribute value length limit: 20 (OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT)
n+1: false (default)
n+1 queries: 5 (default)
n+1 time: 50ms (default)
metric export interval: 60s (default)
metric export timeout: 30s (default)
metric temporality: cumulative (default)
histogram aggregation: explicit_bucket_histogram (default)
sampler: parentbased_traceidratio 0.25 (OTEL_TRACES_SAMPLER)
propagators: tracecontext,baggage (default)
http known methods: GET,PURGE (OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS)
http redacted query keys: AWSAccessKeyId,Signature,X-Amz-Credential,X-Amz-Security-Token,X-Amz-Signature,X-Goog-Signature,sig (default)
http server request headers: accept (OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS)
http server response headers: none (default)
http client request headers: none (default)
http client response headers: none (default)
http server excluded URLs: none (default)
http server trusted proxies: none (default)
http server of metrics: none (default)
http server opt-in: none (default)
http client opt-in: none (default)
database query text: parameterized (default)
database opt-in: none (default)
database spans only under a parent: false (default)
database slow threshold: none (default)
old names: none (default)
log filter: warn (RUST_LOG)
log level of telemetry: as the log filter (default)
log format: json (OTEL_RUST_LOG_FORMAT)
span filter: debug (OTEL_RUST_SPAN_FILTER)
shutdown timeout: 1.5s (code)"#
    );
    assert!(!format!("{config:?}").contains("secret"), "{config:?}");
}

#[test]
fn what_code_changes_is_told_from_what_was_read_also_behind_a_mask() {
    let origin = |change: fn(&mut throughline::Config), setting: &str| {
        let variables = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c?key=1"),
        ];
        let mut config = from(&variables).unwrap();
        change(&mut config);
        let printed = config.to_string();
        let begin = format!("{setting}: ");
        let line = printed.lines().find(|line| line.starts_with(&begin));
        line.unwrap().rsplit_once(' ').unwrap().1.to_owned()
    };
    let headers = "traces headers";
    assert_eq!(origin(|_| {}, headers), "(OTEL_EXPORTER_OTLP_HEADERS)");
    let change =
        |config: &mut throughline::Config| config.traces_otlp.headers[0].1 = "2".to_owned();
    assert_eq!(origin(change, headers), "(code)");
    assert_eq!(
        origin(change, "metrics headers"),
        "(OTEL_EXPORTER_OTLP_HEADERS)"
    );
    let endpoint = "traces endpoint";
    assert_eq!(origin(|_| {}, endpoint), "(OTEL_EXPORTER_OTLP_ENDPOINT)");
    let change = |config: &mut throughline::Config| {
        config.traces_otlp.endpoint = "http://c/v1/traces?key=2".to_owned();
    };
    assert_eq!(origin(change, endpoint), "(code)");
}
