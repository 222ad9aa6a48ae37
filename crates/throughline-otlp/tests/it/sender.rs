//! Exports straight from an exporter, without a pipeline around it.

use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use throughline_otlp::ExportRuntime;
use throughline_otlp::otlp::{self, OtlpConfig, SpanExporter};

use crate::support::{block_on, span_data};

/// An exporter of spans, on an export thread of its own.
pub(crate) struct Sender {
    exporter: SpanExporter,
    endpoint: String,
}

impl Sender {
    #[track_caller]
    pub(crate) fn new(config: &OtlpConfig) -> Self {
        let runtime = ExportRuntime::start().unwrap();
        Self {
            exporter: otlp::span_exporter(&runtime, config).unwrap(),
            endpoint: config.endpoint.clone(),
        }
    }

    /// Exports a span; the error without the endpoint, or "timeout".
    pub(crate) fn export(&self) -> Result<(), String> {
        self.export_all(vec![span_data()])
    }

    pub(crate) fn export_all(&self, spans: Vec<SpanData>) -> Result<(), String> {
        block_on(self.exporter.export(spans)).map_err(|error| match error {
            OTelSdkError::Timeout(_) => "timeout".to_owned(),
            OTelSdkError::InternalFailure(reason) => {
                let reason = reason.strip_prefix(&format!("{}: ", self.endpoint));
                reason.expect("the error names the endpoint").to_owned()
            }
            other => other.to_string(),
        })
    }
}

/// Exports one span.
#[track_caller]
pub(crate) fn export(config: &OtlpConfig) -> Result<(), String> {
    Sender::new(config).export()
}
