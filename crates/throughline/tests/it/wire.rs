//! What the variables say about the connection: TLS on both sides, compression.

use throughline_testing::Collector;

use crate::app;
use crate::process::{self, PROTOCOLS};
use crate::runtimes::{self, check_arrived};
use crate::tls::{Authority, Folder, Front, Issued};

#[test]
fn compression_is_that_of_the_variable() {
    let scenario = || app::on_current_thread(runtimes::life());
    let Some(process) = process::of(compression_is_that_of_the_variable, scenario) else {
        return;
    };
    let check = |compression: &str, expected: Option<&str>| {
        for protocol in PROTOCOLS {
            let collector = Collector::start_blocking().unwrap();
            let process = (process.clone())
                .exporting_by(protocol, &collector)
                .variable("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
            process.run();
            check_arrived(&collector, 2, protocol);
            let header = match protocol {
                "grpc" => "grpc-encoding",
                _ => "content-encoding",
            };
            for headers in collector.headers() {
                let encoding = headers.get(header).map(String::as_str);
                assert_eq!(encoding, expected, "{compression}, {protocol}: {headers:?}");
            }
        }
    };
    check("gzip", Some("gzip"));
    check("none", None);
    check("", None);
}

#[test]
fn both_sides_show_the_certificates_of_the_variables_or_say_who_refused() {
    let test = both_sides_show_the_certificates_of_the_variables_or_say_who_refused;
    let scenario = || {
        let telemetry = app::init();
        runtimes::work();
        match telemetry.shutdown_blocking() {
            Ok(report) => println!("{report}"),
            Err(error) => println!("{error}"),
        }
    };
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let [servers, clients] = ["servers", "clients"].map(Authority::new);
    let server = servers.server();
    let check = |case: &str, ca: &Authority, client: &Issued, refusal: Option<&str>| {
        for protocol in PROTOCOLS {
            let collector = Collector::start_blocking().unwrap();
            let front = Front::start(&server, &clients, &process::endpoint(&collector, protocol));
            let folder = Folder::new(&format!("throughline-wire-{case}"));
            let [ca, certificate, key] = folder.write(ca, client);
            let output = (process.clone())
                .exporting_by(protocol, &collector)
                .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &front.endpoint)
                .variable("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca)
                .variable("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate)
                .variable("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key)
                .run();
            match refusal {
                None => {
                    output.after("1 span started: 1 exported, 0 dropped");
                    check_arrived(&collector, 1, protocol);
                }
                Some(reason) => {
                    let lost = "telemetry was not delivered in full: ";
                    output.check_report(
                        lost,
                        "1 span started: 0 exported, 1 dropped (export failed: 1)",
                    );
                    let report = output.after(lost);
                    assert!(report.ends_with("; the last metrics were not taken"));
                    let message = "spans were dropped because they could not be exported";
                    let warning = output.log_line(message);
                    assert_eq!(warning["level"], "WARN", "{protocol}");
                    let said = warning["fields"]["reason"].as_str().unwrap();
                    assert!(said.starts_with(&front.endpoint), "{protocol}: {said}");
                    assert!(said.ends_with(reason), "{protocol}: {said}");
                    assert_eq!(collector.requests(), 0, "{protocol}");
                }
            }
        }
    };
    check("trusted", &servers, &clients.client(), None);
    check(
        "wrong-client",
        &servers,
        &servers.client(),
        Some("the server refused our certificate: alert UnknownCA"),
    );
    check(
        "wrong-authority",
        &clients,
        &clients.client(),
        Some("the server's certificate was refused: the configured CA did not issue it"),
    );
}
