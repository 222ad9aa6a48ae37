//! The formats, and their names.

use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;

use super::carrier::{Field, ReadCarrier, WriteCarrier};
use super::remote::Remote;
use super::{b3, baggage, jaeger, ot_trace, traceparent, xray};

/// One format of context in headers; what each reads and writes is in a [table](crate::propagation#formats).
///
/// It is parsed from and displayed as its name in `OTEL_PROPAGATORS`, read in any case.
///
/// ```
/// use throughline_core::propagation::Propagator;
///
/// assert_eq!("B3multi".parse(), Ok(Propagator::B3Multi));
/// assert_eq!(Propagator::B3Multi.name(), "b3multi");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Propagator {
    /// `tracecontext`: `traceparent` and `tracestate`, <https://www.w3.org/TR/trace-context-2/>.
    TraceContext,
    /// `baggage`: <https://www.w3.org/TR/baggage/>.
    Baggage,
    /// `b3`: B3, written as one header, <https://github.com/openzipkin/b3-propagation#single-header>.
    B3,
    /// `b3multi`: B3, written as several headers, <https://github.com/openzipkin/b3-propagation#multiple-headers>.
    B3Multi,
    /// `jaeger`: `uber-trace-id` and `uberctx-…`, <https://www.jaegertracing.io/sdk-migration/#propagation-format>.
    Jaeger,
    /// `xray`: `X-Amzn-Trace-Id`,
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.
    XRay,
    /// `ottrace`: `ot-tracer-…` and `ot-baggage-…`, of OpenTracing's basic tracers.
    OtTrace,
}

impl Propagator {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::TraceContext,
        Self::Baggage,
        Self::B3,
        Self::B3Multi,
        Self::Jaeger,
        Self::XRay,
        Self::OtTrace,
    ];

    /// Its name in `OTEL_PROPAGATORS`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::XRay => "xray",
            Self::OtTrace => "ottrace",
        }
    }

    /// The fields that it writes, but for those with a [prefix](Self::prefix).
    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::TraceContext => &[Field::TraceParent, Field::TraceState],
            Self::Baggage => &[Field::Baggage],
            Self::B3 => &[Field::B3],
            Self::B3Multi => &[
                Field::B3TraceId,
                Field::B3SpanId,
                Field::B3Sampled,
                Field::B3Flags,
            ],
            Self::Jaeger => &[Field::Jaeger],
            Self::XRay => &[Field::XRay],
            Self::OtTrace => &[Field::OtTraceId, Field::OtSpanId, Field::OtSampled],
        }
    }

    /// What a receiver may read in place of what it writes.
    pub(super) fn other_fields(self) -> &'static [Field] {
        match self {
            Self::B3 => &[
                Field::B3TraceId,
                Field::B3SpanId,
                Field::B3Sampled,
                Field::B3Flags,
                Field::B3ParentSpanId,
            ],
            Self::B3Multi => &[Field::B3, Field::B3ParentSpanId],
            _ => &[],
        }
    }

    /// What the fields of its baggage begin with, where each member has its own.
    pub(super) fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Jaeger => Some(jaeger::PREFIX),
            Self::OtTrace => Some(ot_trace::PREFIX),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn extract(self, carrier: &impl ReadCarrier, remote: &mut Remote) {
        match self {
            Self::TraceContext => traceparent::extract(carrier, remote),
            Self::Baggage => baggage::extract(carrier, remote),
            _ => self.extract_other(carrier, remote),
        }
    }

    /// Apart, so that the path of the default stays short.
    #[inline(never)]
    fn extract_other(self, carrier: &impl ReadCarrier, remote: &mut Remote) {
        match self {
            Self::TraceContext | Self::Baggage => {}
            Self::B3 | Self::B3Multi => b3::extract(carrier, remote),
            Self::Jaeger => jaeger::extract(carrier, remote),
            Self::XRay => xray::extract(carrier, remote),
            Self::OtTrace => ot_trace::extract(carrier, remote),
        }
    }

    /// `beside` are all that write to the carrier.
    #[inline]
    pub(super) fn inject(self, cx: &Context, beside: &[Self], carrier: &mut impl WriteCarrier) {
        match self {
            Self::TraceContext => traceparent::inject(cx, carrier),
            Self::Baggage => baggage::inject(cx, carrier),
            _ => self.inject_other(cx, beside, carrier),
        }
    }

    #[inline(never)]
    fn inject_other(self, cx: &Context, beside: &[Self], carrier: &mut impl WriteCarrier) {
        match self {
            Self::TraceContext | Self::Baggage => {}
            Self::B3 => b3::inject_single(cx, carrier),
            Self::B3Multi => b3::inject_several(cx, beside.contains(&Self::B3), carrier),
            Self::Jaeger => jaeger::inject(cx, carrier),
            Self::XRay => xray::inject(cx, carrier),
            Self::OtTrace => ot_trace::inject(cx, carrier),
        }
    }
}

impl fmt::Display for Propagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Propagator {
    type Err = UnknownPropagator;

    fn from_str(name: &str) -> Result<Self, UnknownPropagator> {
        let mut all = Self::ALL.into_iter();
        all.find(|propagator| propagator.name().eq_ignore_ascii_case(name))
            .ok_or(UnknownPropagator(()))
    }
}

/// A name that is none of a [`Propagator`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPropagator(());

impl fmt::Display for UnknownPropagator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Propagator::ALL.map(Propagator::name);
        write!(f, "a propagator is one of {}", names.join(", "))
    }
}

impl std::error::Error for UnknownPropagator {}
