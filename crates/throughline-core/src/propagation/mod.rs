//! Contexts in headers: W3C Trace Context (level 2) and W3C Baggage, to the letter.
//!
//! The remote side is never trusted: sizes are checked before anything is parsed, a malformed header is ignored as its
//! specification says, and none is ever logged.

mod baggage;
mod carrier;
mod traceparent;
mod tracestate;

use http::HeaderMap;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, global};

use carrier::{
    ExtractorCarrier, HeaderCarrier, HeaderExtractor, InjectorCarrier, ReadCarrier, WriteCarrier,
};

/// One format of context in headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Propagator {
    /// `traceparent` and `tracestate`: <https://www.w3.org/TR/trace-context-2/>.
    TraceContext,
    /// `baggage`: <https://www.w3.org/TR/baggage/>.
    Baggage,
}

impl Propagator {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::TraceContext => &["traceparent", "tracestate"],
            Self::Baggage => &["baggage"],
        }
    }

    fn extract(self, carrier: &impl ReadCarrier, remote: &mut Remote) {
        match self {
            Self::TraceContext => traceparent::extract(carrier, remote),
            Self::Baggage => baggage::extract(carrier, remote),
        }
    }

    fn inject(self, cx: &Context, carrier: &mut impl WriteCarrier) {
        match self {
            Self::TraceContext => traceparent::inject(cx, carrier),
            Self::Baggage => baggage::inject(cx, carrier),
        }
    }
}

/// What came with a request: the caller's span, and a context with all the rest (baggage).
///
/// They are apart so that a span that will not record needs no context but its own.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The caller's span; [`SpanContext::NONE`] where there is none.
    pub span: SpanContext,
    /// A context without that span.
    pub context: Context,
}

impl Remote {
    fn new(context: Context) -> Self {
        Self {
            span: SpanContext::NONE,
            context,
        }
    }

    /// One context with all of it.
    #[must_use]
    pub fn into_context(self) -> Context {
        if self.span.is_valid() {
            self.context.with_remote_span_context(self.span)
        } else {
            self.context
        }
    }
}

/// The propagators of an application, in order. Default: W3C Trace Context and W3C Baggage.
///
/// [`extract`](Self::extract) and [`inject`](Self::inject) work on HTTP headers directly. For other carriers it is an
/// OpenTelemetry [`TextMapPropagator`].
///
/// ```
/// use http::HeaderMap;
/// use opentelemetry::trace::TraceContextExt;
/// use throughline_core::propagation::Propagators;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(
///     "traceparent",
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?,
/// );
/// let context = Propagators::default().extract(&headers);
/// assert!(context.span().span_context().is_sampled());
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagators {
    list: Vec<Propagator>,
    fields: Vec<String>,
}

impl Propagators {
    /// Those of `list`, in its order.
    #[must_use]
    pub fn new(list: impl IntoIterator<Item = Propagator>) -> Self {
        let list: Vec<_> = list.into_iter().collect();
        let fields = (list.iter())
            .flat_map(|propagator| propagator.fields())
            .map(|&field| field.to_owned())
            .collect();
        Self { list, fields }
    }

    /// No propagator: nothing is read, nothing is sent.
    #[must_use]
    pub fn none() -> Self {
        Self::new([])
    }

    /// The remote context in the headers of an incoming request; an empty one where there is none.
    ///
    /// The current context is never taken for a remote one.
    #[must_use]
    pub fn extract(&self, headers: &HeaderMap) -> Context {
        self.extract_remote(headers).into_context()
    }

    fn extract_remote(&self, headers: &HeaderMap) -> Remote {
        self.extract_from(&HeaderCarrier::new(headers), Context::new())
    }

    /// Writes the context into the headers of an outgoing request, over those of the same name.
    ///
    /// Without a valid span nothing is written for it. A value that a header cannot hold is left out.
    pub fn inject(&self, cx: &Context, headers: &mut HeaderMap) {
        for propagator in &self.list {
            propagator.inject(cx, headers);
        }
    }

    fn extract_from(&self, carrier: &impl ReadCarrier, cx: Context) -> Remote {
        let mut remote = Remote::new(cx);
        for propagator in &self.list {
            propagator.extract(carrier, &mut remote);
        }
        remote
    }
}

impl Default for Propagators {
    fn default() -> Self {
        Self::new([Propagator::TraceContext, Propagator::Baggage])
    }
}

impl TextMapPropagator for Propagators {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        for propagator in &self.list {
            propagator.inject(cx, &mut InjectorCarrier(injector));
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let remote = self.extract_from(&ExtractorCarrier(extractor), cx.clone());
        remote.into_context()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// How an instrumentation reads and writes contexts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Propagation {
    /// By our propagators.
    Ours(Propagators),
    /// By the global propagator that the application installed itself, since it has formats that ours do not.
    Global,
}

impl Propagation {
    /// What an application asks for that installed nothing with us.
    ///
    /// A global propagator of W3C fields only is replaced by our strict ones, and so is none at all: the global default
    /// does nothing, and to propagate is what people expect of an instrumentation.
    pub(crate) fn of_globals() -> Self {
        let fields: Vec<String> =
            global::get_text_map_propagator(|global| global.fields().map(str::to_owned).collect());
        if fields.is_empty() {
            return Self::Ours(Propagators::default());
        }
        let known = [Propagator::TraceContext, Propagator::Baggage];
        let is_known = |field: &String| known.iter().any(|p| p.fields().contains(&field.as_str()));
        if !fields.iter().all(is_known) {
            return Self::Global;
        }
        Self::Ours(Propagators::new(known.into_iter().filter(|propagator| {
            (propagator.fields().iter()).any(|&field| fields.iter().any(|known| known == field))
        })))
    }

    /// What came with an incoming request. The current context is never taken for a remote one.
    #[must_use]
    pub fn extract(&self, headers: &HeaderMap) -> Remote {
        match self {
            Self::Ours(propagators) => propagators.extract_remote(headers),
            Self::Global => {
                let context = global::get_text_map_propagator(|global| {
                    global.extract_with_context(&Context::new(), &HeaderExtractor(headers))
                });
                let span = context.span().span_context().clone();
                Remote { span, context }
            }
        }
    }

    /// Removes every header that a context is written into.
    pub fn remove(&self, headers: &mut HeaderMap) {
        let mut remove =
            |fields: FieldIter<'_>| fields.for_each(|field| drop(headers.remove(field)));
        match self {
            Self::Ours(propagators) => remove(propagators.fields()),
            Self::Global => global::get_text_map_propagator(|global| remove(global.fields())),
        }
    }

    /// Writes the context into the headers of an outgoing request.
    pub fn inject(&self, cx: &Context, headers: &mut HeaderMap) {
        match self {
            Self::Ours(propagators) => propagators.inject(cx, headers),
            Self::Global => global::get_text_map_propagator(|global| {
                global.inject_context(cx, &mut carrier::HeaderInjector(headers));
            }),
        }
    }
}
