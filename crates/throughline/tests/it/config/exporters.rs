//! Which exporters a signal has.

use throughline::{Config, Exporter};

use super::{Variables, check, check_error, from};

#[test]
fn each_signal_has_exporters_or_none() {
    use Exporter::{Console, Otlp, OtlpStdout};
    for (value, expected) in [
        ("", &[Otlp][..]),
        (",", &[Otlp]),
        ("otlp", &[Otlp]),
        ("OTLP", &[Otlp]),
        ("otlp/stdout", &[OtlpStdout]),
        ("OTLP/stdout", &[OtlpStdout]),
        ("console", &[Console]),
        ("Console", &[Console]),
        ("none", &[]),
        ("NONE,none", &[]),
        ("console, otlp ,", &[Console, Otlp]),
        ("otlp,Console,otlp,console", &[Otlp, Console]),
        ("otlp,otlp/stdout,console", &[Otlp, OtlpStdout, Console]),
    ] {
        for (at, signal) in ["TRACES", "METRICS", "LOGS"].into_iter().enumerate() {
            let mut all = [(); 3].map(|()| vec![Otlp]);
            all[at] = expected.to_vec();
            let variable = format!("OTEL_{signal}_EXPORTER");
            check(&[(&variable, value)], each, all);
        }
    }
}

fn each(config: &Config) -> [Vec<Exporter>; 3] {
    [
        config.traces_exporters.clone(),
        config.metrics_exporters.clone(),
        config.logs_exporters.clone(),
    ]
}

#[test]
fn what_is_no_exporter_is_an_error_with_a_remedy() {
    let zipkin =
        "an exporter for Zipkin is not built; a collector passes on what it is sent: use otlp";
    let prometheus = "an exporter for Prometheus is not built; Prometheus takes OTLP, and a collector serves what it is \
                      sent: use otlp";
    let logging = "this is the old name of console: use console";
    let unknown = "use otlp, otlp/stdout, console or none";
    for signal in ["TRACES", "METRICS", "LOGS"] {
        for (value, remedy) in [
            ("Zipkin", zipkin),
            ("prometheus", prometheus),
            ("logging", logging),
            ("jaeger", "Jaeger takes OTLP: use otlp"),
            ("oltp", unknown),
            ("\"otlp\"", unknown),
            (
                "otlp,oltp",
                "\"oltp\": use otlp, otlp/stdout, console or none",
            ),
            ("none,zipkin", &format!("\"zipkin\": {zipkin}")),
            (
                "none,otlp",
                "none is for no exporter at all: leave it out, or leave out the others",
            ),
        ] {
            let variable = format!("OTEL_{signal}_EXPORTER");
            let expected = format!("{variable}={value:?} cannot be followed: {remedy}");
            check_error(&[(&variable, value)], &expected);
        }
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
    check(&with(unknown), |c| c.traces_exporters.clone(), vec![]);
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
