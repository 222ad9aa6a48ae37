//! What one client does otherwise than the others.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Extensions, HeaderMap};
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
    /// Who tells the other end of a connection, for a client whose responses hold it. Default: nobody.
    pub peer_address: Option<PeerFinder>,
}

/// Finds the other end of the connection in the extensions of a response.
#[derive(Clone)]
pub struct PeerFinder(Arc<Find>);

type Find = dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync;

impl PeerFinder {
    /// Finds it by `find`. A panic in there reaches nobody.
    #[must_use]
    pub fn new(find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    pub(super) fn of(&self, response: &Extensions) -> Option<SocketAddr> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(response)))
            .ok()
            .flatten()
    }
}

impl fmt::Debug for PeerFinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerFinder")
    }
}

impl ClientSettings {
    /// Writes the context into the headers of a request to a host and port, as far as it [may go there](Destinations::inject).
    pub fn inject(
        &self,
        propagation: &Propagation,
        context: &Context,
        to: (&str, Option<u16>),
        is_foreign: bool,
        headers: &mut HeaderMap,
    ) {
        match &self.destinations {
            None => propagation.inject(context, headers),
            Some(some) => some.inject(propagation, context, to, is_foreign, headers),
        }
    }
}
