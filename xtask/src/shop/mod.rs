//! The example shop as separate processes, the requests that are sent to it, and what must hold for their traces.

mod check;
mod processes;
mod scenario;

pub(crate) use check::{check, lines_of};
pub(crate) use processes::{Line, Settings, Shop, build};
pub(crate) use scenario::{SCENARIOS, Scenario};

/// The services that are traced; the bank is not.
pub(crate) const TRACED: [&str; 3] = ["gateway", "orders", "payments"];
