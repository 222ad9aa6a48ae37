//! From the OTLP protobuf types of log records to the records.

use std::collections::BTreeMap;

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord as ProtoLog;

use super::attributes::{attributes, resource_attributes, service, value};
use super::trace::{non_empty, span_id, time, trace_flags, trace_id};
use crate::log::LogRecord;

/// All log records of a request, in their order.
pub(crate) fn logs(request: &ExportLogsServiceRequest) -> Vec<LogRecord> {
    let mut records = Vec::new();
    for of_resource in &request.resource_logs {
        let resource = resource_attributes(of_resource.resource.as_ref());
        for of_scope in &of_resource.scope_logs {
            let scope = of_scope.scope.clone().unwrap_or_default().name;
            let logs = of_scope.log_records.iter();
            records.extend(logs.map(|each| log(&resource, &scope, each)));
        }
    }
    records
}

fn log(resource: &BTreeMap<String, Value>, scope: &str, log: &ProtoLog) -> LogRecord {
    let (trace_id, span_id) = (trace_id(&log.trace_id), span_id(&log.span_id));
    let known = |unix_nano| (unix_nano != 0).then(|| time(unix_nano));
    LogRecord {
        service: service(resource),
        resource: resource.clone(),
        scope: scope.to_owned(),
        time: known(log.time_unix_nano),
        observed_time: known(log.observed_time_unix_nano),
        severity_number: log.severity_number,
        severity_text: non_empty(log.severity_text.clone()),
        event_name: non_empty(log.event_name.clone()),
        body: value(log.body.as_ref()),
        attributes: attributes(&log.attributes),
        dropped_attributes_count: log.dropped_attributes_count,
        trace_id: (trace_id != TraceId::INVALID).then_some(trace_id),
        span_id: (span_id != SpanId::INVALID).then_some(span_id),
        trace_flags: trace_flags(log.flags),
    }
}
