//! What is refused before anything is sent.

use std::time::Duration;

use throughline_otlp::ExportRuntime;
use throughline_otlp::otlp::{self, Compression, OtlpConfig, Pem, Protocol};

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
    let why = if cfg!(feature = "tls") {
        "cannot be used: user information is not sent; use an `authorization` header instead"
    } else {
        "needs TLS, which is not compiled in: enable the cargo feature `tls` of throughline-otlp, or use an http:// \
         endpoint, such as an OpenTelemetry Collector on the same host that forwards over TLS"
    };
    check(
        "https://user:secret@api.example.com/v1/traces?key=secret",
        &[],
        &format!("the OTLP endpoint \"https://api.example.com/v1/traces\" {why}"),
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
            &format!(
                "the OTLP endpoint {endpoint:?} cannot be used: it must begin with http:// or https://"
            ),
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
    check(
        endpoint,
        &[("grpc-timeout", "1S")],
        "the OTLP header \"grpc-timeout\" cannot be sent: the exporter sets this header itself",
    );
}

/// A change to a configuration whose endpoint is only scheme, host and port.
#[track_caller]
fn check_feature(is_on: bool, expected: &str, change: fn(&mut OtlpConfig)) {
    let mut config = config("http://localhost:4317", &[]);
    change(&mut config);
    let result = config.validate().map_err(|error| error.to_string());
    let expected = if is_on {
        Ok(())
    } else {
        Err(expected.to_owned())
    };
    assert_eq!(result, expected);
}

#[test]
fn what_is_not_compiled_in_names_its_feature() {
    check_feature(
        cfg!(feature = "grpc"),
        "the protocol grpc is not compiled in: enable the cargo feature `grpc` of throughline-otlp",
        |config| config.protocol = Protocol::Grpc,
    );
    check_feature(
        cfg!(feature = "gzip"),
        "gzip compression is not compiled in: enable the cargo feature `gzip` of throughline-otlp",
        |config| config.compression = Some(Compression::Gzip),
    );
    check_feature(
        cfg!(feature = "zstd"),
        "zstd compression is not compiled in: enable the cargo feature `zstd` of throughline-otlp",
        |config| config.compression = Some(Compression::Zstd),
    );
    check_feature(
        cfg!(feature = "tls"),
        "a certificate is not compiled in: enable the cargo feature `tls` of throughline-otlp",
        |config| config.tls.ca = Some(Pem::path("without effect on http")),
    );
}

#[cfg(feature = "grpc")]
#[test]
fn an_endpoint_for_grpc_has_no_path() {
    let validate = |endpoint: &str| {
        let mut config = config(endpoint, &[]);
        config.protocol = Protocol::Grpc;
        config.validate().map_err(|error| error.to_string())
    };
    for endpoint in [
        "http://localhost:4317",
        "http://localhost:4317/",
        "http://[::1]",
    ] {
        assert_eq!(validate(endpoint), Ok(()));
    }
    for (endpoint, shown) in [
        (
            "http://localhost:4317/v1/traces",
            "http://localhost:4317/v1/traces",
        ),
        (
            "http://localhost:4317/?key=secret",
            "http://localhost:4317/",
        ),
        ("http://localhost:4317?key=secret", "http://localhost:4317"),
    ] {
        assert_eq!(
            validate(endpoint),
            Err(format!(
                "the OTLP endpoint {shown:?} cannot be used: gRPC has paths of its own; write only scheme, host and \
                 port, such as http://localhost:4317"
            ))
        );
    }
}

#[cfg(feature = "tls")]
#[test]
fn an_endpoint_with_tls_has_a_name_that_a_certificate_can_have() {
    assert_eq!(config("https://[::1]:4318", &[]).validate(), Ok(()));
    check(
        "https://a..b:4318",
        &[],
        "the OTLP endpoint \"https://a..b:4318\" cannot be used: its host is no name that a certificate can have",
    );
}

#[test]
fn debug_shows_what_departs_from_the_defaults() {
    let mut config = config("http://localhost:4317", &[]);
    config.protocol = Protocol::Grpc;
    config.compression = Some(Compression::Gzip);
    config.tls.ca = Some(Pem::bytes("secret"));
    assert_eq!(
        format!("{config:?}"),
        "OtlpConfig { endpoint: \"http://localhost:4317\", headers: [], timeout: 1s, protocol: Grpc, compression: Gzip, \
         tls: TlsConfig { ca: Some((6 bytes)), client: None } }"
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
