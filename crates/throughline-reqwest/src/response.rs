//! The response that keeps its operation alive until its body ends.

use std::mem;

use reqwest::{Body, Response, ResponseBuilderExt};
use throughline_core::Operation;
use throughline_core::http_semconv::ClientCall;

/// The response around a body that finishes `operation`. Status, version, headers, extensions, URL and the body's size
/// hint are those of `response`.
pub(crate) fn with_operation(response: Response, operation: Operation<ClientCall>) -> Response {
    let url = response.url().clone();
    let response = http::Response::<Body>::from(response);
    let (mut parts, body) = operation.respond(response).map(Body::wrap).into_parts();
    // The way over `http::Response` forgets the URL; reqwest takes it back from an extension, which only a builder sets.
    let mut builder = http::Response::builder();
    if let Some(extensions) = builder.extensions_mut() {
        *extensions = mem::take(&mut parts.extensions);
    }
    if let Ok(with_url) = builder.url(url).body(()) {
        parts.extensions = with_url.into_parts().0.extensions;
    }
    Response::from(http::Response::from_parts(parts, body))
}
