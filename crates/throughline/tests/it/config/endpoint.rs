//! Where a collector is.

use throughline::Config;

use super::{Variables, check, check_error, from};

#[test]
fn a_generic_endpoint_gets_the_path_of_the_signal_and_an_own_one_is_left_as_it_is() {
    let check = |variables: Variables<'_>, traces: &str, metrics: &str| {
        let endpoints = |c: &Config| {
            (
                c.traces_otlp.endpoint.clone(),
                c.metrics_otlp.endpoint.clone(),
            )
        };
        check(
            variables,
            endpoints,
            (traces.to_owned(), metrics.to_owned()),
        );
    };
    const GENERIC: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    let default = [
        "http://localhost:4318/v1/traces",
        "http://localhost:4318/v1/metrics",
    ];
    check(&[], default[0], default[1]);
    check(
        &[(GENERIC, ""), (TRACES, ""), (METRICS, "")],
        default[0],
        default[1],
    );
    for (base, below) in [
        ("http://c:4318", "http://c:4318"),
        ("http://c:4318/", "http://c:4318"),
        ("http://c", "http://c"),
        ("http://c:4318/my/collector", "http://c:4318/my/collector"),
        ("http://c:4318/my/collector/", "http://c:4318/my/collector"),
        ("http://c:4318/my//", "http://c:4318/my/"),
    ] {
        let [traces, metrics] = ["traces", "metrics"].map(|signal| format!("{below}/v1/{signal}"));
        check(&[(GENERIC, base)], &traces, &metrics);
        // An empty variable of the signal does not hide the generic one.
        check(
            &[(GENERIC, base), (TRACES, ""), (METRICS, " ")],
            &traces,
            &metrics,
        );
        check(
            &[(GENERIC, base), (TRACES, "http://t/")],
            "http://t/",
            &metrics,
        );
    }
    check(
        &[(GENERIC, "http://c?key=1")],
        "http://c/v1/traces?key=1",
        "http://c/v1/metrics?key=1",
    );
    for own in [
        "http://m:4318",
        "http://m:4318/",
        "http://m/v1/metrics/",
        "http://m/x?key=1",
    ] {
        check(&[(METRICS, own)], default[0], own);
    }
}

#[test]
fn a_wrong_endpoint_is_named_as_it_was_written_without_credentials() {
    let not_one = "it is not an endpoint such as http://localhost:4318";
    let user = "user information is not sent; use an `authorization` header instead";
    for variable in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    ] {
        for (value, shown, remedy) in [
            (
                "https://u:p@c/x?key=1#f",
                "https://c/x",
                format!("{not_one}: {user}"),
            ),
            ("http://u:p@c", "http://c", format!("{not_one}: {user}")),
            (
                "http://u:p%40@c:1/?key=1",
                "http://c:1/",
                format!("{not_one}: {user}"),
            ),
            (
                "ftp://c",
                "ftp://c",
                format!("{not_one}: it must begin with http:// or https://"),
            ),
        ] {
            check_error(
                &[(variable, value)],
                &format!("{variable}={shown:?} cannot be followed: {remedy}"),
            );
        }
        // What the URL parser says of these is its own.
        for (value, shown) in [
            ("u:secret@c:4318", "c:4318"),
            ("c:4318", "c:4318"),
            ("localhost", "localhost"),
            ("http:///v1", "http:///v1"),
            ("http://a b", "http://a b"),
            ("http://", "http://"),
            ("?secret", ""),
            ("http://u:se?cret@c:4318", "http://***"),
            ("http://u:se#cret@c:4318", "http://***"),
        ] {
            let message = from(&[(variable, value)]).unwrap_err().to_string();
            let begin = format!("{variable}={shown:?} cannot be followed: {not_one}: ");
            assert!(message.starts_with(&begin), "{message}");
            assert!(
                !message.contains("secret") && !message.contains("u:se"),
                "{message}"
            );
        }
    }
}
