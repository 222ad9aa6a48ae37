//! What is refused before anything is sent.

use std::time::Duration;

use throughline_otlp::ExportRuntime;
use throughline_otlp::otlp::{self, OtlpConfig};

fn config(endpoint: &str, headers: &[(&str, &str)]) -> OtlpConfig {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut config = OtlpConfig::new(endpoint);
    config.headers = headers.iter().map(owned).collect();
    config.timeout = Duration::from_secs(1);
    config
}

/// The error for a configuration that cannot be used.
#[track_caller]
fn refuse(endpoint: &str, headers: &[(&str, &str)]) -> String {
    let runtime = ExportRuntime::start().unwrap();
    let config = config(endpoint, headers);
    let spans = otlp::span_exporter(&runtime, &config).unwrap_err();
    let metrics = otlp::metric_exporter(&runtime, &config).unwrap_err();
    assert_eq!(metrics, spans);
    spans.to_string()
}

#[track_caller]
fn check(endpoint: &str, headers: &[(&str, &str)], expected: &str) {
    assert_eq!(refuse(endpoint, headers), expected);
}

#[test]
fn an_endpoint_may_be_an_address_with_or_without_a_port() {
    for endpoint in [
        "http://collector",
        "http://collector:4318/v1/traces?key=1",
        "http://127.0.0.1:4318",
        "http://[::1]",
        "http://[::1]:4318/a%40b",
    ] {
        assert_eq!(config(endpoint, &[]).validate(), Ok(()), "{endpoint}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_used_is_an_error_without_credentials() {
    check(
        "https://user:secret@api.example.com/v1/traces?key=secret",
        &[],
        "the OTLP endpoint \"https://api.example.com/v1/traces\" needs TLS, which is not built in yet: use an http:// \
         endpoint, such as an OpenTelemetry Collector on the same host that forwards over TLS",
    );
    check(
        "http://user:secret@localhost:4318/v1/traces",
        &[],
        "the OTLP endpoint \"http://localhost:4318/v1/traces\" cannot be used: user information is not sent; use an \
         `authorization` header instead",
    );
    for endpoint in ["localhost:4318", "ftp://localhost/", "/v1/traces"] {
        check(
            endpoint,
            &[],
            &format!("the OTLP endpoint {endpoint:?} cannot be used: it must begin with http://"),
        );
    }
    for endpoint in [
        "http://user:secret/secret@localhost",
        "http://user:1?secret@localhost",
        "http://user:#secret@localhost",
    ] {
        let error = refuse(endpoint, &[]);
        assert!(!error.contains("secret"), "{error}");
        assert!(
            error.ends_with(" cannot be used: an `@` must be written as %40"),
            "{error}"
        );
    }
    for endpoint in [
        "http://localhost:port/v1/traces",
        "http://localhost:",
        "http://localhost:65536",
        "http://[::1]:port",
    ] {
        check(
            endpoint,
            &[],
            &format!("the OTLP endpoint {endpoint:?} cannot be used: the port is not a number"),
        );
    }
    check(
        "",
        &[],
        "the OTLP endpoint \"\" cannot be used: empty string",
    );
}

#[test]
fn a_header_that_cannot_be_sent_is_an_error_without_its_value() {
    let endpoint = "http://localhost:4318/v1/traces";
    check(
        endpoint,
        &[("not a name", "secret")],
        "the OTLP header \"not a name\" cannot be sent: this is not a header name",
    );
    check(
        endpoint,
        &[("x-key", "secret\n")],
        "the OTLP header \"x-key\" cannot be sent: the value has characters that a header cannot have",
    );
    check(
        endpoint,
        &[("Content-Type", "text/plain")],
        "the OTLP header \"Content-Type\" cannot be sent: the exporter sets this header itself",
    );
}

#[test]
fn debug_shows_no_credentials() {
    let runtime = ExportRuntime::start().unwrap();
    let config = config(
        "http://localhost:4318/v1/traces?key=secret",
        &[("x-key", "secret")],
    );
    let spans = otlp::span_exporter(&runtime, &config).unwrap();
    let metrics = otlp::metric_exporter(&runtime, &config).unwrap();
    assert_eq!(
        format!("{config:?}"),
        "OtlpConfig { endpoint: \"http://localhost:4318/v1/traces\", headers: [(\"x-key\", \"***\")], timeout: 1s }"
    );
    let shown = format!("{spans:?} {metrics:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("http://localhost:4318/v1/traces"), "{shown}");
}
