//! What must hold for a scenario's trace and log lines.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use throughline_testing::opentelemetry::trace::SpanKind;
use throughline_testing::{SpanRecord, Trace};

use super::scenario::Scenario;
use super::{Line, Shop, TRACED};

/// The log lines of a trace, found by its id. Lines travel by a pipe: those of the last moment are waited for.
pub(crate) async fn lines_of(trace: &Trace, shop: &Shop) -> Vec<Line> {
    let id = trace.id().to_string();
    let of_trace = || -> Vec<Line> {
        let lines = shop.log().into_iter();
        lines.filter(|line| line.json["trace_id"] == *id).collect()
    };
    for _ in 0..50 {
        let lines = of_trace();
        let services: BTreeSet<_> = lines.iter().map(|line| line.service).collect();
        if services.len() == TRACED.len() && bank_parent(trace, shop).is_ok() {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    of_trace()
}

pub(crate) fn check(scenario: &Scenario, trace: &Trace, lines: &[Line], shop: &Shop) -> Result<()> {
    trace
        .check_tree(scenario.tree)
        .map_err(anyhow::Error::msg)?;
    let root = trace.roots();
    let root = root.first().context("a trace without a root")?;
    ensure!(
        root.parent_span_id.is_none(),
        "the root has a parent that nobody recorded"
    );
    ensure!(
        root.duration() >= scenario.at_least,
        "the request took {:?} at least, but its span {:?}",
        scenario.at_least,
        root.duration(),
    );
    for service in TRACED {
        ensure!(
            lines.iter().any(|line| line.service == service),
            "no log line of {service} has the trace id"
        );
    }
    for line in lines {
        let id = line.json["span_id"].as_str().unwrap_or_default();
        let of_service = |span: &&SpanRecord| span.service.as_deref() == Some(line.service);
        ensure!(
            trace
                .spans()
                .iter()
                .filter(of_service)
                .any(|span| span.span_id.to_string() == id),
            "a log line of {} names a span that is not its own: {}",
            line.service,
            line.text,
        );
    }
    // The fourth process has no spans; it must have been sent the one that called it.
    let parent = bank_parent(trace, shop)?;
    let caller = trace
        .spans()
        .iter()
        .find(|span| span.span_id.to_string() == parent);
    let caller = caller.context("the bank was called with a span that nobody recorded")?;
    ensure!(
        caller.kind == SpanKind::Client && caller.service.as_deref() == Some("payments"),
        "the bank's parent is not the CLIENT span of payments but {:?}",
        caller.name,
    );
    Ok(())
}

/// The span id that the bank was sent within this trace.
fn bank_parent(trace: &Trace, shop: &Shop) -> Result<String> {
    let id = trace.id().to_string();
    for line in shop.log().iter().filter(|line| line.service == "bank") {
        let traceparent = line.json["traceparent"].as_str().unwrap_or_default();
        if let [_, trace_id, span_id, _] = traceparent.split('-').collect::<Vec<_>>()[..]
            && trace_id == id
        {
            return Ok(span_id.to_owned());
        }
    }
    bail!("the bank was called without this trace's `traceparent`")
}
