//! Contexts in headers: W3C Trace Context (level 2) and W3C Baggage to the letter, and the formats that came before them.
//!
//! The remote side is never trusted: sizes are checked before anything is parsed, a malformed header is ignored as its
//! specification says, and none is ever logged.
//!
//! # Formats
//!
//! | [`Propagator`] | reads | writes | specification |
//! |---|---|---|---|
//! | `tracecontext` | `traceparent`, `tracestate` | the same | [W3C Trace Context](https://www.w3.org/TR/trace-context-2/) |
//! | `baggage` | `baggage` | the same | [W3C Baggage](https://www.w3.org/TR/baggage/) |
//! | `b3` | `b3`; without a valid one `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`, `x-b3-flags` | `b3` | [B3](https://github.com/openzipkin/b3-propagation), [for OpenTelemetry](https://opentelemetry.io/docs/specs/otel/context/api-propagators/#b3-requirements) |
//! | `b3multi` | as `b3` | `x-b3-…` | as `b3` |
//! | `jaeger` | `uber-trace-id`, `uberctx-<key>` | the same | [Jaeger](https://www.jaegertracing.io/sdk-migration/#propagation-format) |
//! | `xray` | `x-amzn-trace-id` | the same | [AWS X-Ray](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader) |
//! | `ottrace` | `ot-tracer-traceid`, `ot-tracer-spanid`, `ot-tracer-sampled`, `ot-baggage-<key>` | the same | [OpenTracing's basic tracers](https://github.com/opentracing/basictracer-go/blob/master/propagation_ot.go) |
//!
//! - **Several formats** are read in their order. Each that finds a span puts it in the place of an earlier one's, and so it is
//!   with baggage; one that finds nothing, or nonsense, changes nothing. Name the one last that the nearest caller writes: a
//!   proxy may renew its own headers and send on the others as they came. The state of a trace in `tracestate` and its random
//!   flag outlive a later span of the same trace. All of them are written.
//! - **B3**: ids are lower-case hexadecimal, of 16 or 32 digits for the trace. `x-b3-parentspanid` is neither read nor sent.
//!   A debug flag is sampled, and is sent on with every request of the trace. Ids without a decision leave it to the sampler,
//!   and a decision without ids is followed: see [`SamplingState`]. Of several `x-b3-…` of one name the first counts.
//! - **Jaeger**: the value may be percent-encoded, the ids may lack leading zeros, the parent's id is not looked at. A debug
//!   flag counts where the sampled one is set. Baggage is read without a span, too, and its values are percent-encoded.
//!   `jaeger-baggage` and `jaeger-debug-id` are not read.
//! - **X-Ray**: the parts in any order; all but `Root`, `Parent` and `Sampled` are ignored. `Sampled=?`, or none, leaves the
//!   decision to the sampler. Without `Parent`, as from a load balancer that traces nothing, there is no span to continue.
//! - **OT trace**: of a trace's id 64 bits are sent, which is what the format has: a trace that begins here with 128 bits is
//!   another one behind the next service. Without `ot-tracer-sampled` the decision is the sampler's. Baggage is part of a
//!   span, its values are sent as they are, and what is not ASCII is left out.
//! - **Baggage in a header for each member** keeps to the limits of W3C Baggage. Header names have no case, so keys come out
//!   in small letters.
//! - A format that has one header is ignored where it comes twice.

mod b3;
mod baggage;
mod carrier;
mod hex;
mod jaeger;
mod member_headers;
mod ot_trace;
mod propagator;
mod remote;
mod traceparent;
mod tracestate;
mod xray;

use http::HeaderMap;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, global};

use carrier::{
    ExtractorCarrier, Field, HeaderCarrier, HeaderExtractor, InjectorCarrier, ReadCarrier,
};

pub use propagator::{Propagator, UnknownPropagator};
pub use remote::{Remote, SamplingState};

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
            .map(|field| field.name().as_str().to_owned())
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
            propagator.inject(cx, &self.list, headers);
        }
    }

    fn extract_from(&self, carrier: &impl ReadCarrier, cx: Context) -> Remote {
        let mut remote = Remote::new(cx);
        for propagator in &self.list {
            propagator.extract(carrier, &mut remote);
        }
        remote.finish();
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
            propagator.inject(cx, &self.list, &mut InjectorCarrier(injector));
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
        let w3c = [Propagator::TraceContext, Propagator::Baggage];
        let writes = |propagator: &Propagator, field: &String| {
            (propagator.fields().iter()).any(|own| own.name() == field.as_str())
        };
        let is_w3c = |field| w3c.iter().any(|propagator| writes(propagator, field));
        if !fields.iter().all(is_w3c) {
            return Self::Global;
        }
        Self::Ours(Propagators::new(w3c.into_iter().filter(|propagator| {
            fields.iter().any(|field| writes(propagator, field))
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
                Remote::of(context)
            }
        }
    }

    /// Removes every header that a context is written into, whoever wrote it, and what is read in place of one.
    pub fn remove(&self, headers: &mut HeaderMap) {
        match self {
            Self::Ours(propagators) => {
                for propagator in &propagators.list {
                    let fields = [propagator.fields(), propagator.other_fields()];
                    for field in fields.into_iter().flatten() {
                        headers.remove(field.name());
                    }
                    if let Some(prefix) = propagator.prefix() {
                        carrier::remove_prefixed(headers, prefix);
                    }
                }
            }
            Self::Global => {
                global::get_text_map_propagator(|global| {
                    global
                        .fields()
                        .for_each(|field| drop(headers.remove(field)));
                });
                // A propagator does not name those of its fields whose names depend on the context.
                remove_baggage(headers);
            }
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

/// Removes the headers of baggage in any format.
pub(crate) fn remove_baggage(headers: &mut HeaderMap) {
    headers.remove(Field::Baggage.name());
    for prefix in Propagator::ALL.into_iter().filter_map(Propagator::prefix) {
        carrier::remove_prefixed(headers, prefix);
    }
}
