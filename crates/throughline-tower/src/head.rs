//! What hooks see.

use std::net::SocketAddr;

use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri};

/// A request without its body, for hooks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request target.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What other layers attached to the request.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

/// A response without its body, for hooks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What the service and other layers attached to the response.
    pub extensions: &'a Extensions,
}

impl<'a> ResponseHead<'a> {
    pub(crate) fn of<B>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            headers: response.headers(),
            extensions: response.extensions(),
        }
    }
}

/// In the extensions of a request: its connection is encrypted. To be put there by whoever accepts, for `url.scheme`.
///
/// A server that ends TLS itself needs it for HTTP/1.1, whose requests do not tell. Those of HTTP/2 do, and what trusted
/// proxies say goes before it. With axum it is a layer around the others: `.layer(axum::Extension(Encrypted))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted;

/// The address that a connection was accepted on, to be put into the extensions of its requests by whoever accepts, for
/// [`ServerLayer::network_details`](crate::ServerLayer::network_details).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress(pub SocketAddr);

/// The address that a connection came from, to be put into the extensions of its requests by whoever accepts, where axum's
/// `ConnectInfo` is not there.
///
/// It becomes `network.peer.*` and `client.address`, and is what [`trusted_proxies`](crate::ServerLayer::trusted_proxies)
/// go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);
