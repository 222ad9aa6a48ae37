//! The middleware as its users see it, against servers on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

mod attributes;
mod context;
mod ends;
mod matrix;
mod metrics;
mod middlewares;
mod redirects;
mod response;
mod secrets;
mod settings;
mod support;
