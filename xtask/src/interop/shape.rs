//! What was sent, as lines that are the same in each run, and their difference.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use throughline_testing::opentelemetry::Value;
use throughline_testing::{MetricRecord, SpanRecord, Trace};

/// How many lines of each side are shown.
const SHOWN: usize = 3;

/// A line for each span, without ids, times and ports.
pub(super) fn spans(traces: &[Trace]) -> Vec<String> {
    traces.iter().flat_map(Trace::spans).map(span).collect()
}

fn span(span: &SpanRecord) -> String {
    let events = span.events.iter().map(|event| {
        let attributes = attributes(&event.attributes);
        format!(
            "{} {attributes} {}",
            event.name, event.dropped_attributes_count
        )
    });
    let dropped = [
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    ];
    format!(
        "{:?} {:?} {} | parent: {}, remote: {} | {:?} | {} | resource: {} | scope: {} {:?} {:?} | flags: {:?} {:?} | \
         events: {:?} | links: {} | dropped: {dropped:?} | repeated: {:?}",
        span.service,
        span.kind,
        span.name,
        span.parent_span_id.is_some(),
        span.parent_is_remote,
        span.status,
        attributes(&span.attributes),
        attributes(&span.resource),
        span.scope,
        span.scope_version,
        span.schema_url,
        span.trace_flags,
        span.trace_state,
        events.collect::<Vec<_>>(),
        span.links.len(),
        span.repeated_attributes,
    )
}

/// What the pipelines tell of themselves differs with the protocol and with the moment: only the metrics are compared, not
/// their points.
const PIPELINES: &str = "throughline-otlp";

/// A line for each point of a metric, without measured durations.
pub(super) fn metrics(metrics: &[MetricRecord]) -> Vec<String> {
    let lines = metrics.iter().flat_map(|metric| {
        let of_metric = format!(
            "{:?} {} [{}] {:?} {:?} {:?} | scope: {}",
            metric.service,
            metric.name,
            metric.unit,
            metric.description,
            metric.kind,
            metric.temporality,
            metric.scope,
        );
        if metric.scope == PIPELINES {
            return vec![of_metric];
        }
        let points = metric.points.iter().map(|point| {
            let attributes = attributes(&point.attributes);
            let (count, bounds) = (point.count, &point.bounds);
            format!("{of_metric} | {attributes} | count: {count:?} | bounds: {bounds:?}")
        });
        points.collect()
    });
    lines.collect()
}

/// With the types of the values. Ports differ from run to run, and so do processes.
fn attributes(attributes: &BTreeMap<String, Value>) -> String {
    let attribute = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("server.port" | "network.peer.port", Value::I64(_)) => format!("{key}=I64(a port)"),
        ("process.pid", Value::I64(_)) => format!("{key}=I64(a process)"),
        ("service.instance.id", Value::String(_)) => format!("{key}=String(an instance)"),
        _ => format!("{key}={}", without_ports(&format!("{value:?}"))),
    };
    let attributes: Vec<_> = attributes.iter().map(attribute).collect();
    format!("{{{}}}", attributes.join(", "))
}

fn without_ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let behind = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        format!("{text}{HOST}…{behind}")
    })
}

/// Fails with lines that are on one side only: `-` was sent and did not arrive, `+` arrived and was not sent.
pub(super) fn same(sent: &[String], arrived: &[String]) -> Result<()> {
    let without = |lines: &[String], others: &[String], sign| {
        let mut others = others.to_vec();
        let mut left = Vec::new();
        for line in lines {
            match others.iter().position(|other| other == line) {
                Some(index) => drop(others.swap_remove(index)),
                None => left.push(format!("{sign} {line}")),
            }
        }
        left
    };
    let (missing, unexpected) = (without(sent, arrived, '-'), without(arrived, sent, '+'));
    let shown = [&missing, &unexpected].map(|lines| &lines[..lines.len().min(SHOWN)]);
    ensure!(
        missing.is_empty() && unexpected.is_empty(),
        "{} were sent and {} arrived; {} are missing and {} unexpected, such as\n{}",
        sent.len(),
        arrived.len(),
        missing.len(),
        unexpected.len(),
        shown.concat().join("\n")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_loopback_are_left_out() {
        let url = "http://127.0.0.1:4318/a?b=127.0.0.1:80 1.1";
        assert_eq!(without_ports(url), "http://127.0.0.1:…/a?b=127.0.0.1:… 1.1");
        assert_eq!(without_ports("POST"), "POST");
    }

    #[test]
    fn each_line_counts_as_often_as_it_occurs() {
        let lines = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert!(same(&lines("a b a"), &lines("a a b")).is_ok());
        let error = same(&lines("a b a"), &lines("a b c")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 were sent and 3 arrived; 1 are missing and 1 unexpected, such as\n- a\n+ c"
        );
    }
}
