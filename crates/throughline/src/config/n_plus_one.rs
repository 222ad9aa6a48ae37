//! `OTEL_RUST_N_PLUS_ONE…`.

use throughline_otlp::NPlusOne;

use super::env::{Env, Variables};

pub(super) const FIND: &str = "OTEL_RUST_N_PLUS_ONE";
pub(super) const MIN_QUERIES: Variables = &["OTEL_RUST_N_PLUS_ONE_MIN_QUERIES"];
pub(super) const MIN_TIME: Variables = &["OTEL_RUST_N_PLUS_ONE_MIN_TIME"];

pub(super) fn of(env: &Env<'_>) -> NPlusOne {
    let mut read = NPlusOne::default();
    read.min_queries = env.count_above(1, MIN_QUERIES, read.min_queries);
    read.min_time = env.milliseconds_or_0(MIN_TIME, read.min_time);
    read
}
