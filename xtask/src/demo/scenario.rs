//! The requests of the demo and what must come of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use throughline_testing::{Collector, SpanRecord, Trace};

use super::check;
use super::shop::Shop;

/// One checkout.
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    card: &'static str,
    status: u16,
    /// The trace, in the notation of `Trace::assert_tree`.
    pub(crate) tree: &'static str,
    pub(crate) at_least: Duration,
}

const SUCCESS: &str = "
    gateway: SERVER POST /checkout
      gateway: CLIENT POST
        orders: SERVER POST /orders
          orders: INTERNAL reserve_stock
          orders: CLIENT POST
            payments: SERVER POST /payments
              payments: INTERNAL charge
                payments: CLIENT POST
";

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        title: "a checkout",
        card: "good",
        status: 200,
        tree: SUCCESS,
        at_least: Duration::ZERO,
    },
    Scenario {
        title: "a declined card",
        card: "declined",
        status: 402,
        tree: "
            gateway: SERVER POST /checkout
              gateway: CLIENT POST [error 402]
                orders: SERVER POST /orders
                  orders: INTERNAL reserve_stock
                  orders: CLIENT POST [error 402]
                    payments: SERVER POST /payments
                      payments: INTERNAL charge
                        payments: CLIENT POST [error 402]
        ",
        at_least: Duration::ZERO,
    },
    Scenario {
        title: "a bank that fails",
        card: "broken",
        status: 502,
        tree: "
            gateway: SERVER POST /checkout [error 502]
              gateway: CLIENT POST [error 502]
                orders: SERVER POST /orders [error 502]
                  orders: INTERNAL reserve_stock
                  orders: CLIENT POST [error 502]
                    payments: SERVER POST /payments [error 502]
                      payments: INTERNAL charge
                        payments: CLIENT POST [error 500]
        ",
        at_least: Duration::ZERO,
    },
    Scenario {
        title: "a bank that takes its time",
        card: "slow",
        status: 200,
        tree: SUCCESS,
        at_least: Duration::from_secs(1),
    },
];

impl Scenario {
    /// Sends the request, prints its trace and log lines, and checks them.
    pub(crate) async fn run(&self, shop: &Shop, collector: Option<&Collector>) -> Result<()> {
        let known = collector.map(Collector::traces).unwrap_or_default();
        let started = Instant::now();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let response = client
            .post(format!("{}/checkout", shop.gateway_url()))
            .json(&json!({ "customer": "ada", "item": "book", "cents": 1999, "card": self.card }))
            .send()
            .await
            .context("the gateway did not answer")?;
        let status = response.status().as_u16();
        println!(
            "POST /checkout with card {:?}: {status} in {:?}",
            self.card,
            started.elapsed()
        );
        ensure!(
            status == self.status,
            "expected {}, the answer was {status}",
            self.status
        );
        let Some(collector) = collector else {
            return Ok(());
        };
        let trace = self.wait_for_trace(collector, &known).await?;
        println!("{trace}");
        let lines = check::lines_of(&trace, shop).await;
        println!("log lines with this trace id:");
        for line in &lines {
            println!("  {line}");
        }
        check::check(self, &trace, &lines, shop)
    }

    /// The trace that was not there before, once all of it is.
    async fn wait_for_trace(&self, collector: &Collector, known: &[Trace]) -> Result<Trace> {
        let new_trace = || {
            let is_known = |trace: &Trace| known.iter().any(|known| known.id() == trace.id());
            collector
                .traces()
                .into_iter()
                .find(|trace| !is_known(trace))
        };
        let spans = self
            .tree
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        let complete = |trace: &Trace| trace.spans().len() >= spans;
        let waited = collector
            .wait_for(Duration::from_secs(15), |_| {
                new_trace().as_ref().is_some_and(complete)
            })
            .await;
        match (new_trace(), waited) {
            (Some(trace), Ok(_)) => Ok(trace),
            (Some(_), Err(_)) => bail!(self.what_is_missing(&collector.traces()[known.len()..])),
            (None, _) => bail!("no span of the request arrived"),
        }
    }

    /// Says which expected spans are nowhere, and shows what there is.
    fn what_is_missing(&self, traces: &[Trace]) -> String {
        let label = |span: &SpanRecord| {
            let service = span.service.as_deref().unwrap_or_default();
            let kind = format!("{:?}", span.kind).to_uppercase();
            format!("{service}: {kind} {}", span.name)
        };
        let spans = traces.iter().flat_map(Trace::spans);
        let recorded: Vec<_> = spans.map(label).collect();
        let expected = (self.tree.lines().map(str::trim)).filter(|line| !line.is_empty());
        let missing: Vec<_> = expected
            .map(|line| line.split(" [").next().unwrap_or(line))
            .filter(|line| !recorded.iter().any(|recorded| recorded == line))
            .map(|line| format!("  no {line}\n"))
            .collect();
        let traces: Vec<_> = traces.iter().map(Trace::to_string).collect();
        format!(
            "the trace is broken:\n{}one tree was expected, but there are\n{}",
            missing.concat(),
            traces.join("\n")
        )
    }
}
