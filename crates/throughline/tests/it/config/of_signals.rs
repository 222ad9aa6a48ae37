//! What each variable of a collector changes: one for all signals, and one for each.

use super::changes::check_change;
use super::{Variables, check_error, from};

const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

/// The variable for all changes a line of each signal, that of a signal one line, also over the one for all.
#[track_caller]
fn check_forms(context: Variables<'_>, name: &str, value: &str, other: &str, line: &str) {
    let generic = format!("OTEL_EXPORTER_OTLP_{name}");
    let lines = SIGNALS.map(|signal| format!("{signal} {line}"));
    let lines = lines.each_ref().map(String::as_str);
    check_change(context, (&generic, value), &lines, &[]);
    for (signal, line) in SIGNALS.into_iter().zip(lines) {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{name}", signal.to_uppercase());
        check_change(context, (&own, value), &[line], &[]);
        let generic = [context, &[(generic.as_str(), other)]].concat();
        check_change(&generic, (&own, value), &[line], &[]);
        check_change(&generic, (&own, " "), &[], &[]);
    }
}

/// A bad value is warned of, whichever of the variables has it.
#[track_caller]
fn check_bad(context: Variables<'_>, name: &str, value: &str, warning: &str) {
    for form in ["", "TRACES_", "METRICS_", "LOGS_"] {
        let variable = format!("OTEL_EXPORTER_OTLP_{form}{name}");
        check_change(context, (&variable, value), &[], &[warning]);
    }
}

#[track_caller]
fn check_refused(context: Variables<'_>, name: &str, value: &str, shown: &str, remedy: &str) {
    for form in ["", "TRACES_", "METRICS_", "LOGS_"] {
        let variable = format!("OTEL_EXPORTER_OTLP_{form}{name}");
        let variables = [context, &[(variable.as_str(), value)]].concat();
        let expected = format!("{variable}={shown:?} cannot be followed: {remedy}");
        check_error(&variables, &expected);
    }
}

#[test]
fn endpoints() {
    for signal in SIGNALS {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.to_uppercase());
        let line = format!("{signal} endpoint: http://own/x");
        for context in [&[][..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")]] {
            check_change(context, (&own, "http://own/x?key=secret"), &[&line], &[]);
            check_change(context, (&own, ""), &[], &[]);
        }
    }
    let lines = SIGNALS.map(|signal| format!("{signal} endpoint: http://c/v1/{signal}"));
    let lines = lines.each_ref().map(String::as_str);
    check_change(
        &[],
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
        &lines,
        &[],
    );
    let remedy = "it is not an endpoint such as http://localhost:4318: it must begin with http:// or https://";
    for value in ["c:4318", "localhost:4318", "ftp://c"] {
        check_refused(&[], "ENDPOINT", value, value, remedy);
    }
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let remedy = "it is not an endpoint such as http://localhost:4317: it must begin with http:// or https://";
    check_refused(&[grpc], "ENDPOINT", "ftp://c", "ftp://c", remedy);
}

#[test]
fn protocols() {
    let context = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:1")];
    for signal in SIGNALS {
        let own = format!("OTEL_EXPORTER_OTLP_{}_PROTOCOL", signal.to_uppercase());
        let printed = from(&[context[0], (&own, "GRPC")]).unwrap().to_string();
        for line in [
            format!("{signal} protocol: grpc ({own})"),
            format!("{signal} endpoint: http://c:1 (OTEL_EXPORTER_OTLP_ENDPOINT)"),
        ] {
            assert!(printed.lines().any(|it| it == line), "{line}: {printed}");
        }
    }
    let generic = from(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap();
    let printed = generic.to_string();
    assert!(
        printed.contains("traces endpoint: http://localhost:4317 (default)"),
        "{printed}"
    );
    assert!(
        printed.contains("logs protocol: grpc (OTEL_EXPORTER_OTLP_PROTOCOL)"),
        "{printed}"
    );
    let remedy = "use http/protobuf or grpc";
    check_refused(&[], "PROTOCOL", "http", "http", remedy);
    let remedy = "JSON is not built yet: use http/protobuf or grpc";
    check_refused(&[], "PROTOCOL", "http/json", "http/json", remedy);
}

#[test]
fn settings_of_a_request() {
    check_forms(&[], "HEADERS", "b=2,c=3", "a=1", "headers: b=***,c=***");
    // The same name, and another value.
    check_forms(&[], "HEADERS", "a=2", "a=1", "headers: a=***");
    let remedy = "write key=value,key=value with percent-encoded values";
    check_refused(&[], "HEADERS", "secret", "…", remedy);
    check_forms(&[], "COMPRESSION", "GZIP", "none", "compression: gzip");
    let warning = r#""br" is not gzip, zstd or none; instead: none"#;
    check_bad(&[], "COMPRESSION", "br", warning);
    check_forms(&[], "TIMEOUT", "250", "900", "timeout: 250ms");
    check_forms(&[], "TIMEOUT", "0", "900", "timeout: none");
    for bad in ["-1", "10s", "ten"] {
        let warning = format!(
            "{bad:?} is no number of milliseconds, such as 10000 for 10 seconds; instead: 10000 ms"
        );
        check_bad(&[], "TIMEOUT", bad, &warning);
    }
}

#[test]
fn an_endpoint_of_grpc_without_a_scheme_is_for_tls_unless_it_is_said() {
    const GENERIC: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c:4317");
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let endpoints = |more: Variables<'_>| {
        let config = from(&[&[grpc, GENERIC], more].concat()).unwrap();
        let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        let targets = [config.traces_otlp, config.metrics_otlp, config.logs_otlp];
        (targets.map(|target| target.endpoint), warnings)
    };
    let (plain, tls) = ("http://c:4317".to_owned(), "https://c:4317".to_owned());
    let (found, warnings) = endpoints(&[]);
    assert_eq!(found, [&tls; 3].map(Clone::clone));
    let warning = "OTEL_EXPORTER_OTLP_ENDPOINT: \"c:4317\" has no scheme, so TLS is spoken: write http://c:4317 for \
                   none, or https://c:4317";
    assert_eq!(warnings, [warning]);
    for (value, expected) in [("TRUE", &plain), ("false", &tls)] {
        let (found, warnings) = endpoints(&[("OTEL_EXPORTER_OTLP_INSECURE", value)]);
        assert_eq!((found, warnings), ([expected; 3].map(Clone::clone), vec![]));
    }
    for (at, signal) in ["TRACES", "METRICS", "LOGS"].into_iter().enumerate() {
        let own = format!("OTEL_EXPORTER_OTLP_{signal}_INSECURE");
        let no = ("OTEL_EXPORTER_OTLP_INSECURE", "false");
        let (found, warnings) = endpoints(&[no, (&own, "true")]);
        let mut expected = [&tls; 3].map(Clone::clone);
        expected[at] = plain.clone();
        assert_eq!((found, warnings), (expected, vec![]));
    }
    check_bad(
        &[],
        "INSECURE",
        "yes",
        r#""yes" is not true or false; instead: false"#,
    );
    let https = [("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c")];
    let warning = r#""true" is for a gRPC endpoint without a scheme, and this one has https://; instead: TLS"#;
    check_bad(&https, "INSECURE", "true", warning);
}

#[test]
fn certificates() {
    let made = rcgen::generate_simple_self_signed(["c".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("throughline-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, content: String| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [certificate, other] = ["c.pem", "other.pem"].map(|name| file(name, made.cert.pem()));
    let key = file("c.key", made.signing_key.serialize_pem());
    let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c");
    let line = format!("certificate: {certificate}");
    check_forms(&[https], "CERTIFICATE", &certificate, &other, &line);
    for form in ["", "TRACES_", "METRICS_", "LOGS_"] {
        let [certificate_variable, key_variable] =
            ["CERTIFICATE", "KEY"].map(|name| format!("OTEL_EXPORTER_OTLP_{form}CLIENT_{name}"));
        let both = [
            https,
            (&certificate_variable, &certificate),
            (&key_variable, &key),
        ];
        let printed = from(&both).unwrap().to_string();
        let signal = if form.is_empty() {
            "logs"
        } else {
            form.trim_end_matches('_')
        };
        let signal = signal.to_lowercase();
        for line in [
            format!("{signal} client certificate: {certificate} ({certificate_variable})"),
            format!("{signal} client key: {key} ({key_variable})"),
        ] {
            assert!(printed.lines().any(|it| it == line), "{line}: {printed}");
        }
        for (variable, path) in &both[1..] {
            check_error(
                &[https, (variable, path)],
                &format!(
                    "{variable}={path:?} cannot be followed: set the client's certificate and its key, or neither"
                ),
            );
        }
    }
    for name in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
        let warning = r#""/x.pem" is for an https endpoint; instead: no TLS"#;
        check_bad(&[], name, "/x.pem", warning);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_usual_mistakes_are_followed_and_warned_of() {
    let check = |variables: Variables<'_>, expected: &str| {
        let warnings = from(variables).unwrap().warnings;
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, [expected], "{variables:?}");
    };
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    check(
        &[(ENDPOINT, "http://c:4317")],
        "OTEL_EXPORTER_OTLP_ENDPOINT: \"http://c:4317\" has the port of grpc, and http/protobuf is spoken: take port \
         4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
    check(
        &[(TRACES, "http://c:4317/v1/traces?key=secret")],
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \"http://c:4317/v1/traces\" has the port of grpc, and http/protobuf is \
         spoken: take port 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
    check(
        &[(ENDPOINT, "http://c:4318"), (PROTOCOL, "grpc")],
        "OTEL_EXPORTER_OTLP_ENDPOINT: \"http://c:4318\" has the port of http/protobuf, and grpc is spoken: take port \
         4317, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    );
    check(
        &[
            (TRACES, "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ],
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \"http://c:4318\" has the port of http/protobuf, and grpc is spoken: take \
         port 4317, or set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf",
    );
    for path in ["v1/traces", "v1/metrics", "v1/logs"] {
        let value = format!("http://c:4318/{path}");
        let expected = format!(
            "OTEL_EXPORTER_OTLP_ENDPOINT: {value:?} has a path of one signal, which all get after it, as in \
             {value}/{path}: leave /{path} out"
        );
        check(&[(ENDPOINT, &value)], &expected);
    }
}
