//! The variables of `init()`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::LazyLock;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use throughline::{Config, InitError};

use super::{Target, lines};
use crate::random::{Random, mutated};

pub(super) const TARGETS: [Target; 3] = [
    Target {
        name: "otlp-headers",
        seeds: &["OTEL_EXPORTER_OTLP_HEADERS: api-key=a%20b,tenant=x"],
        input: mutated,
        check: check_headers,
        prepare,
        has_fixed_cost: true,
        is_dear: true,
    },
    Target {
        name: "resource-attributes",
        seeds: &["OTEL_RESOURCE_ATTRIBUTES: service.name=a,deployment.environment.name=b%2Cc"],
        input: mutated,
        check: check_attributes,
        prepare,
        has_fixed_cost: true,
        is_dear: true,
    },
    Target {
        name: "variables",
        seeds: &VARIABLES,
        input: of_many,
        check: |input| drop(check(input)),
        prepare,
        has_fixed_cost: true,
        is_dear: true,
    },
];

/// Well-formed values. Variables that are read and are not here get those of others, too.
const VARIABLES: [&str; 36] = [
    "OTEL_SDK_DISABLED: true",
    "OTEL_SERVICE_NAME: orders",
    "OTEL_RESOURCE_ATTRIBUTES: service.name=a,deployment.environment.name=b%2Cc",
    "OTEL_RUST_RESOURCE_DETECTORS: host,os,process,container,k8s",
    "OTEL_TRACES_EXPORTER: otlp",
    "OTEL_METRICS_EXPORTER: none",
    "OTEL_LOGS_EXPORTER: otlp/stdout",
    "OTEL_EXPORTER_OTLP_ENDPOINT: https://collector.example:4318/base?key=a",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: http://[::1]:4318/v1/traces",
    "OTEL_EXPORTER_OTLP_PROTOCOL: grpc",
    "OTEL_EXPORTER_OTLP_HEADERS: api-key=a%20b,tenant=x",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS: api-key=a%20b,tenant=x",
    "OTEL_EXPORTER_OTLP_COMPRESSION: gzip",
    "OTEL_EXPORTER_OTLP_TIMEOUT: 10000",
    "OTEL_BSP_SCHEDULE_DELAY: 5000",
    "OTEL_BSP_MAX_QUEUE_SIZE: 2048",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 512",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: 128",
    "OTEL_METRIC_EXPORT_INTERVAL: 60000",
    "OTEL_TRACES_SAMPLER: parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER: traceidratio",
    "OTEL_TRACES_SAMPLER_ARG: 0.25",
    "OTEL_PROPAGATORS: tracecontext,baggage,b3",
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: GET,POST,QUERY",
    "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: accept,x-tenant",
    "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS: /health,/internal/*",
    "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_TRUSTED_PROXIES: 10.0.0.0/8,fd00::/8",
    "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_OPT_IN: body_sizes,active_requests",
    "OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS: token,key",
    "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_METRIC_SERVER: api.example.com:443",
    "OTEL_SEMCONV_STABILITY_OPT_IN: http/dup",
    "OTEL_METRICS_EXEMPLAR_FILTER: trace_based",
    "OTEL_RUST_LOG_FORMAT: json",
    "OTEL_RUST_SPAN_FILTER: info,hyper=off,orders=debug",
    "RUST_LOG: info,orders::bank[charge{card=good}]=debug",
    "K8S_POD_NAME: orders-7d9c",
];

/// The names that are read, whatever the others say, as far as the well-formed values reach.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = RefCell::new(BTreeSet::new());
    for seed in VARIABLES.into_iter().chain([""]) {
        let variables = variables(seed.as_bytes());
        let read = Config::from_variables(|name| {
            names.borrow_mut().insert(name.to_owned());
            variables.get(name).cloned()
        });
        black_box(read).ok();
    }
    names.into_inner().into_iter().collect()
});

/// A random choice of all variables, most of them with a value that is meant for them.
fn of_many(seeds: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = Vec::new();
    for seed in seeds
        .iter()
        .filter(|_| random.below(8) == 0)
        .collect::<Vec<_>>()
    {
        let (name, value) = seed.split_once(": ").unwrap_or((seed, ""));
        let mut value = value.as_bytes().to_vec();
        match random.below(16) {
            0 => value = random.bytes(300),
            1..4 => random.change(&mut value),
            _ => {}
        }
        add(&mut input, name, &value);
    }
    for _ in 0..random.below(4) {
        let name = &NAMES[random.below(NAMES.len())];
        let mut value = match random.below(4) {
            0 => random.bytes(300),
            _ => random.of(seeds).split(": ").nth(1).unwrap_or("").into(),
        };
        if random.below(4) == 0 {
            random.change(&mut value);
        }
        add(&mut input, name, &value);
    }
    input
}

fn add(input: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\n"] {
        input.extend_from_slice(part);
    }
}

fn variables(input: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let variables = lines(input).map(|(name, value)| (text(name), text(value)));
    variables.collect()
}

fn read(variables: &BTreeMap<String, String>) -> Result<Config, InitError> {
    Config::from_variables(|name| variables.get(name).cloned())
}

fn prepare(input: &[u8]) -> Box<dyn FnMut()> {
    let variables = variables(input);
    Box::new(move || drop(black_box(read(black_box(&variables)))))
}

/// What is complained of is a variable that is set, and everything can be printed.
fn check(input: &[u8]) -> Option<Config> {
    let variables = variables(input);
    let is_set = |name: &str| assert!(variables.contains_key(name), "{name} is not set");
    match read(&variables) {
        Ok(config) => {
            for warning in &config.warnings {
                is_set(&warning.variable);
                black_box(warning.to_string());
            }
            black_box(format!("{config} {config:?}"));
            Some(config)
        }
        Err(error) => {
            if let InitError::Variable { variable, .. } = &error {
                is_set(variable);
            }
            black_box(error.to_string());
            None
        }
    }
}

/// Headers that are read, written and read again are the same, and are printed without their values.
fn check_headers(input: &[u8]) {
    let Ok(config) = read(&variables(input)) else {
        return;
    };
    let headers = config.traces_otlp.headers;
    let written = |headers: &[(String, String)]| {
        let written = format!("OTEL_EXPORTER_OTLP_HEADERS: {}", encoded(headers));
        let again = read(&variables(written.as_bytes()));
        again.unwrap_or_else(|error| panic!("what was read is refused: {error}"))
    };
    let again = written(&headers);
    assert_eq!(again.traces_otlp.headers, headers);
    let with_others = headers
        .into_iter()
        .map(|(name, _)| (name, "another".to_owned()));
    let others = written(&with_others.collect::<Vec<_>>());
    assert_eq!(
        format!("{again} {again:?}"),
        format!("{others} {others:?}"),
        "a header's value is printed"
    );
}

/// Attributes that are read, written and read again are the same.
fn check_attributes(input: &[u8]) {
    let Ok(config) = read(&variables(input)) else {
        return;
    };
    let name = config.service_name.clone();
    let name = name.map(|name| ("service.name".to_owned(), name));
    let attributes: Vec<_> = config
        .resource_attributes
        .iter()
        .cloned()
        .chain(name)
        .collect();
    let written = format!("OTEL_RESOURCE_ATTRIBUTES: {}", encoded(&attributes));
    let again = read(&variables(written.as_bytes())).ok();
    let again = again.map(|it| (it.service_name, it.resource_attributes));
    assert_eq!(
        again,
        Some((config.service_name, config.resource_attributes))
    );
}

fn encoded(pairs: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    pairs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_of_variables_that_are_read_and_followed() {
        for seed in VARIABLES {
            let name = seed.split(": ").next().unwrap();
            assert!(NAMES.iter().any(|read| read == name), "{name} is not read");
            if let Err(error) = read(&variables(seed.as_bytes())) {
                panic!("{error}");
            }
        }
    }

    #[test]
    fn random_variables_are_often_a_configuration() {
        let inputs = (0..1000).map(|number| of_many(&VARIABLES, &mut Random(number)));
        let followed = inputs.filter(|input| check(input).is_some()).count();
        assert!((200..900).contains(&followed), "{followed} of 1000");
    }
}
