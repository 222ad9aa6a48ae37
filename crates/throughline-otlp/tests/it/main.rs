//! What the span pipeline and the exporters promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod calls;
#[cfg(feature = "tls")]
mod certificates;
mod collectors;
#[cfg(any(feature = "gzip", feature = "zstd"))]
mod compression;
mod console;
mod delivery;
mod encoded;
mod faults;
#[cfg(feature = "grpc")]
mod grpc;
mod json;
mod matrix;
mod n_plus_one;
mod observe;
mod otlp;
mod otlp_config;
#[cfg(feature = "tls")]
mod pem;
mod reception;
mod records;
mod reply;
mod retries;
mod runtimes;
mod sender;
mod server;
mod shutdown;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod tree;
mod trial;
mod warnings;
