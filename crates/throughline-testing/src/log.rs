//! One model for the log records that OTLP requests bring.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// One log record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogRecord {
    /// The resource's `service.name`.
    pub service: Option<String>,
    /// All attributes of the resource.
    pub resource: BTreeMap<String, Value>,
    /// The name of the instrumentation scope, that is of the logger.
    pub scope: String,
    /// When it happened, if that is known.
    pub time: Option<SystemTime>,
    /// When it was seen by what collects it, if that is known.
    pub observed_time: Option<SystemTime>,
    /// The severity, from 1 (`TRACE`) to 24 (`FATAL4`); 0 when there is none.
    pub severity_number: i32,
    /// The severity as its source calls it.
    pub severity_text: Option<String>,
    /// What kind of event the record is, if it is one.
    pub event_name: Option<String>,
    /// The body. Bytes, maps and mixed arrays are a string with their OTLP/JSON, as in attributes.
    pub body: Option<Value>,
    /// The attributes. Of a key that was recorded more than once, the last value.
    pub attributes: BTreeMap<String, Value>,
    /// How many attributes were left out because of a limit.
    pub dropped_attributes_count: u32,
    /// The trace that the record belongs to.
    pub trace_id: Option<TraceId>,
    /// The span that the record belongs to.
    pub span_id: Option<SpanId>,
    /// The trace flags: sampled, random.
    pub trace_flags: TraceFlags,
}

impl LogRecord {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }
}
