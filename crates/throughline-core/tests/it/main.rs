//! The public behaviour of throughline-core.

mod baggage;
mod body;
mod http;
mod operation;
mod providers;
mod status;
mod support;
mod url;
mod w3c;
