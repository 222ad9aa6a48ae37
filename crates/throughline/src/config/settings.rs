//! Every setting of a configuration by name, as it is shown to people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;
use throughline_otlp::otlp::{OtlpConfig, Pem};

use super::{Batch, Config, Exporter, http, propagators};
use crate::resource::Detector;

/// A setting as it may be shown.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    /// What tells it from any other value, where `value` leaves out what may be a credential.
    pub(super) secret: Option<String>,
    /// What it is read from; the first that is set counts.
    pub(super) variables: Vec<String>,
}

/// All of them. Where a signal goes to no collector, there is none for it.
pub(super) fn of(config: &Config) -> Vec<Setting> {
    let mut settings = Settings(Vec::new());
    settings.add("disabled", &["OTEL_SDK_DISABLED"], &config.disabled);
    settings.resource(config);
    for (signal, exporters, target) in signals(config) {
        let variable = format!("OTEL_{}_EXPORTER", signal.to_uppercase());
        let name = format!("{signal} exporters");
        settings.add(&name, &[&variable], &listed(exporters));
        if exporters.contains(&Exporter::Otlp) {
            settings.collector(signal, target);
        }
    }
    settings.batch("span", "OTEL_BSP", &config.span_batch);
    settings.batch("log record", "OTEL_BLRP", &config.log_batch);
    settings.limits(config);
    settings.metrics(config);
    settings.add("sampler", &["OTEL_TRACES_SAMPLER"], &config.sampler);
    let names = propagators::names(&config.propagators);
    settings.add("propagators", &["OTEL_PROPAGATORS"], &names);
    for (name, variable, value) in http::describe(&config.http) {
        settings.add(&format!("http {name}"), &[variable], &or_none(value));
    }
    settings.add("log filter", &["RUST_LOG"], &config.log_filter);
    let level = config.log_level.map(|level| level.to_string());
    let level = level.unwrap_or_else(|| "as the log filter".to_owned());
    settings.add("log level of telemetry", &["OTEL_LOG_LEVEL"], &level);
    settings.add("log format", &["OTEL_RUST_LOG_FORMAT"], &config.log_format);
    settings.add(
        "span filter",
        &["OTEL_RUST_SPAN_FILTER"],
        &config.span_filter,
    );
    let timeout = format!("{:?}", config.shutdown_timeout);
    settings.add("shutdown timeout", &[], &timeout);
    settings.0
}

/// The signals with their exporters and collectors.
pub(super) fn signals(config: &Config) -> [(&'static str, &[Exporter], &OtlpConfig); 3] {
    [
        ("traces", &config.traces_exporters, &config.traces_otlp),
        ("metrics", &config.metrics_exporters, &config.metrics_otlp),
        ("logs", &config.logs_exporters, &config.logs_otlp),
    ]
}

struct Settings(Vec<Setting>);

impl Settings {
    fn add(&mut self, name: &str, variables: &[&str], value: &dyn fmt::Display) -> &mut Setting {
        let setting = Setting {
            name: on_one_line(name),
            value: on_one_line(&value.to_string()),
            secret: None,
            variables: variables
                .iter()
                .map(|&variable| variable.to_owned())
                .collect(),
        };
        let at = self.0.len();
        self.0.push(setting);
        &mut self.0[at]
    }

    fn resource(&mut self, config: &Config) {
        let given = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];
        // The list may be there without the name.
        let variables = match config.service_name {
            Some(_) => &given[..],
            None => &given[..1],
        };
        let name = config.effective_service_name();
        self.add("service.name", variables, &name);
        // Of several with one key the last counts.
        let attributes: BTreeMap<_, _> = (config.resource_attributes.iter())
            .map(|(key, value)| (key, value))
            .collect();
        for (key, value) in attributes {
            self.add(&format!("resource {key}"), &given[1..], value);
        }
        let detectors: Vec<_> = (config.resource_detectors.iter())
            .map(Detector::to_string)
            .collect();
        let detectors = or_none(detectors.join(","));
        self.add(
            "resource detectors",
            &["OTEL_RUST_RESOURCE_DETECTORS"],
            &detectors,
        );
    }

    fn collector(&mut self, signal: &str, target: &OtlpConfig) {
        let own = signal.to_uppercase();
        let mut add = |name: &str, variable: &str, value: String, secret: Option<String>| {
            let variables = [
                format!("OTEL_EXPORTER_OTLP_{own}_{variable}"),
                format!("OTEL_EXPORTER_OTLP_{variable}"),
            ];
            let name = format!("{signal} {name}");
            let setting = self.add(&name, &[&variables[0], &variables[1]], &value);
            setting.secret = secret;
        };
        let url = Some(target.endpoint.clone());
        add("endpoint", "ENDPOINT", target.shown_endpoint(), url);
        add("protocol", "PROTOCOL", target.protocol.to_string(), None);
        let headers = target.headers.iter();
        let headers: Vec<_> = headers.map(|(name, _)| format!("{name}=***")).collect();
        let values = Some(format!("{:?}", target.headers));
        add("headers", "HEADERS", or_none(headers.join(",")), values);
        let compression = target.compression.map(|it| it.to_string());
        let compression = compression.unwrap_or_default();
        add("compression", "COMPRESSION", or_none(compression), None);
        add("timeout", "TIMEOUT", limit(target.timeout), None);
        let ca = target.tls.ca.as_ref();
        let ca_shown = ca.map_or_else(|| "the system's".to_owned(), shown);
        add("certificate", "CERTIFICATE", ca_shown, None);
        let client = target.tls.client.as_ref();
        let file = |pem: Option<&Pem>| pem.map_or_else(|| "none".to_owned(), shown);
        let certificate = file(client.map(|client| &client.certificate));
        add(
            "client certificate",
            "CLIENT_CERTIFICATE",
            certificate,
            None,
        );
        let key = file(client.map(|client| &client.key));
        add("client key", "CLIENT_KEY", key, None);
    }

    fn batch(&mut self, what: &str, prefix: &str, batch: &Batch) {
        let delay = format!("{:?}", batch.schedule_delay);
        for (name, variable, value) in [
            ("schedule delay", "SCHEDULE_DELAY", delay),
            (
                "export timeout",
                "EXPORT_TIMEOUT",
                limit(batch.export_timeout),
            ),
            (
                "queue size",
                "MAX_QUEUE_SIZE",
                batch.max_queue_size.to_string(),
            ),
            (
                "batch size",
                "MAX_EXPORT_BATCH_SIZE",
                batch.max_export_batch_size.to_string(),
            ),
        ] {
            let variable = format!("{prefix}_{variable}");
            self.add(&format!("{what} {name}"), &[&variable], &value);
        }
    }

    fn limits(&mut self, config: &Config) {
        const COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
        const LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
        let length =
            |limit: Option<usize>| limit.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let (span, log) = (&config.span_limits, &config.log_limits);
        let mut add = |what: &str, variables: &[&str], value: &dyn fmt::Display| {
            self.add(&format!("{what} limit"), variables, value);
        };
        let own = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT";
        add(
            "span attribute count",
            &[own, COUNT],
            &span.attribute_count_limit,
        );
        let own = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";
        let value = length(span.attribute_value_length_limit);
        add("span attribute value length", &[own, LENGTH], &value);
        let own = "OTEL_SPAN_EVENT_COUNT_LIMIT";
        add("span event count", &[own], &span.event_count_limit);
        let own = "OTEL_SPAN_LINK_COUNT_LIMIT";
        add("span link count", &[own], &span.link_count_limit);
        let own = "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT";
        add(
            "event attribute count",
            &[own, COUNT],
            &span.attribute_per_event_count_limit,
        );
        let own = "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT";
        add(
            "link attribute count",
            &[own, COUNT],
            &span.attribute_per_link_count_limit,
        );
        let own = "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT";
        add(
            "log record attribute count",
            &[own, COUNT],
            &log.attribute_count_limit,
        );
        let own = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT";
        let value = length(log.attribute_value_length_limit);
        add("log record attribute value length", &[own, LENGTH], &value);
    }

    fn metrics(&mut self, config: &Config) {
        let metrics = &config.metrics;
        let interval = format!("{:?}", metrics.export_interval);
        self.add(
            "metric export interval",
            &["OTEL_METRIC_EXPORT_INTERVAL"],
            &interval,
        );
        let timeout = limit(metrics.export_timeout);
        self.add(
            "metric export timeout",
            &["OTEL_METRIC_EXPORT_TIMEOUT"],
            &timeout,
        );
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let temporality = match metrics.temporality {
            Temporality::Cumulative => "cumulative",
            Temporality::Delta => "delta",
            Temporality::LowMemory => "lowmemory",
            _ => "unknown",
        };
        self.add("metric temporality", &[variable], &temporality);
        let variable = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        self.add(
            "histogram aggregation",
            &[variable],
            &metrics.histogram_aggregation,
        );
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
fn on_one_line(text: &str) -> String {
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
