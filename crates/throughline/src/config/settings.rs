//! Every setting of a configuration by name, as it is shown to people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;
use throughline_otlp::NPlusOne;
use throughline_otlp::otlp::{OtlpConfig, Pem};

use super::batch::BatchVariables;
use super::env::Variables;
use super::signal::{LOGS, METRICS, Signal, TRACES};
use super::{
    Batch, Config, Exporter, batch, database, http, limits, metrics, n_plus_one, propagators,
    stability,
};
use crate::resource::Detector;

/// A setting as it may be shown.
pub(super) struct Setting {
    pub(super) name: Cow<'static, str>,
    pub(super) value: String,
    /// What tells it from any other value, where `value` leaves out what may be a credential.
    secret: Option<String>,
    /// What it is read from.
    pub(super) variables: Variables,
}

impl Setting {
    pub(super) fn is_as(&self, other: &Self) -> bool {
        (&self.value, &self.secret) == (&other.value, &other.secret)
    }
}

/// All of them. Where a signal goes to no collector, there is none for it.
pub(super) fn of(config: &Config) -> Vec<Setting> {
    let mut settings = Settings(Vec::with_capacity(80));
    let disabled = config.disabled.to_string();
    settings.add("disabled", &["OTEL_SDK_DISABLED"], disabled);
    settings.resource(config);
    for (signal, exporters, target) in signals(config) {
        let name = format!("{} exporters", signal.name);
        settings.add(name, slice::from_ref(&signal.exporters), listed(exporters));
        if exporters.contains(&Exporter::Otlp) {
            settings.collector(signal, target);
        }
    }
    settings.batch("span", &batch::SPANS, &config.span_batch);
    settings.batch("log record", &batch::LOGS, &config.log_batch);
    settings.limits(config);
    settings.n_plus_one(config);
    settings.metrics(config);
    let sampler = config.sampler.to_string();
    settings.add("sampler", &["OTEL_TRACES_SAMPLER"], sampler);
    let names = propagators::names(&config.propagators);
    settings.add("propagators", &["OTEL_PROPAGATORS"], names);
    for (name, variables, value) in http::describe(&config.http) {
        settings.add(name, variables, or_none(value));
    }
    for (name, variables, value) in database::describe(&config.database) {
        settings.add(name, variables, or_none(value));
    }
    let old_names = or_none(stability::describe(config));
    settings.add("old names", &[stability::STABILITY], old_names);
    settings.add("log filter", &["RUST_LOG"], config.log_filter.clone());
    let level = config.log_level.map(|level| level.to_string());
    let level = level.unwrap_or_else(|| "as the log filter".to_owned());
    settings.add("log level of telemetry", &["OTEL_LOG_LEVEL"], level);
    let format = config.log_format.to_string();
    settings.add("log format", &["OTEL_RUST_LOG_FORMAT"], format);
    let filter = config.span_filter.clone();
    settings.add("span filter", &["OTEL_RUST_SPAN_FILTER"], filter);
    let timeout = format!("{:?}", config.shutdown_timeout);
    settings.add("shutdown timeout", &[], timeout);
    settings.0
}

/// The signals with their exporters and collectors.
pub(super) fn signals(config: &Config) -> [(&'static Signal, &[Exporter], &OtlpConfig); 3] {
    [
        (&TRACES, &config.traces_exporters, &config.traces_otlp),
        (&METRICS, &config.metrics_exporters, &config.metrics_otlp),
        (&LOGS, &config.logs_exporters, &config.logs_otlp),
    ]
}

struct Settings(Vec<Setting>);

impl Settings {
    fn add(&mut self, name: impl Into<Cow<'static, str>>, variables: Variables, value: String) {
        self.0.push(Setting {
            name: name.into(),
            value: on_one_line(value),
            secret: None,
            variables,
        });
    }

    fn resource(&mut self, config: &Config) {
        const GIVEN: Variables = &["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];
        // The list may be there without the name.
        let variables = match config.service_name {
            Some(_) => GIVEN,
            None => &GIVEN[..1],
        };
        self.add("service.name", variables, config.effective_service_name());
        // Of several with one key the last counts.
        let attributes: BTreeMap<_, _> = (config.resource_attributes.iter())
            .map(|(key, value)| (key, value))
            .collect();
        for (key, value) in attributes {
            let name = on_one_line(format!("resource {key}"));
            self.add(name, &GIVEN[1..], value.clone());
        }
        let detectors: Vec<_> = (config.resource_detectors.iter())
            .map(Detector::to_string)
            .collect();
        let variables = &["OTEL_RUST_RESOURCE_DETECTORS"];
        self.add(
            "resource detectors",
            variables,
            or_none(detectors.join(",")),
        );
    }

    fn collector(&mut self, signal: &Signal, target: &OtlpConfig) {
        let mut add = |name: &str, variables, value: String, secret: Option<String>| {
            let name = format!("{} {name}", signal.name).into();
            let value = on_one_line(value);
            self.0.push(Setting {
                name,
                value,
                secret,
                variables,
            });
        };
        let url = Some(target.endpoint.clone());
        add("endpoint", signal.endpoint, target.shown_endpoint(), url);
        let protocol = target.protocol.to_string();
        add("protocol", signal.protocol, protocol, None);
        let headers = target.headers.iter();
        let headers: Vec<_> = headers.map(|(name, _)| format!("{name}=***")).collect();
        let values = Some(format!("{:?}", target.headers));
        add(
            "headers",
            signal.headers,
            or_none(headers.join(",")),
            values,
        );
        let compression = target.compression.map(|it| it.to_string());
        let compression = or_none(compression.unwrap_or_default());
        add("compression", signal.compression, compression, None);
        add("timeout", signal.timeout, limit(target.timeout), None);
        let ca = target.tls.ca.as_ref();
        let ca_shown = ca.map_or_else(|| "the system's".to_owned(), shown);
        add("certificate", signal.certificate, ca_shown, None);
        let client = target.tls.client.as_ref();
        let file = |pem: Option<&Pem>| pem.map_or_else(|| "none".to_owned(), shown);
        let certificate = file(client.map(|client| &client.certificate));
        let variables = signal.client_certificate;
        add("client certificate", variables, certificate, None);
        let key = file(client.map(|client| &client.key));
        add("client key", signal.client_key, key, None);
    }

    fn batch(&mut self, what: &str, variables: &BatchVariables, batch: &Batch) {
        let mut add = |name: &str, variables, value| {
            self.add(format!("{what} {name}"), variables, value);
        };
        let delay = format!("{:?}", batch.schedule_delay);
        add("schedule delay", variables.schedule_delay, delay);
        let timeout = limit(batch.export_timeout);
        add("export timeout", variables.export_timeout, timeout);
        let queue = batch.max_queue_size.to_string();
        add("queue size", variables.max_queue_size, queue);
        let size = batch.max_export_batch_size.to_string();
        add("batch size", variables.max_export_batch_size, size);
    }

    fn limits(&mut self, config: &Config) {
        let (span, log) = (&config.span_limits, &config.log_limits);
        let length =
            |limit: Option<usize>| limit.map_or_else(|| "none".to_owned(), |it| it.to_string());
        for (name, variables, value) in [
            (
                "span attribute count limit",
                limits::SPAN_ATTRIBUTE_COUNT,
                span.attribute_count_limit.to_string(),
            ),
            (
                "span attribute value length limit",
                limits::SPAN_ATTRIBUTE_VALUE_LENGTH,
                length(span.attribute_value_length_limit),
            ),
            (
                "span event count limit",
                limits::SPAN_EVENT_COUNT,
                span.event_count_limit.to_string(),
            ),
            (
                "span link count limit",
                limits::SPAN_LINK_COUNT,
                span.link_count_limit.to_string(),
            ),
            (
                "event attribute count limit",
                limits::EVENT_ATTRIBUTE_COUNT,
                span.attribute_per_event_count_limit.to_string(),
            ),
            (
                "link attribute count limit",
                limits::LINK_ATTRIBUTE_COUNT,
                span.attribute_per_link_count_limit.to_string(),
            ),
            (
                "log record attribute count limit",
                limits::LOGRECORD_ATTRIBUTE_COUNT,
                log.attribute_count_limit.to_string(),
            ),
            (
                "log record attribute value length limit",
                limits::LOGRECORD_ATTRIBUTE_VALUE_LENGTH,
                length(log.attribute_value_length_limit),
            ),
        ] {
            self.add(name, variables, value);
        }
    }

    fn n_plus_one(&mut self, config: &Config) {
        let NPlusOne {
            min_queries,
            min_time,
            ..
        } = config.n_plus_one;
        let find = config.find_n_plus_one.to_string();
        self.add("n+1", &[n_plus_one::FIND], find);
        let queries = min_queries.to_string();
        self.add("n+1 queries", n_plus_one::MIN_QUERIES, queries);
        let time = format!("{min_time:?}");
        self.add("n+1 time", n_plus_one::MIN_TIME, time);
    }

    fn metrics(&mut self, config: &Config) {
        let settings = &config.metrics;
        let interval = format!("{:?}", settings.export_interval);
        self.add("metric export interval", metrics::INTERVAL, interval);
        let timeout = limit(settings.export_timeout);
        self.add("metric export timeout", metrics::TIMEOUT, timeout);
        let variables = &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"];
        let temporality = match settings.temporality {
            Temporality::Cumulative => "cumulative",
            Temporality::Delta => "delta",
            Temporality::LowMemory => "lowmemory",
            _ => "unknown",
        };
        self.add("metric temporality", variables, temporality.to_owned());
        let variables = &["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"];
        let aggregation = settings.histogram_aggregation.to_string();
        self.add("histogram aggregation", variables, aggregation);
    }
}

/// The names of exporters, as the variables would say them.
pub(super) fn listed(exporters: &[Exporter]) -> String {
    let names: Vec<_> = exporters.iter().map(Exporter::to_string).collect();
    or_none(names.join(","))
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

/// A duration for which 0 is no limit.
fn limit(duration: Duration) -> String {
    if duration.is_zero() {
        "none".to_owned()
    } else {
        format!("{duration:?}")
    }
}

fn shown(pem: &Pem) -> String {
    match pem {
        Pem::Path(path) => path.display().to_string(),
        other => format!("{other:?}"),
    }
}

/// A value may be anything, and a line of its own would look like another setting.
fn on_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
