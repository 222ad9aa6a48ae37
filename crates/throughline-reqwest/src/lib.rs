#![doc = include_str!("../README.md")]

mod builder;
mod errors;
mod middleware;
mod redirect;
mod response;
mod settings;

pub use builder::Builder;
pub use middleware::TracingMiddleware;

pub use http;
pub use opentelemetry;
pub use reqwest;
pub use reqwest_middleware;
pub use throughline_core::http_semconv::UrlTemplate;

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

/// A client, traced with the defaults of [`TracingMiddleware`], whose redirects are followed above it: for host lists, and
/// for a span a hop.
///
/// ```
/// # fn main() -> reqwest::Result<()> {
/// let client = throughline_reqwest::builder(reqwest::Client::builder()).build()?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
pub fn builder(client: reqwest::ClientBuilder) -> Builder {
    Builder::new(client)
}
