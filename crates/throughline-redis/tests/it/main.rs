//! The public behaviour of throughline-redis.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cluster;
mod commands;
mod faults;
mod kinds;
mod ordinary;
mod pools;
mod pubsub;
mod servers;
mod support;
