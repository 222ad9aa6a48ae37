//! Which log records must have come through a receiver.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::Value;
use throughline_testing::Collector;

use super::shape;
use crate::shop::{Line, Shop, TRACED};

/// Of every log line with a trace id, a record that says the same. The lines are what the shop printed, and those of its
/// traces, which [`Sent::traces`](super::check::Sent::traces) checks.
pub(super) fn check(collector: &Collector, shop: &Shop) -> Result<String> {
    let lines = shop.log();
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| TRACED.contains(&line.service) && line.json["trace_id"].is_string())
        .collect();
    ensure!(
        !lines.is_empty(),
        "the shop printed no line with a trace id"
    );
    let fields = lines
        .iter()
        .filter_map(|line| line.json["fields"].as_object());
    let keys: BTreeSet<_> = fields.flatten().map(|(key, _)| key.as_str()).collect();
    let printed: Vec<_> = lines.iter().map(|line| printed(line)).collect();
    let mut arrived = Vec::new();
    for request in collector.otlp_json().lines() {
        arrived.extend(records(&serde_json::from_str(request)?, &keys));
    }
    shape::same(&printed, &arrived)?;
    Ok(format!("{} records with trace ids", arrived.len()))
}

/// What a line says, in the form of [`records`].
fn printed(line: &Line) -> String {
    let fields = line.json["fields"].as_object().into_iter().flatten();
    let fields: Vec<_> = fields
        .map(|(key, value)| format!("{key}={}", plain(value)))
        .collect();
    let text = |key: &str| line.json[key].as_str().unwrap_or_default();
    said(
        line.service,
        &line.json,
        ["trace_id", "span_id"],
        text("level"),
        text("message"),
        fields,
    )
}

/// What the records of a request say that have a trace id: of their attributes, those with these keys.
fn records(request: &Value, keys: &BTreeSet<&str>) -> Vec<String> {
    let mut said_by_records = Vec::new();
    for of_resource in list(&request["resourceLogs"]) {
        let resource = list(&of_resource["resource"]["attributes"]);
        let service = resource
            .iter()
            .find(|attribute| attribute["key"] == "service.name")
            .and_then(|attribute| attribute["value"]["stringValue"].as_str());
        let scopes = list(&of_resource["scopeLogs"]).iter();
        let records = scopes.flat_map(|of_scope| list(&of_scope["logRecords"]));
        for record in
            records.filter(|record| record["traceId"].as_str().is_some_and(|id| !id.is_empty()))
        {
            let attributes = list(&record["attributes"]).iter().filter_map(|attribute| {
                let key = attribute["key"].as_str()?;
                keys.contains(key)
                    .then(|| format!("{key}={}", any_value(&attribute["value"])))
            });
            said_by_records.push(said(
                service.unwrap_or_default(),
                record,
                ["traceId", "spanId"],
                level(record["severityNumber"].as_u64().unwrap_or_default()),
                &any_value(&record["body"]),
                attributes.collect(),
            ));
        }
    }
    said_by_records
}

fn said(
    service: &str,
    json: &Value,
    ids: [&str; 2],
    level: &str,
    message: &str,
    mut fields: Vec<String>,
) -> String {
    let [trace_id, span_id] = ids.map(|key| json[key].as_str().unwrap_or_default());
    fields.sort();
    format!("{service} {trace_id} {span_id} {level} {message:?} {fields:?}")
}

/// OpenTelemetry specification, "Logs Data Model", field `SeverityNumber`.
fn level(severity: u64) -> &'static str {
    match severity {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "no severity",
    }
}

/// The one member of an `AnyValue` is its value; its type is not compared.
fn any_value(value: &Value) -> String {
    let value = value.as_object().and_then(|value| value.values().next());
    value.map(plain).unwrap_or_default()
}

/// Numbers are strings in OTLP/JSON and numbers in a line.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_and_its_record_say_the_same() {
        let line = Line {
            service: "gateway",
            text: String::new(),
            json: json!({
                "level": "WARN",
                "message": "checkout",
                "trace_id": "abababababababababababababababab",
                "span_id": "cdcdcdcdcdcdcdcd",
                "fields": { "cents": 1999, "item": "book" },
            }),
        };
        let record = json!({
            "traceId": "abababababababababababababababab",
            "spanId": "cdcdcdcdcdcdcdcd",
            "severityNumber": 13,
            "body": { "stringValue": "checkout" },
            "attributes": [
                { "key": "item", "value": { "stringValue": "book" } },
                { "key": "code.line.number", "value": { "intValue": "7" } },
                { "key": "cents", "value": { "intValue": "1999" } },
            ],
        });
        let of_no_trace = json!({ "traceId": "", "body": { "stringValue": "listening" } });
        let name = json!({ "key": "service.name", "value": { "stringValue": "gateway" } });
        let request = json!({ "resourceLogs": [{
            "resource": { "attributes": [name] },
            "scopeLogs": [{ "logRecords": [record, of_no_trace] }],
        }] });
        let keys = BTreeSet::from(["cents", "item"]);
        assert_eq!(records(&request, &keys), [printed(&line)]);
    }

    #[test]
    fn requests_of_other_signals_have_no_records() {
        let request = json!({ "resourceSpans": [] });
        assert!(records(&request, &BTreeSet::new()).is_empty());
    }
}
