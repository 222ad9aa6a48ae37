//! OTLP in JSON: what a collector would be sent, encoded as for a collector and then transcribed.

mod schema;
mod transcribe;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message as _;

use self::schema::Message;
use super::writer::Writer;
use crate::encode::{self, EncodedBatch};
use crate::proto::Malformed;

/// Prints each export of spans, metrics or log records as one line of OTLP in JSON, for a file or a program that reads the output
/// (OpenTelemetry specification, "OpenTelemetry Protocol File Exporter", status Development; OTLP, "JSON Protobuf
/// Encoding"). Here it is broken into several:
///
/// ```json
/// {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[
/// {"scope":{"name":"cart"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":
/// "GET /orders/{id}","kind":2,"startTimeUnixNano":"1581452772000000321","endTimeUnixNano":"1581452772012500321",
/// "attributes":[{"key":"http.response.status_code","value":{"intValue":"200"}}],"flags":257}]}]}]}
/// ```
///
/// A line says what a collector would be sent: the same fields, and none where the value is the default. Metrics are
/// cumulative since the start of the process, unless [`with_temporality`](Self::with_temporality) says otherwise. A file must hold one signal only, so use an exporter with an output of its
/// own for each. What a terminal might obey is escaped. The export fails when the output does.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use throughline_otlp::console::JsonExporter;
///
/// let exporter = JsonExporter::new(std::fs::File::create("spans.jsonl")?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JsonExporter {
    writer: Writer,
    resource: Resource,
    temporality: Temporality,
}

impl JsonExporter {
    /// Prints to the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Prints to any other output.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            writer: Writer::new(out),
            resource: Resource::builder_empty().build(),
            temporality: Temporality::Cumulative,
        }
    }

    /// The temporality of sums and histograms (OpenTelemetry specification, Metrics SDK, "OTLP exporter"). Default:
    /// cumulative.
    #[must_use]
    pub fn with_temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    fn print(&self, schema: &Message, request: &[u8]) -> OTelSdkResult {
        let mut line = transcribe::message(schema, request)
            .map_err(|Malformed| OTelSdkError::InternalFailure("malformed protobuf".to_owned()))?;
        line.push('\n');
        self.writer.write(&line)
    }
}

impl SpanExporter for JsonExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource = encode::resource(&self.resource);
        let request = EncodedBatch::of(&batch).request(&resource);
        self.print(&schema::TRACES, &request)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

impl LogExporter for JsonExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource = ResourceAttributesWithSchema::from(&self.resource);
        let request = ExportLogsServiceRequest {
            resource_logs: group_logs_by_resource_and_scope(&batch, &resource),
        };
        self.print(&schema::LOGS, &request.encode_to_vec())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.clone();
    }
}

impl PushMetricExporter for JsonExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        self.print(&schema::METRICS, &request.encode_to_vec())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}
