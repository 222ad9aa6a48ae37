//! What one client does otherwise than the others.

use http::HeaderMap;
use opentelemetry::Context;

use super::errors::ErrorTypes;
use super::hosts::Destinations;
use crate::propagation::Propagation;

/// What is set for one client, by the setters of its layer or middleware. All its calls share it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClientSettings {
    /// How errors are told apart. Default: by what the standard library knows of them.
    pub errors: ErrorTypes,
    /// Which hosts get the headers of propagation. Default: all of them, which costs nothing to find out.
    pub destinations: Option<Destinations>,
    /// What is recorded that is off by default. Default: nothing of it.
    pub opt_in: OptIns,
}

/// What the conventions call opt-in, and what costs more than it tells most applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptIn {
    /// The attribute `url.scheme`, on span and metrics.
    UrlScheme,
    /// The attribute `user_agent.original`, for applications that speak for several.
    UserAgent,
    /// The attributes `network.peer.address` and `network.peer.port`, where the client tells whom it is connected to: behind
    /// a proxy that is the proxy.
    PeerAddress,
    /// The attributes `http.request.body.size` and `http.response.body.size` and the metrics
    /// `http.client.request.body.size` and `http.client.response.body.size`, where a body's size is known before it is sent.
    BodySizes,
    /// The metric `http.client.active_requests`.
    ActiveRequests,
}

/// Some of [`OptIn`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptIns(u8);

impl OptIns {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether `one` is among them.
    #[must_use]
    pub fn has(self, one: OptIn) -> bool {
        self.0 & 1 << one as u8 != 0
    }

    /// Adds `one`.
    pub fn add(&mut self, one: OptIn) {
        self.0 |= 1 << one as u8;
    }
}

impl ClientSettings {
    /// Writes the context into the headers of a request to `host`, as far as it [may go there](Destinations::inject).
    pub fn inject(
        &self,
        propagation: &Propagation,
        context: &Context,
        host: &str,
        is_foreign: bool,
        headers: &mut HeaderMap,
    ) {
        match &self.destinations {
            None => propagation.inject(context, headers),
            Some(some) => some.inject(propagation, context, host, is_foreign, headers),
        }
    }
}
