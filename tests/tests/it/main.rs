//! What only whole processes can show.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

mod concurrent;
mod scenario;
mod stop;
mod trace_context;
