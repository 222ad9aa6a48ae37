//! Any variables with any values: a configuration or an error, never a panic, and never a secret.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use throughline::Config;

use super::documented;
use crate::process;

const SECRET: &str = "s3cr3t";

/// Right somewhere and wrong everywhere else.
const VALUES: &[&str] = &[
    "",
    " ",
    ",",
    "true",
    "TRUE",
    "1",
    "0",
    "-1",
    "10",
    "10s",
    "0.5",
    "1e308",
    "NaN",
    "4294967296",
    "18446744073709551615",
    "99999999999999999999999",
    "none",
    "otlp",
    "otlp,console,otlp/stdout",
    "none,otlp",
    "zipkin",
    "grpc",
    "http/protobuf",
    "http/json",
    "gzip",
    "delta",
    "base2_exponential_bucket_histogram",
    "traceidratio",
    "parentbased_traceidratio",
    "jaeger_remote",
    "b3,baggage,b3,tracecontext",
    "all",
    "k8s,host",
    "json",
    "debug",
    "a=b=c",
    "service.name=shop,a=%FF",
    "service.name=shop,a=1",
    "%",
    "=",
    "a=b,c",
    "authorization=s3cr3t",
    "s3cr3t",
    "localhost:4317",
    "http://localhost:4317",
    "http://localhost:4318/v1/traces",
    "https://localhost",
    "http://u:s3cr3t@localhost",
    "http://localhost/?key=s3cr3t",
    "http://u:s3c?r3t@localhost",
    "/no/such/file.pem",
    "\"otlp\"",
    "grün, 日本, \u{1F980}",
    "\u{0}\r\n\u{7f}",
    "GET,PURGE",
    "/health,/internal/*",
    "10.0.0.0/8",
    "body_sizes",
    "http/dup",
    "database/dup",
    "sanitized",
    "api.example.com:443",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(VALUES).prop_map(str::to_owned),
        1 => ".{0,40}",
        1 => select(VALUES).prop_map(|value| value.repeat(5_000)),
    ]
}

fn variables(most: usize) -> impl Strategy<Value = BTreeMap<String, String>> {
    let names: Vec<_> = documented::read().into_iter().collect();
    btree_map(select(names), value(), 0..most)
}

/// Whether a secret is where none belongs. What is no URL is shown as it was written.
fn is_misplaced(variables: &BTreeMap<String, String>) -> bool {
    let is_for_secrets = |name: &str, value: &str| {
        let is_url = name.ends_with("_ENDPOINT") && value.contains("://");
        is_url || (name.starts_with("OTEL_EXPORTER") && name.ends_with("_HEADERS"))
    };
    let mut variables = variables.iter();
    variables.any(|(name, value)| value.contains(SECRET) && !is_for_secrets(name, value))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_variables_are_a_configuration_or_an_error(variables in variables(160)) {
        let read = Config::from_variables(|name| variables.get(name).cloned());
        let shown = match &read {
            Ok(config) => format!("{config}\n{config:?}\n{:?}", config.warnings),
            Err(error) => format!("{error}\n{error:?}"),
        };
        prop_assert!(is_misplaced(&variables) || !shown.contains(SECRET), "{variables:?}: {shown}");
        if let Ok(config) = read {
            // A value with a line break does not make a line.
            let lines = config.to_string().lines().count();
            let without = Config::from_variables(|_| None).unwrap().to_string().lines().count();
            prop_assert!(lines <= without + config.resource_attributes.len());
            for line in config.to_string().lines() {
                prop_assert!(line.contains(": ") && line.ends_with(')'), "{line:?}");
            }
            for warning in &config.warnings {
                prop_assert!(variables.contains_key(&warning.variable), "{warning}");
            }
        }
    }
}

/// In a child: whether `init()` is right with its environment.
fn start_and_stop() {
    let ended = catch_unwind(|| {
        let builder = throughline::builder()
            .configure(|config| config.shutdown_timeout = std::time::Duration::from_millis(50));
        match builder.init() {
            Ok(telemetry) => {
                tracing::info_span!("work").in_scope(|| tracing::info!("at work"));
                let _ = telemetry.shutdown_blocking();
                "started".to_owned()
            }
            Err(error) => format!("refused {error}"),
        }
    });
    println!("\nended {}", ended.unwrap());
}

#[test]
fn any_environment_starts_or_is_refused() {
    let Some(process) = process::of(any_environment_starts_or_is_refused, start_and_stop) else {
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut started = 0;
    for _ in 0..40 {
        // Few, or one that is refused is among them nearly always.
        let variables = variables(12).new_tree(&mut runner).unwrap().current();
        let variables: Vec<_> = (variables.iter())
            // No process has a variable with these.
            .filter(|(_, value)| !value.contains('\0') && value.len() < 100_000)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let output = process.clone().variables(&variables).run();
        let ended = output.after("ended ");
        let is_named = variables.iter().any(|(name, _)| ended.contains(name));
        assert!(ended == "started" || is_named, "{variables:?}: {ended}");
        started += usize::from(ended == "started");
    }
    assert!(started > 5, "only {started} of 40 started");
}
