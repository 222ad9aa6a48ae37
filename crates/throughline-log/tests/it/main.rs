//! The layer as a user meets it: subscribers are built, events are logged, lines are read.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod allocations;
mod current;
mod json;
mod log_crate;
mod parent;
mod records;
mod robust;
mod spans;
mod support;
mod text;
