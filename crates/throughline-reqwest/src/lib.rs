#![doc = include_str!("../README.md")]

mod middleware;
mod response;

pub use middleware::TracingMiddleware;

pub use opentelemetry;
pub use reqwest;
pub use reqwest_middleware;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

/// The client, traced with the defaults of [`TracingMiddleware`].
///
/// ```
/// let client = throughline_reqwest::traced(reqwest::Client::new());
/// ```
#[must_use]
pub fn traced(client: reqwest::Client) -> ClientWithMiddleware {
    ClientBuilder::new(client)
        .with(TracingMiddleware::new())
        .build()
}
