//! `OTEL_…_LIMIT`: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#attribute-limits>.

use super::env::{Env, Variables};

/// The specification's default of every number of things.
const DEFAULT: usize = 128;

/// What a span keeps at most (specification, Trace SDK, "Span Limits"). What is added beyond it is dropped and counted in
/// the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span. `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub attribute_count_limit: usize,
    /// Characters of each string in an attribute of a span, of its events and of its links.
    /// `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`; default: all.
    pub attribute_value_length_limit: Option<usize>,
    /// Events. `OTEL_SPAN_EVENT_COUNT_LIMIT`; default: 128.
    pub event_count_limit: usize,
    /// Links. `OTEL_SPAN_LINK_COUNT_LIMIT`; default: 128.
    pub link_count_limit: usize,
    /// Attributes of an event. `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub attribute_per_event_count_limit: usize,
    /// Attributes of a link. `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub attribute_per_link_count_limit: usize,
}

/// What a log record keeps at most (specification, Logs SDK, "`LogRecord` Limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecordLimits {
    /// Attributes. `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub attribute_count_limit: usize,
    /// Characters of a string attribute. `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else
    /// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`; default: all.
    pub attribute_value_length_limit: Option<usize>,
}

/// "The SDK MUST first attempt to use the model-specific limit, if it isn't set, then the SDK MUST attempt to use the
/// general limit" (specification, Common, "Attribute Limits").
macro_rules! or_general {
    ($own:literal, $what:literal) => {
        &[concat!("OTEL_", $own, "_", $what), concat!("OTEL_", $what)]
    };
}

pub(super) const SPAN_ATTRIBUTE_COUNT: Variables = or_general!("SPAN", "ATTRIBUTE_COUNT_LIMIT");
pub(super) const SPAN_ATTRIBUTE_VALUE_LENGTH: Variables =
    or_general!("SPAN", "ATTRIBUTE_VALUE_LENGTH_LIMIT");
pub(super) const SPAN_EVENT_COUNT: Variables = &["OTEL_SPAN_EVENT_COUNT_LIMIT"];
pub(super) const SPAN_LINK_COUNT: Variables = &["OTEL_SPAN_LINK_COUNT_LIMIT"];
pub(super) const EVENT_ATTRIBUTE_COUNT: Variables = or_general!("EVENT", "ATTRIBUTE_COUNT_LIMIT");
pub(super) const LINK_ATTRIBUTE_COUNT: Variables = or_general!("LINK", "ATTRIBUTE_COUNT_LIMIT");
pub(super) const LOGRECORD_ATTRIBUTE_COUNT: Variables =
    or_general!("LOGRECORD", "ATTRIBUTE_COUNT_LIMIT");
pub(super) const LOGRECORD_ATTRIBUTE_VALUE_LENGTH: Variables =
    or_general!("LOGRECORD", "ATTRIBUTE_VALUE_LENGTH_LIMIT");

impl SpanLimits {
    pub(super) fn of(env: &Env<'_>) -> Self {
        Self {
            attribute_count_limit: env.limit(SPAN_ATTRIBUTE_COUNT, DEFAULT),
            attribute_value_length_limit: env.length_limit(SPAN_ATTRIBUTE_VALUE_LENGTH),
            event_count_limit: env.limit(SPAN_EVENT_COUNT, DEFAULT),
            link_count_limit: env.limit(SPAN_LINK_COUNT, DEFAULT),
            attribute_per_event_count_limit: env.limit(EVENT_ATTRIBUTE_COUNT, DEFAULT),
            attribute_per_link_count_limit: env.limit(LINK_ATTRIBUTE_COUNT, DEFAULT),
        }
    }

    /// As the SDK takes them; what it cannot hold is as good as no limit.
    pub(crate) fn for_the_sdk(&self) -> opentelemetry_sdk::trace::SpanLimits {
        let limit = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        opentelemetry_sdk::trace::SpanLimits {
            max_events_per_span: limit(self.event_count_limit),
            max_attributes_per_span: limit(self.attribute_count_limit),
            max_links_per_span: limit(self.link_count_limit),
            max_attributes_per_event: limit(self.attribute_per_event_count_limit),
            max_attributes_per_link: limit(self.attribute_per_link_count_limit),
        }
    }
}

impl LogRecordLimits {
    pub(super) fn of(env: &Env<'_>) -> Self {
        Self {
            attribute_count_limit: env.limit(LOGRECORD_ATTRIBUTE_COUNT, DEFAULT),
            attribute_value_length_limit: env.length_limit(LOGRECORD_ATTRIBUTE_VALUE_LENGTH),
        }
    }
}
