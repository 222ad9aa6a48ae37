//! What the other crates cost on the paths of `throughline-bench`.
//!
//! Each peer is set up as its own documentation says. Its programs also have our own paths: what is compared is built
//! together, with the same features of the crates below.

mod call;
mod command;
mod export;
mod floor;
mod query;
mod sdk;
mod sdk_0_32;
mod stack;

pub use command::Command;
pub use stack::Stack;
