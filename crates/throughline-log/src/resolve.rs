//! The ids of an event with an explicit parent, which need not be those of the current context.

use std::fmt;
use std::sync::OnceLock;

use opentelemetry::trace::SpanContext;
use tracing_core::dispatcher::WeakDispatch;
use tracing_core::span::Id;
use tracing_core::{Dispatch, Event, Subscriber};
use tracing_subscriber::registry::LookupSpan;

use crate::guard::contained;
use crate::ids::Ids;

type Lookup = dyn Fn(&Id, &Dispatch) -> Option<SpanContext> + Send + Sync;

/// Knows the span context of a tracing span, and the dispatcher that the span lives in.
pub(crate) struct Resolver {
    lookup: Box<Lookup>,
    /// Weak, since the dispatcher owns the layer that owns this. Set once: a subscriber is moved into its dispatcher.
    dispatch: OnceLock<WeakDispatch>,
}

impl Resolver {
    pub(crate) fn new(
        lookup: impl Fn(&Id, &Dispatch) -> Option<SpanContext> + Send + Sync + 'static,
    ) -> Self {
        Self {
            lookup: Box::new(lookup),
            dispatch: OnceLock::new(),
        }
    }

    pub(crate) fn register(&self, dispatch: &Dispatch) {
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    /// The ids of the span `parent`, or of its nearest ancestor that is known.
    ///
    /// The spans are looked up in the dispatcher's registry, past the filter of our own layer: a span that is not
    /// logged may well be traced. An id that the registry does not know never reaches the lookup.
    pub(crate) fn ids<S>(&self, parent: &Id) -> Option<Ids>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let spans = dispatch.downcast_ref::<S>()?;
        // No lock on a span's extensions is held here: the lookup takes it.
        spans.span(parent)?.scope().find_map(|span| {
            let known = contained(|| (self.lookup)(&span.id(), &dispatch));
            known.flatten().as_ref().and_then(Ids::of)
        })
    }
}

/// The ids that an event gets: those of the current context, or of its explicit parent.
pub(crate) fn ids_of<S>(event: &Event<'_>, resolver: Option<&Resolver>) -> Option<Ids>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    if event.is_contextual() {
        return Ids::current();
    }
    // The event has an explicit parent, or is a root on purpose.
    resolver?.ids::<S>(event.parent()?)
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
