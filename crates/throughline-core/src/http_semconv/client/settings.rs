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
