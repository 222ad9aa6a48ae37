//! From variables to a configuration. Every message is checked as a whole: it is what an operator gets to see.

mod http;

use std::fmt::Debug;
use std::time::Duration;

use throughline::{
    Batch, Compression, Config, Detector, Exporter, Format, InitError, Propagator, Protocol,
    Sampler, TlsConfig,
};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn from(variables: Variables<'_>) -> Result<Config, InitError> {
    Config::from_variables(|name| {
        let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
        Some((*value).to_owned())
    })
}

/// What is read from the variables, and what is warned of.
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "a table is easier to read without references"
)]
fn check_warned<T: Debug + PartialEq>(
    variables: Variables<'_>,
    read: impl Fn(&Config) -> T,
    expected: T,
    warnings: &[&str],
) {
    let config = from(variables).unwrap();
    assert_eq!(read(&config), expected, "{variables:?}");
    let warned: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warned, warnings, "{variables:?}");
}

#[track_caller]
fn check<T: Debug + PartialEq>(variables: Variables<'_>, read: impl Fn(&Config) -> T, expected: T) {
    check_warned(variables, read, expected, &[]);
}

#[track_caller]
fn check_error(variables: Variables<'_>, expected: &str) {
    let error = from(variables).unwrap_err();
    assert_eq!(error.to_string(), expected, "{variables:?}");
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_boolean_is_true_for_true_in_any_case_and_nothing_else() {
    const VARIABLE: &str = "OTEL_SDK_DISABLED";
    let check = |value, expected, warnings: &[&str]| {
        check_warned(&[(VARIABLE, value)], |c| c.disabled, expected, warnings);
    };
    for (value, expected) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        (" true ", true),
        ("false", false),
        ("FALSE", false),
        ("", false),
        ("  ", false),
    ] {
        check(value, expected, &[]);
    }
    for value in ["1", "yes", "on", "tru"] {
        let warning = format!("{VARIABLE}: {value:?} is not true or false; instead: false");
        check(value, false, &[&warning]);
    }
}

#[test]
fn the_service_is_named_by_its_own_variable_first() {
    let check = |variables: Variables<'_>, name: Option<&str>| {
        check(
            variables,
            |c| c.service_name.clone(),
            name.map(str::to_owned),
        );
    };
    const NAME: &str = "OTEL_SERVICE_NAME";
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    check(&[], None);
    check(&[(NAME, "")], None);
    check(&[(NAME, "orders")], Some("orders"));
    check(&[(NAME, "100%")], Some("100%"));
    check(&[(ATTRIBUTES, "service.name=shop")], Some("shop"));
    check(&[(ATTRIBUTES, "service.name=")], None);
    check(&[(ATTRIBUTES, "service.name=a,service.name=b")], Some("b"));
    check(
        &[(ATTRIBUTES, "service.name=shop"), (NAME, "orders")],
        Some("orders"),
    );
    check(
        &[(ATTRIBUTES, "service.name=shop"), (NAME, "")],
        Some("shop"),
    );
}

#[test]
fn resource_attributes_are_percent_decoded_and_all_of_them_right_or_none() {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let read = |c: &Config| c.resource_attributes.clone();
    for (list, expected) in [
        ("", &[][..]),
        ("a=1", &[("a", "1")]),
        (" a = 1 , b = 2 ,", &[("a", "1"), ("b", "2")]),
        ("a=", &[("a", "")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a=1%2C2%3d3", &[("a", "1,2=3")]),
        ("%61=gr%C3%BCn", &[("a", "grün")]),
        ("a=1,service.name=shop", &[("a", "1")]),
        ("service.namespace=x", &[("service.namespace", "x")]),
    ] {
        check(&[(VARIABLE, list)], read, owned(expected));
    }
    for list in [
        "a",
        "a=1,b",
        "=1",
        "a=%FF",
        "a=100%",
        "a=1%2",
        "a=%zz",
        "a=1,%G1=1",
    ] {
        let warning = format!(
            "{VARIABLE}: {list:?} is not key=value,key=value with percent-encoded values; instead: none of its \
             attributes"
        );
        check_warned(&[(VARIABLE, list)], read, Vec::new(), &[&warning]);
    }
}

#[test]
fn each_signal_has_an_exporter_or_none() {
    for (value, expected) in [
        ("", Exporter::Otlp),
        ("otlp", Exporter::Otlp),
        ("OTLP", Exporter::Otlp),
        ("otlp/stdout", Exporter::OtlpStdout),
        ("OTLP/stdout", Exporter::OtlpStdout),
        ("console", Exporter::Console),
        ("Console", Exporter::Console),
        ("none", Exporter::None),
        ("NONE", Exporter::None),
    ] {
        let both = |c: &Config| (c.traces_exporter, c.metrics_exporter);
        let traces = [("OTEL_TRACES_EXPORTER", value)];
        check(&traces, both, (expected, Exporter::Otlp));
        let metrics = [("OTEL_METRICS_EXPORTER", value)];
        check(&metrics, both, (Exporter::Otlp, expected));
    }
    for variable in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"] {
        for value in ["Zipkin", "prometheus", "otlp,console", "logging"] {
            let remedy = "use otlp, otlp/stdout, console or none";
            check_error(
                &[(variable, value)],
                &format!("{variable}={value:?} cannot be followed: {remedy}"),
            );
        }
    }
}

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
    check(&[(GENERIC, "250"), (METRICS, "9")], 250, 9, &[]);
    for value in ["-1", "1s", "1.5", "ten"] {
        let warning = |variable| {
            format!("{variable}: {value:?} is no number of milliseconds; instead: 10000 ms")
        };
        // Said once, though two signals read it.
        check(&[(GENERIC, value)], 10_000, 10_000, &[&warning(GENERIC)]);
        check(
            &[(GENERIC, "9"), (METRICS, value)],
            9,
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
    for value in ["http/json", "thrift"] {
        for variable in [GENERIC, TRACES, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] {
            check_error(
                &[(variable, value)],
                &format!("{variable}={value:?} cannot be followed: use http/protobuf or grpc"),
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
            "{GENERIC}: \"brotli\" is no compression; instead: none"
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

#[test]
fn what_is_off_needs_no_collector() {
    const NOBODY_CAN: &[(&str, &str)] = &[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c:4317"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "wrong"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "wrong"),
    ];
    let with = |more: Variables<'static>| [NOBODY_CAN, more].concat();
    check(
        &with(&[("OTEL_SDK_DISABLED", "true")]),
        |c| c.disabled,
        true,
    );
    let unknown = &[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ];
    check(&with(unknown), |c| c.traces_exporter, Exporter::None);
    let off = &[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "console"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let endpoint = "http://localhost:4318/v1/traces".to_owned();
    check(&with(off), |c| c.traces_otlp.endpoint.clone(), endpoint);
    // Where one signal is on, it needs its collector.
    for on in ["TRACES", "METRICS", "LOGS"] {
        let mut variables = with(off);
        let exporter = format!("OTEL_{on}_EXPORTER");
        variables.retain(|(variable, _)| *variable != exporter);
        from(&variables).unwrap_err();
    }
}

#[test]
fn the_metric_interval_is_in_milliseconds_above_0() {
    const VARIABLE: &str = "OTEL_METRIC_EXPORT_INTERVAL";
    let check = |value: &str, expected: u64, warnings: &[&str]| {
        let expected = Duration::from_millis(expected);
        check_warned(
            &[(VARIABLE, value)],
            |c| c.metric_export_interval,
            expected,
            warnings,
        );
    };
    check("", 60_000, &[]);
    check("1", 1, &[]);
    check("5000", 5000, &[]);
    for value in ["0", "-5", "5s", "5.0"] {
        let warning = format!(
            "{VARIABLE}: {value:?} is no number of milliseconds above 0; instead: 60000 ms"
        );
        check(value, 60_000, &[&warning]);
    }
}

#[test]
fn batches_are_the_specifications() {
    check_batches("OTEL_BSP", 5000, |config| config.span_batch);
    check_batches("OTEL_BLRP", 1000, |config| config.log_batch);
}

fn check_batches(prefix: &str, default_delay: u64, of: fn(&Config) -> Batch) {
    let check =
        |variables: &[(&str, &str)], expected: (u64, u64, usize, usize), warnings: &[&str]| {
            let batch = |c: &Config| {
                let batch = of(c);
                (
                    batch.schedule_delay.as_millis() as u64,
                    batch.export_timeout.as_millis() as u64,
                    batch.max_queue_size,
                    batch.max_export_batch_size,
                )
            };
            let named: Vec<_> = (variables.iter())
                .map(|(name, value)| (format!("{prefix}_{name}"), *value))
                .collect();
            let named: Vec<_> = named.iter().map(|(n, v)| (n.as_str(), *v)).collect();
            let warnings: Vec<_> = warnings.iter().map(|w| format!("{prefix}_{w}")).collect();
            let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
            check_warned(&named, batch, expected, &warnings);
        };
    const DELAY: &str = "SCHEDULE_DELAY";
    const TIMEOUT: &str = "EXPORT_TIMEOUT";
    const QUEUE: &str = "MAX_QUEUE_SIZE";
    const BATCH: &str = "MAX_EXPORT_BATCH_SIZE";
    let delay = default_delay;
    check(&[], (delay, 30_000, 2048, 512), &[]);
    check(&[(DELAY, "0"), (TIMEOUT, "0")], (0, 0, 2048, 512), &[]);
    check(
        &[(DELAY, "100"), (TIMEOUT, "1000")],
        (100, 1000, 2048, 512),
        &[],
    );
    check(
        &[(QUEUE, "4096"), (BATCH, "1024")],
        (delay, 30_000, 4096, 1024),
        &[],
    );
    check(&[(QUEUE, "100")], (delay, 30_000, 100, 100), &[]);
    check(
        &[(QUEUE, "100"), (BATCH, "200")],
        (delay, 30_000, 100, 100),
        &["MAX_EXPORT_BATCH_SIZE: \"200\" is more than the queue holds; instead: 100"],
    );
    let instead =
        format!("SCHEDULE_DELAY: \"-1\" is no number of milliseconds; instead: {delay} ms");
    check(
        &[(QUEUE, "0"), (DELAY, "-1")],
        (delay, 30_000, 2048, 512),
        &[
            "MAX_QUEUE_SIZE: \"0\" is no number above 0; instead: 2048",
            &instead,
        ],
    );
}

#[test]
fn every_standard_sampler_has_a_name_and_some_an_argument() {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let check = |name: &str, argument: &str, expected: Sampler, warnings: &[&str]| {
        check_warned(
            &[(NAME, name), (ARGUMENT, argument)],
            |c| c.sampler.clone(),
            expected,
            warnings,
        );
    };
    let default = || Sampler::ParentBasedAlwaysOn;
    for (name, expected) in [
        ("", default()),
        ("always_on", Sampler::AlwaysOn),
        ("always_off", Sampler::AlwaysOff),
        ("Always_OFF", Sampler::AlwaysOff),
        ("parentbased_always_on", Sampler::ParentBasedAlwaysOn),
        ("parentbased_always_off", Sampler::ParentBasedAlwaysOff),
    ] {
        check(name, "", expected.clone(), &[]);
        let problem = match name {
            "" => "has no effect without OTEL_TRACES_SAMPLER",
            _ => "is an argument for a sampler that has none",
        };
        let warning = format!("{ARGUMENT}: \"0.1\" {problem}; instead: {expected}");
        check(name, "0.1", expected, &[&warning]);
    }
    type Ratio = fn(f64) -> Sampler;
    let with_ratio: [(&str, Ratio); 2] = [
        ("traceidratio", Sampler::TraceIdRatio),
        ("parentbased_traceidratio", Sampler::ParentBasedTraceIdRatio),
    ];
    for (name, sampler) in with_ratio {
        for (argument, ratio) in [
            ("", 1.0),
            ("0", 0.0),
            ("1", 1.0),
            ("0.25", 0.25),
            ("1e-3", 0.001),
        ] {
            check(name, argument, sampler(ratio), &[]);
        }
        for argument in ["2", "1.0001", "-0.5", "NaN", "inf", "a half", "50%"] {
            let warning = format!("{ARGUMENT}: {argument:?} is no number from 0 to 1; instead: 1");
            check(name, argument, sampler(1.0), &[&warning]);
        }
    }
    for name in ["jaeger_remote", "parentbased_jaeger_remote", "xray"] {
        let warning = format!("{NAME}: {name:?} is not built yet; instead: parentbased_always_on");
        check(name, "endpoint=http://c", default(), &[&warning]);
    }
    let warning = format!("{NAME}: \"Sometimes\" is no sampler; instead: parentbased_always_on");
    check("Sometimes", "", default(), &[&warning]);
}

#[test]
fn resource_detectors_are_a_list_each_once() {
    use Detector::{Container, Host, ProcessArguments, Service};
    const VARIABLE: &str = "OTEL_RUST_RESOURCE_DETECTORS";
    let check = |list: &str, expected: &[Detector], unknown: &[(&str, &str)]| {
        let warnings: Vec<_> = (unknown.iter())
            .map(|(name, used)| {
                format!(
                    "{VARIABLE}: {name:?} is no resource detector (there are service, host, os, process, process_args, \
                     container, k8s, deployment; all; none); instead: {used}"
                )
            })
            .collect();
        let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
        let read = |c: &Config| c.resource_detectors.clone();
        check_warned(&[(VARIABLE, list)], read, expected.to_vec(), &warnings);
    };
    let all = &Detector::DEFAULT;
    check("", all, &[]);
    check(" , ", all, &[]);
    check("all", all, &[]);
    check("ALL,host", all, &[]);
    check("none", &[], &[]);
    check("None,", &[], &[]);
    check("none,host", &[Host], &[]);
    check("Host, CONTAINER ,host", &[Host, Container], &[]);
    check("process_args", &[ProcessArguments], &[]);
    let with_arguments = [all, &[ProcessArguments][..]].concat();
    check("all,process_args", &with_arguments, &[]);
    for detector in with_arguments {
        check(&detector.to_string(), &[detector], &[]);
    }
    let others = "the others of the list";
    check("hosts,service", &[Service], &[("hosts", others)]);
    check("none,ec2", &[], &[("ec2", others)]);
    check("ec2,Cloud", all, &[("ec2", "all"), ("Cloud", "all")]);
}

#[test]
fn propagators_are_a_list_in_order_each_once() {
    use Propagator::{B3, B3Multi, Baggage, Jaeger, OtTrace, TraceContext, XRay};
    const VARIABLE: &str = "OTEL_PROPAGATORS";
    let check = |list: &str, expected: &[Propagator], unknown: &[(&str, &str)]| {
        let warnings: Vec<_> = (unknown.iter())
            .map(|(name, used)| {
                format!(
                    "{VARIABLE}: {name:?} is not tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace or \
                     none; instead: {used}"
                )
            })
            .collect();
        let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
        let read = |c: &Config| c.propagators.clone();
        check_warned(&[(VARIABLE, list)], read, expected.to_vec(), &warnings);
    };
    let default = [TraceContext, Baggage];
    check("", &default, &[]);
    check(",", &default, &[]);
    check("tracecontext,baggage", &default, &[]);
    check("baggage,tracecontext", &[Baggage, TraceContext], &[]);
    check("tracecontext", &[TraceContext], &[]);
    check("TraceContext, BAGGAGE ,", &default, &[]);
    check(
        "baggage,baggage,tracecontext,baggage",
        &[Baggage, TraceContext],
        &[],
    );
    check("none", &[], &[]);
    check("None", &[], &[]);
    check("none,baggage", &[Baggage], &[]);
    let others = "the others of the list";
    check("b3,baggage", &[B3, Baggage], &[]);
    check("none,B3", &[B3], &[]);
    let every = "ottrace,xray,jaeger,b3multi,b3,baggage,tracecontext";
    let reversed = [OtTrace, XRay, Jaeger, B3Multi, B3, Baggage, TraceContext];
    check(every, &reversed, &[]);
    check(&every.to_uppercase(), &reversed, &[]);
    check(&format!("{every},{every}"), &reversed, &[]);
    check("b3single,baggage", &[Baggage], &[("b3single", others)]);
    check("none,W3C", &[], &[("W3C", others)]);
    let all = "tracecontext,baggage";
    check("w3c,b3 multi", &default, &[("w3c", all), ("b3 multi", all)]);
}

#[test]
fn the_log_filter_is_checked_when_it_is_read() {
    const VARIABLE: &str = "RUST_LOG";
    let read = |c: &Config| c.log_filter.clone();
    for (value, expected) in [
        ("", "info"),
        ("off", "off"),
        ("warn,shop=debug", "warn,shop=debug"),
        (
            "shop[place_order{user}]=trace",
            "shop[place_order{user}]=trace",
        ),
    ] {
        check(&[(VARIABLE, value)], read, expected.to_owned());
    }
    for value in ["shop=loud", "a=b=c"] {
        let config = from(&[(VARIABLE, value)]).unwrap();
        assert_eq!(config.log_filter, "info");
        let [warning] = &config.warnings[..] else {
            panic!("{:?}", config.warnings)
        };
        // What is in brackets is the words of the filter's parser.
        let message = warning.to_string();
        let begin = format!("{VARIABLE}: {value:?} is no filter (");
        assert!(message.starts_with(&begin), "{message}");
        assert!(message.ends_with("); instead: info"), "{message}");
    }
}

#[test]
fn log_lines_are_json_where_nobody_reads_them() {
    const VARIABLE: &str = "OTEL_RUST_LOG_FORMAT";
    for (value, expected) in [
        ("json", Format::Json),
        ("JSON", Format::Json),
        ("text", Format::Text),
        ("Text", Format::Text),
    ] {
        check(&[(VARIABLE, value)], |c| c.log_format, expected);
    }
    // The default depends on the terminal that the tests may or may not run in.
    let default = from(&[]).unwrap().log_format;
    check(&[(VARIABLE, "")], |c| c.log_format, default);
    let warning = format!("{VARIABLE}: \"pretty\" is not json or text; instead: {default}");
    check_warned(
        &[(VARIABLE, "pretty")],
        |c| c.log_format,
        default,
        &[&warning],
    );
}

#[test]
fn the_span_filter_leaves_the_carriers_of_requests_out() {
    const VARIABLE: &str = "OTEL_RUST_SPAN_FILTER";
    const DEFAULT: &str = "info,h2=off,hyper=off,hyper_util=off,opentelemetry=off,reqwest=off,rustls=off,tokio=off,\
                           tonic=off,tower=off,tower_http=off";
    let read = |c: &Config| c.span_filter.clone();
    check(&[], read, DEFAULT.to_owned());
    check(&[(VARIABLE, "")], read, DEFAULT.to_owned());
    check(
        &[(VARIABLE, "off,shop=debug")],
        read,
        "off,shop=debug".to_owned(),
    );
    let config = from(&[(VARIABLE, "shop=loud")]).unwrap();
    assert_eq!(config.span_filter, DEFAULT);
    let message = config.warnings[0].to_string();
    assert!(
        message.starts_with(&format!("{VARIABLE}: \"shop=loud\" is no filter (")),
        "{message}"
    );
    assert!(message.ends_with("); instead: the default"), "{message}");
}

#[test]
fn what_is_not_built_yet_is_warned_of_and_the_same_as_the_default_is_not() {
    let check = |variable: &str, value: &str, used: Option<&str>| {
        let warning =
            used.map(|used| format!("{variable}: {value:?} is not built in yet; instead: {used}"));
        let warnings: Vec<_> = warning.iter().map(String::as_str).collect();
        check_warned(&[(variable, value)], |c| c.disabled, false, &warnings);
    };
    let default = Some("the specification's default");
    for (variable, value, used) in [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "1", default),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "delta",
            default,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "Cumulative",
            None,
        ),
        (
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "30000",
            Some("the timeout of OTLP"),
        ),
        (
            "OTEL_METRICS_EXEMPLAR_FILTER",
            "trace_based",
            Some("no exemplars"),
        ),
        (
            "OTEL_CONFIG_FILE",
            "/otel.yaml",
            Some("the other variables"),
        ),
        ("OTEL_LOG_LEVEL", "debug", Some("RUST_LOG")),
    ] {
        check(variable, value, used);
    }
}

#[test]
fn nothing_is_wrong_with_an_empty_environment() {
    check(&[], |c| c.shutdown_timeout, Duration::from_secs(5));
    check(&[], |c| c.sampler.clone(), Sampler::ParentBasedAlwaysOn);
}

#[test]
fn a_configuration_prints_without_secrets() {
    let mut config = from(&[
        ("OTEL_SERVICE_NAME", "orders"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,host.name=a%20b",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318?key=secret"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20secret,x-tenant=secret",
        ),
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
    assert_eq!(
        config.to_string(),
        r#"disabled: false
service.name: orders
resource deployment.environment.name: test
resource host.name: a b
resource detectors: service,process_args
traces: OtlpConfig { endpoint: "http://c:4318/v1/traces", headers: [("authorization", "***"), ("x-tenant", "***")], timeout: 10s }
metrics: console
logs: none
span batches: 512 of 2048, every 5s, within 30s
log batches: 512 of 2048, every 1s, within 30s
span attribute value length limit: 10
log attribute value length limit: 20
metric export interval: 60s
sampler: parentbased_traceidratio 0.25
propagators: tracecontext,baggage
http known methods: GET,PURGE
http server request headers: accept
log filter: warn
log format: json
span filter: debug
shutdown timeout: 1.5s"#
    );
    assert!(!format!("{config:?}").contains("secret"), "{config:?}");
}

#[test]
fn a_service_without_a_name_is_named_by_its_executable() {
    let printed = from(&[]).unwrap().to_string();
    let executable = std::env::current_exe().unwrap();
    let name = executable.file_name().unwrap().to_string_lossy();
    let line = format!("service.name: unknown_service:{name}");
    assert!(printed.lines().any(|printed| printed == line), "{printed}");
}
