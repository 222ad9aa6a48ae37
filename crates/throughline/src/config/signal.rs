//! The signals and their variables.

use super::env::Variables;

/// A signal, and what its exporters and its collector are read from.
pub(super) struct Signal {
    /// Its name in settings.
    pub(super) name: &'static str,
    /// Its path below a generic endpoint.
    pub(super) path: &'static str,
    pub(super) exporters: &'static str,
    pub(super) endpoint: Variables,
    pub(super) insecure: Variables,
    pub(super) protocol: Variables,
    pub(super) headers: Variables,
    pub(super) compression: Variables,
    pub(super) timeout: Variables,
    pub(super) certificate: Variables,
    pub(super) client_certificate: Variables,
    pub(super) client_key: Variables,
}

/// The signal's own variable, and the generic one (OTLP exporter, "Configuration Options").
macro_rules! otlp {
    ($own:literal, $what:literal) => {
        &[
            concat!("OTEL_EXPORTER_OTLP_", $own, "_", $what),
            concat!("OTEL_EXPORTER_OTLP_", $what),
        ]
    };
}

macro_rules! signal {
    ($name:literal, $own:literal) => {
        Signal {
            name: $name,
            path: concat!("v1/", $name),
            exporters: concat!("OTEL_", $own, "_EXPORTER"),
            endpoint: otlp!($own, "ENDPOINT"),
            insecure: otlp!($own, "INSECURE"),
            protocol: otlp!($own, "PROTOCOL"),
            headers: otlp!($own, "HEADERS"),
            compression: otlp!($own, "COMPRESSION"),
            timeout: otlp!($own, "TIMEOUT"),
            certificate: otlp!($own, "CERTIFICATE"),
            client_certificate: otlp!($own, "CLIENT_CERTIFICATE"),
            client_key: otlp!($own, "CLIENT_KEY"),
        }
    };
}

pub(super) static TRACES: Signal = signal!("traces", "TRACES");
pub(super) static METRICS: Signal = signal!("metrics", "METRICS");
pub(super) static LOGS: Signal = signal!("logs", "LOGS");
