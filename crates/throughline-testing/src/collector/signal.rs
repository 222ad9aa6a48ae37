//! What the three signals have in common.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde_json::Value as Json;

const REJECTED: &str = "the collector was told to reject some";

/// An export request of one signal.
pub(super) trait Signal: prost::Message + Default {
    type Response: prost::Message;

    /// The answer; with the number of rejected items, that of a partial success.
    fn response(rejected: Option<i64>) -> Self::Response;

    fn into_export(self) -> Export;
}

/// An export request that was accepted.
#[derive(Debug)]
pub(super) enum Export {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Export {
    /// The request in the JSON encoding of OTLP, on one line.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        let mut json = match self {
            Self::Traces(request) => serde_json::to_value(request),
            Self::Metrics(request) => serde_json::to_value(request),
            Self::Logs(request) => serde_json::to_value(request),
        }?;
        remove_nulls(&mut json);
        Ok(json.to_string())
    }
}

/// Unset messages come as `null`, which protobuf's JSON allows but never writes, so that not every
/// reader takes it.
fn remove_nulls(json: &mut Json) {
    match json {
        Json::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

impl Signal for ExportTraceServiceRequest {
    type Response = ExportTraceServiceResponse;

    fn response(rejected: Option<i64>) -> Self::Response {
        let partial_success = rejected.map(|rejected_spans| ExportTracePartialSuccess {
            rejected_spans,
            error_message: REJECTED.to_owned(),
        });
        ExportTraceServiceResponse { partial_success }
    }

    fn into_export(self) -> Export {
        Export::Traces(self)
    }
}

impl Signal for ExportMetricsServiceRequest {
    type Response = ExportMetricsServiceResponse;

    fn response(rejected: Option<i64>) -> Self::Response {
        let partial_success = rejected.map(|rejected_data_points| ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message: REJECTED.to_owned(),
        });
        ExportMetricsServiceResponse { partial_success }
    }

    fn into_export(self) -> Export {
        Export::Metrics(self)
    }
}

impl Signal for ExportLogsServiceRequest {
    type Response = ExportLogsServiceResponse;

    fn response(rejected: Option<i64>) -> Self::Response {
        let partial_success = rejected.map(|rejected_log_records| ExportLogsPartialSuccess {
            rejected_log_records,
            error_message: REJECTED.to_owned(),
        });
        ExportLogsServiceResponse { partial_success }
    }

    fn into_export(self) -> Export {
        Export::Logs(self)
    }
}
