//! One request of the demo: sent, its trace and log lines printed and checked.

use std::time::Duration;

use anyhow::{Result, bail};
use throughline_testing::{Collector, Trace};

use crate::shop::{self, Scenario, Shop};

/// Sends the request, prints its trace and log lines, and checks them.
pub(crate) async fn follow(
    scenario: &Scenario,
    shop: &Shop,
    collector: Option<&Collector>,
) -> Result<()> {
    let known = collector.map(Collector::traces).unwrap_or_default();
    let took = scenario.send(shop).await?;
    println!(
        "POST /checkout with card {:?}: {} in {took:?}",
        scenario.card, scenario.status
    );
    let Some(collector) = collector else {
        return Ok(());
    };
    let trace = wait_for_trace(scenario, collector, &known).await?;
    println!("{trace}");
    let lines = shop::lines_of(&trace, shop).await;
    println!("log lines with this trace id:");
    for line in &lines {
        println!("  {line}");
    }
    shop::check(scenario, &trace, &lines, shop)
}

/// The trace that was not there before, once all of it is.
async fn wait_for_trace(
    scenario: &Scenario,
    collector: &Collector,
    known: &[Trace],
) -> Result<Trace> {
    let new_trace = || {
        let is_known = |trace: &Trace| known.iter().any(|known| known.id() == trace.id());
        let mut traces = collector.traces().into_iter();
        traces.find(|trace| !is_known(trace))
    };
    let complete = |trace: &Trace| trace.spans().len() >= scenario.spans();
    let waited = collector
        .wait_for(Duration::from_secs(15), |_| {
            new_trace().as_ref().is_some_and(complete)
        })
        .await;
    match (new_trace(), waited) {
        (Some(trace), Ok(_)) => Ok(trace),
        (Some(_), Err(_)) => bail!(scenario.what_is_missing(&collector.traces()[known.len()..])),
        (None, _) => bail!("no span of the request arrived"),
    }
}
