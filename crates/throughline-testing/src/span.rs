//! One model for finished spans, whether the SDK handed them over or an OTLP request brought them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceFlags, TraceId};
use opentelemetry::{KeyValue, Value};

use crate::expected::{self, Expected};

/// One finished span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpanRecord {
    /// The resource's `service.name`.
    pub service: Option<String>,
    /// All attributes of the resource.
    pub resource: BTreeMap<String, Value>,
    /// The name of the instrumentation scope, that is of the tracer.
    pub scope: String,
    /// The version of the instrumentation scope.
    pub scope_version: Option<String>,
    /// The schema URL of the instrumentation scope.
    pub schema_url: Option<String>,
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span's own id.
    pub span_id: SpanId,
    /// The span that this one was started under.
    pub parent_span_id: Option<SpanId>,
    /// Whether the parent came from another process.
    pub parent_is_remote: bool,
    /// The trace flags: sampled, random.
    pub trace_flags: TraceFlags,
    /// The trace state in the form of the `tracestate` header, empty when there is none.
    pub trace_state: String,
    /// The kind; an unspecified one counts as internal.
    pub kind: SpanKind,
    /// The name.
    pub name: String,
    /// When the span started.
    pub start: SystemTime,
    /// When the span ended.
    pub end: SystemTime,
    /// The attributes. Of a key that was recorded more than once, the last value.
    pub attributes: BTreeMap<String, Value>,
    /// Keys that were recorded more than once. The SDK does not replace an earlier value but exports both, which the
    /// specification forbids; [`assert_attributes`](Self::assert_attributes) therefore fails on them.
    pub repeated_attributes: Vec<String>,
    /// How many attributes were left out because of a limit.
    pub dropped_attributes_count: u32,
    /// The events, in the order in which they were recorded.
    pub events: Vec<EventRecord>,
    /// How many events were left out because of a limit.
    pub dropped_events_count: u32,
    /// The links, in the order in which they were recorded.
    pub links: Vec<LinkRecord>,
    /// How many links were left out because of a limit.
    pub dropped_links_count: u32,
    /// The status.
    pub status: Status,
}

/// An event of a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EventRecord {
    /// The name.
    pub name: String,
    /// When it happened.
    pub time: SystemTime,
    /// The attributes.
    pub attributes: BTreeMap<String, Value>,
    /// How many attributes were left out because of a limit.
    pub dropped_attributes_count: u32,
}

/// A link from a span to another one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkRecord {
    /// The trace of the linked span.
    pub trace_id: TraceId,
    /// The id of the linked span.
    pub span_id: SpanId,
    /// The trace flags of the linked span.
    pub trace_flags: TraceFlags,
    /// The trace state of the linked span in the form of the `tracestate` header.
    pub trace_state: String,
    /// The attributes.
    pub attributes: BTreeMap<String, Value>,
    /// How many attributes were left out because of a limit.
    pub dropped_attributes_count: u32,
}

impl SpanRecord {
    /// How long the span took; zero when it ended before it started.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// The value of the attribute `error.type`, when it is a string.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        match self.attribute("error.type") {
            Some(Value::String(value)) => Some(value.as_str()),
            _ => None,
        }
    }

    /// Asserts that the span has exactly these attributes: every one with its type, each once, and no other.
    ///
    /// ```
    /// use throughline_testing::opentelemetry::KeyValue;
    /// use throughline_testing::opentelemetry::trace::{Span, Tracer, TracerProvider};
    /// use throughline_testing::{Expected, InMemory};
    ///
    /// let memory = InMemory::new();
    /// let mut span = memory.tracer_provider().tracer("docs").start("GET");
    /// span.set_attribute(KeyValue::new("http.request.method", "GET"));
    /// span.set_attribute(KeyValue::new("http.response.status_code", 200));
    /// span.set_attribute(KeyValue::new("server.port", 49152));
    /// span.end();
    ///
    /// memory.trace().find("GET").assert_attributes(&[
    ///     ("http.request.method", "GET".into()),
    ///     ("http.response.status_code", 200.into()),
    ///     ("server.port", Expected::AnyInt),
    /// ]);
    /// ```
    ///
    /// # Panics
    ///
    /// When they differ. The message lists all attributes, with `-` before what was expected and is not there, and `+`
    /// before what was recorded and not expected.
    #[track_caller]
    pub fn assert_attributes(&self, expected: &[(&str, Expected)]) {
        if let Some(difference) = expected::difference(expected, &self.attributes) {
            panic!(
                "the attributes of span {:?} differ (- expected, + recorded):\n{difference}",
                self.name
            );
        }
        assert!(
            self.repeated_attributes.is_empty(),
            "attributes of span {:?} were recorded more than once, and all values are exported: {}",
            self.name,
            self.repeated_attributes.join(", ")
        );
    }
}

/// The attributes by key, and the keys that occur more than once. The last value of a key wins.
pub(crate) fn by_key(
    attributes: impl IntoIterator<Item = KeyValue>,
) -> (BTreeMap<String, Value>, Vec<String>) {
    let mut map = BTreeMap::new();
    let mut repeated = Vec::new();
    for KeyValue { key, value, .. } in attributes {
        let key = String::from(key);
        if map.insert(key.clone(), value).is_some() && !repeated.contains(&key) {
            repeated.push(key);
        }
    }
    (map, repeated)
}
