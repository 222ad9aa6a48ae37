//! What is said to a collector, and how.

use std::time::Duration;

use throughline::{Compression, Config, Protocol, TlsConfig};

use super::{Variables, check, check_error, check_warned, from, owned};

#[test]
fn headers_are_percent_decoded_and_those_of_the_signal_replace_the_generic_ones() {
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
    let check = |variables: Variables<'_>, traces: &[(&str, &str)], metrics: &[(&str, &str)]| {
        let headers = |c: &Config| {
            (
                c.traces_otlp.headers.clone(),
                c.metrics_otlp.headers.clone(),
            )
        };
        check(variables, headers, (owned(traces), owned(metrics)));
    };
    let a = &[("a", "1")][..];
    check(&[], &[], &[]);
    check(&[(GENERIC, "")], &[], &[]);
    check(&[(GENERIC, "a=1")], a, a);
    check(&[(GENERIC, "a=1"), (TRACES, "b=2")], &[("b", "2")], a);
    check(&[(GENERIC, "a=1"), (TRACES, "")], a, a);
    check(&[(TRACES, "a=1")], a, &[]);
    check(
        &[(TRACES, "authorization=Basic%20dTpw%3D, x-tenant = shop ,")],
        &[("authorization", "Basic dTpw="), ("x-tenant", "shop")],
        &[],
    );
    // Padding needs no encoding.
    check(&[(TRACES, "k=dTpw==")], &[("k", "dTpw==")], &[]);
}

#[test]
fn a_timeout_is_in_milliseconds_and_0_is_none() {
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
    const METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT";
    let check = |variables: Variables<'_>, traces: u64, metrics: u64, warnings: &[&str]| {
        let timeouts = |c: &Config| (c.traces_otlp.timeout, c.metrics_otlp.timeout);
        let expected = (
            Duration::from_millis(traces),
            Duration::from_millis(metrics),
        );
        check_warned(variables, timeouts, expected, warnings);
    };
    check(&[], 10_000, 10_000, &[]);
    check(&[(GENERIC, "")], 10_000, 10_000, &[]);
    check(&[(GENERIC, "250")], 250, 250, &[]);
    check(&[(GENERIC, "0")], 0, 0, &[]);
    check(&[(GENERIC, "250"), (METRICS, "")], 250, 250, &[]);
    check(&[(GENERIC, "250"), (METRICS, "100")], 250, 100, &[]);
    // More often a number of seconds.
    let short = format!(
        "{GENERIC}: \"10\" is 10 milliseconds, too short for most exports: write 10000 for 10 seconds"
    );
    check(&[(GENERIC, "10")], 10, 10, &[&short]);
    check(&[(GENERIC, "250"), (METRICS, "900")], 250, 900, &[]);
    for value in ["-1", "1s", "1.5", "ten"] {
        let warning = |variable| {
            format!(
                "{variable}: {value:?} is no number of milliseconds, such as 10000 for 10 seconds; instead: 10000 ms"
            )
        };
        // Said once, though two signals read it.
        check(&[(GENERIC, value)], 10_000, 10_000, &[&warning(GENERIC)]);
        check(
            &[(GENERIC, "900"), (METRICS, value)],
            900,
            10_000,
            &[&warning(METRICS)],
        );
    }
}

#[test]
fn http_protobuf_and_grpc_are_spoken() {
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
    for value in ["", "http/protobuf", "HTTP/protobuf"] {
        check(&[(GENERIC, value)], |c| c.disabled, false);
    }
    check(
        &[(GENERIC, "http/protobuf"), (TRACES, "")],
        |c| c.disabled,
        false,
    );
    let json = "JSON is not built yet: use http/protobuf or grpc";
    let unknown = "use http/protobuf or grpc";
    for (value, remedy) in [
        ("http/json", json),
        ("thrift", unknown),
        ("http", unknown),
        ("tcp", unknown),
    ] {
        for variable in [GENERIC, TRACES, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] {
            check_error(
                &[(variable, value)],
                &format!("{variable}={value:?} cannot be followed: {remedy}"),
            );
        }
    }
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    for (variables, protocol, shown) in [
        (
            &[][..],
            Protocol::HttpProtobuf,
            "http://localhost:4318/v1/traces",
        ),
        (
            &[(GENERIC, "grpc")],
            Protocol::Grpc,
            "http://localhost:4317",
        ),
        (
            &[(GENERIC, "http/protobuf"), (TRACES, "GRPC")],
            Protocol::Grpc,
            "http://localhost:4317",
        ),
        (
            &[(GENERIC, "grpc"), (endpoint, "http://c:1")],
            Protocol::Grpc,
            "http://c:1",
        ),
    ] {
        check(variables, |c| c.traces_otlp.protocol, protocol);
        check(
            variables,
            |c| c.traces_otlp.endpoint.clone(),
            shown.to_owned(),
        );
    }
}

#[test]
fn compression_is_chosen_by_name() {
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION";
    for (variables, expected) in [
        (&[][..], None),
        (&[(GENERIC, "none")], None),
        (&[(GENERIC, "GZIP")], Some(Compression::Gzip)),
        (&[(GENERIC, "gzip"), (TRACES, "none")], None),
        (
            &[(GENERIC, "none"), (TRACES, "gzip")],
            Some(Compression::Gzip),
        ),
    ] {
        check(variables, |c| c.traces_otlp.compression, expected);
    }
    let warnings = from(&[(GENERIC, "brotli")]).unwrap();
    let warnings: Vec<_> = warnings.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [format!(
            "{GENERIC}: \"brotli\" is not gzip, zstd or none; instead: none"
        )]
    );
}

#[test]
fn certificates_are_for_https() {
    const CA: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    const CLIENT: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
    let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c");
    let warned = from(&[(CA, "/ca.pem")]).unwrap();
    assert_eq!(warned.traces_otlp.tls, TlsConfig::default());
    assert_eq!(warned.warnings.len(), 1);
    let message = from(&[https, (CA, "/no/ca.pem")]).unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("{CA}=\"/no/ca.pem\" cannot be followed: ")),
        "{message}"
    );
    check_error(
        &[https, (CLIENT, "/client.pem")],
        &format!(
            "{CLIENT}=\"/client.pem\" cannot be followed: set the client's certificate and its key, or neither"
        ),
    );
}

#[test]
fn wrong_headers_are_not_shown() {
    for variable in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    ] {
        let check = |value: &str, remedy: &str| {
            check_error(
                &[(variable, value)],
                &format!("{variable}=\"…\" cannot be followed: {remedy}"),
            );
        };
        for list in [
            "secret",
            "a=1,secret",
            "=secret",
            "a=secret%",
            "a=secret%FF",
        ] {
            check(
                list,
                "write key=value,key=value with percent-encoded values",
            );
        }
        check(
            "Authorization: Bearer secret==",
            "write key=value,key=value: one of the keys is not a header name",
        );
        check(
            "a=secret%0A",
            "the header \"a\" cannot be sent: the value has characters that a header cannot have",
        );
        check(
            "content-type=secret",
            "the header \"content-type\" cannot be sent: the exporter sets this header itself",
        );
    }
}
