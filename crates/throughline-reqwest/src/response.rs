//! The response that keeps its operation alive until its body ends.

use reqwest::{Body, Response, ResponseBuilderExt};
use throughline_core::Operation;
use throughline_core::http_semconv::ClientCall;

/// The response around a body that finishes `operation`. Status, version, headers, extensions, URL and the body's size
/// hint are those of `response`.
pub(crate) fn with_operation(response: Response, operation: Operation<ClientCall>) -> Response {
    let url = response.url().clone();
    let response = http::Response::<Body>::from(response);
    let mut response = operation.respond(response).map(Body::wrap);
    // The way over `http::Response` forgets the URL; reqwest takes it back from this extension.
    if let Ok(with_url) = http::Response::builder().url(url).body(()) {
        let (parts, ()) = with_url.into_parts();
        response.extensions_mut().extend(parts.extensions);
    }
    Response::from(response)
}
