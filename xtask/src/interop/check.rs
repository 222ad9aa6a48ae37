//! Which spans and metrics must have come through a receiver.

use anyhow::{Result, ensure};
use throughline_testing::{Collector, MetricKind, Trace};

use super::shape;
use crate::shop::{self, SCENARIOS, Shop, TRACED};

/// What the shop sends, as it arrives with nothing in between.
pub(super) struct Sent {
    spans: Vec<String>,
    metrics: Vec<String>,
}

impl Sent {
    /// What a collector has, once it was checked.
    pub(super) async fn of(collector: &Collector, shop: &Shop) -> Result<Self> {
        check_traces(&collector.traces(), shop).await?;
        check_metrics(collector)?;
        Ok(Self {
            spans: shape::spans(&collector.traces()),
            metrics: shape::metrics(&collector.metrics()),
        })
    }

    /// Every span of every request, in its place, with the ids that the shop knows and all else as it was sent.
    pub(super) async fn traces(&self, collector: &Collector, shop: &Shop) -> Result<String> {
        let traces = collector.traces();
        check_traces(&traces, shop).await?;
        shape::same(&self.spans, &shape::spans(&traces))?;
        let spans: usize = traces.iter().map(|trace| trace.spans().len()).sum();
        Ok(format!("{spans} spans in {} traces", traces.len()))
    }

    /// The two durations of every service, and every metric as it was sent.
    pub(super) fn metrics(&self, collector: &Collector) -> Result<String> {
        check_metrics(collector)?;
        let metrics = collector.metrics();
        shape::same(&self.metrics, &shape::metrics(&metrics))?;
        Ok(format!("{} metrics", metrics.len()))
    }
}

async fn check_traces(traces: &[Trace], shop: &Shop) -> Result<()> {
    let shown: Vec<_> = traces.iter().map(Trace::to_string).collect();
    ensure!(
        traces.len() == SCENARIOS.len(),
        "{} traces instead of {}:\n{}",
        traces.len(),
        SCENARIOS.len(),
        shown.join("\n")
    );
    // Requests follow one another, so their traces stand in the same order.
    for (scenario, trace) in SCENARIOS.iter().zip(traces) {
        let lines = shop::lines_of(trace, shop).await;
        shop::check(scenario, trace, &lines, shop)?;
    }
    Ok(())
}

fn check_metrics(collector: &Collector) -> Result<()> {
    let metrics = collector.metrics();
    for service in TRACED {
        for name in [
            "http.server.request.duration",
            "http.client.request.duration",
        ] {
            let of_service = metrics.iter().filter(|metric| {
                metric.service.as_deref() == Some(service)
                    && metric.name == name
                    && metric.unit == "s"
                    && metric.kind == MetricKind::Histogram
            });
            let points = of_service.flat_map(|metric| &metric.points);
            let count: u64 = points.filter_map(|point| point.count).sum();
            ensure!(
                usize::try_from(count) == Ok(SCENARIOS.len()),
                "{name} of {service} has {count} requests instead of {}",
                SCENARIOS.len()
            );
        }
    }
    Ok(())
}
