//! The requests that are sent to the shop, and what must come of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use throughline_testing::{SpanRecord, Trace};

use super::Shop;

/// One checkout.
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    pub(crate) card: &'static str,
    pub(crate) status: u16,
    /// The trace, in the notation of `Trace::assert_tree`.
    pub(crate) tree: &'static str,
    pub(crate) at_least: Duration,
}

const SUCCESS: &str = "
    gateway: SERVER POST /checkout
      gateway: CLIENT POST
        orders: SERVER POST /orders
          orders: INTERNAL reserve_stock
            orders: CLIENT UPDATE stock
            orders: CLIENT INSERT orders
          orders: CLIENT POST
            payments: SERVER POST /payments
              payments: INTERNAL charge
                payments: CLIENT POST
          orders: CLIENT UPDATE orders
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
                    orders: CLIENT UPDATE stock
                    orders: CLIENT INSERT orders
                  orders: CLIENT POST [error 402]
                    payments: SERVER POST /payments
                      payments: INTERNAL charge
                        payments: CLIENT POST [error 402]
                  orders: CLIENT UPDATE orders
                  orders: CLIENT UPDATE stock
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
                    orders: CLIENT UPDATE stock
                    orders: CLIENT INSERT orders
                  orders: CLIENT POST [error 502]
                    payments: SERVER POST /payments [error 502]
                      payments: INTERNAL charge
                        payments: CLIENT POST [error 500]
                  orders: CLIENT UPDATE orders
                  orders: CLIENT UPDATE stock
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
    /// Sends the request and returns how long the answer took.
    pub(crate) async fn send(&self, shop: &Shop) -> Result<Duration> {
        let started = Instant::now();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let response = client
            .post(format!("{}/checkout", shop.gateway_url()))
            .json(&json!({ "customer": "ada", "item": "book", "cents": 1999, "card": self.card }))
            .send()
            .await
            .context("the gateway did not answer")?;
        let status = response.status().as_u16();
        ensure!(
            status == self.status,
            "card {:?}: expected {}, the answer was {status}",
            self.card,
            self.status
        );
        Ok(started.elapsed())
    }

    /// How many spans the trace has.
    pub(crate) fn spans(&self) -> usize {
        let lines = self.tree.lines();
        lines.filter(|line| !line.trim().is_empty()).count()
    }

    /// Says which expected spans are nowhere, and shows what there is.
    pub(crate) fn what_is_missing(&self, traces: &[Trace]) -> String {
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
