//! The messages of OTLP 1.x, as far as they are ever written here (`trace/v1/trace.proto`, `metrics/v1/metrics.proto`,
//! `logs/v1/logs.proto`, `resource/v1/resource.proto`, `common/v1/common.proto`).

use self::Kind::{
    Bool, Bytes, Double, Fixed64, Id, Int64, Many, Object, Sfixed64, Sint32, Text, Uint32, Uint64,
};

/// A message: of each field its number, its name in JSON and what it holds.
pub(super) struct Message(pub(super) &'static [(u64, &'static str, Kind)]);

/// What a field holds.
pub(super) enum Kind {
    Object(&'static Message),
    Many(&'static Kind),
    Text,
    /// `bytes` that are the id of a trace or of a span.
    Id,
    /// Any other `bytes`.
    Bytes,
    Bool,
    Double,
    /// Also `fixed32`, and an enum.
    Uint32,
    Sint32,
    Int64,
    Sfixed64,
    Uint64,
    Fixed64,
}

pub(super) static TRACES: Message =
    Message(&[(1, "resourceSpans", Many(&Object(&RESOURCE_SPANS)))]);

static RESOURCE_SPANS: Message = Message(&[
    (1, "resource", Object(&RESOURCE)),
    (2, "scopeSpans", Many(&Object(&SCOPE_SPANS))),
    (3, "schemaUrl", Text),
]);

static SCOPE_SPANS: Message = Message(&[
    (1, "scope", Object(&SCOPE)),
    (2, "spans", Many(&Object(&SPAN))),
    (3, "schemaUrl", Text),
]);

static SPAN: Message = Message(&[
    (1, "traceId", Id),
    (2, "spanId", Id),
    (3, "traceState", Text),
    (4, "parentSpanId", Id),
    (5, "name", Text),
    (6, "kind", Uint32),
    (7, "startTimeUnixNano", Fixed64),
    (8, "endTimeUnixNano", Fixed64),
    (9, "attributes", Many(&Object(&KEY_VALUE))),
    (10, "droppedAttributesCount", Uint32),
    (11, "events", Many(&Object(&EVENT))),
    (12, "droppedEventsCount", Uint32),
    (13, "links", Many(&Object(&LINK))),
    (14, "droppedLinksCount", Uint32),
    (15, "status", Object(&STATUS)),
    (16, "flags", Uint32),
]);

static EVENT: Message = Message(&[
    (1, "timeUnixNano", Fixed64),
    (2, "name", Text),
    (3, "attributes", Many(&Object(&KEY_VALUE))),
    (4, "droppedAttributesCount", Uint32),
]);

static LINK: Message = Message(&[
    (1, "traceId", Id),
    (2, "spanId", Id),
    (3, "traceState", Text),
    (4, "attributes", Many(&Object(&KEY_VALUE))),
    (5, "droppedAttributesCount", Uint32),
    (6, "flags", Uint32),
]);

static STATUS: Message = Message(&[(2, "message", Text), (3, "code", Uint32)]);

pub(super) static METRICS: Message =
    Message(&[(1, "resourceMetrics", Many(&Object(&RESOURCE_METRICS)))]);

static RESOURCE_METRICS: Message = Message(&[
    (1, "resource", Object(&RESOURCE)),
    (2, "scopeMetrics", Many(&Object(&SCOPE_METRICS))),
    (3, "schemaUrl", Text),
]);

static SCOPE_METRICS: Message = Message(&[
    (1, "scope", Object(&SCOPE)),
    (2, "metrics", Many(&Object(&METRIC))),
    (3, "schemaUrl", Text),
]);

static METRIC: Message = Message(&[
    (1, "name", Text),
    (2, "description", Text),
    (3, "unit", Text),
    (5, "gauge", Object(&GAUGE)),
    (7, "sum", Object(&SUM)),
    (9, "histogram", Object(&HISTOGRAM)),
    (10, "exponentialHistogram", Object(&EXPONENTIAL_HISTOGRAM)),
]);

pub(super) static GAUGE: Message = Message(&[(1, "dataPoints", Many(&Object(&NUMBER)))]);

static SUM: Message = Message(&[
    (1, "dataPoints", Many(&Object(&NUMBER))),
    (2, "aggregationTemporality", Uint32),
    (3, "isMonotonic", Bool),
]);

static HISTOGRAM: Message = Message(&[
    (1, "dataPoints", Many(&Object(&BUCKETS_BY_BOUNDS))),
    (2, "aggregationTemporality", Uint32),
]);

static EXPONENTIAL_HISTOGRAM: Message = Message(&[
    (1, "dataPoints", Many(&Object(&BUCKETS_BY_SCALE))),
    (2, "aggregationTemporality", Uint32),
]);

/// `NumberDataPoint`
static NUMBER: Message = Message(&[
    (2, "startTimeUnixNano", Fixed64),
    (3, "timeUnixNano", Fixed64),
    (4, "asDouble", Double),
    (5, "exemplars", Many(&Object(&EXEMPLAR))),
    (6, "asInt", Sfixed64),
    (7, "attributes", Many(&Object(&KEY_VALUE))),
    (8, "flags", Uint32),
]);

/// `HistogramDataPoint`
static BUCKETS_BY_BOUNDS: Message = Message(&[
    (2, "startTimeUnixNano", Fixed64),
    (3, "timeUnixNano", Fixed64),
    (4, "count", Fixed64),
    (5, "sum", Double),
    (6, "bucketCounts", Many(&Fixed64)),
    (7, "explicitBounds", Many(&Double)),
    (8, "exemplars", Many(&Object(&EXEMPLAR))),
    (9, "attributes", Many(&Object(&KEY_VALUE))),
    (10, "flags", Uint32),
    (11, "min", Double),
    (12, "max", Double),
]);

/// `ExponentialHistogramDataPoint`
static BUCKETS_BY_SCALE: Message = Message(&[
    (1, "attributes", Many(&Object(&KEY_VALUE))),
    (2, "startTimeUnixNano", Fixed64),
    (3, "timeUnixNano", Fixed64),
    (4, "count", Fixed64),
    (5, "sum", Double),
    (6, "scale", Sint32),
    (7, "zeroCount", Fixed64),
    (8, "positive", Object(&BUCKETS)),
    (9, "negative", Object(&BUCKETS)),
    (10, "flags", Uint32),
    (11, "exemplars", Many(&Object(&EXEMPLAR))),
    (12, "min", Double),
    (13, "max", Double),
    (14, "zeroThreshold", Double),
]);

static BUCKETS: Message = Message(&[(1, "offset", Sint32), (2, "bucketCounts", Many(&Uint64))]);

static EXEMPLAR: Message = Message(&[
    (2, "timeUnixNano", Fixed64),
    (3, "asDouble", Double),
    (4, "spanId", Id),
    (5, "traceId", Id),
    (6, "asInt", Sfixed64),
    (7, "filteredAttributes", Many(&Object(&KEY_VALUE))),
]);

pub(super) static LOGS: Message = Message(&[(1, "resourceLogs", Many(&Object(&RESOURCE_LOGS)))]);

static RESOURCE_LOGS: Message = Message(&[
    (1, "resource", Object(&RESOURCE)),
    (2, "scopeLogs", Many(&Object(&SCOPE_LOGS))),
    (3, "schemaUrl", Text),
]);

static SCOPE_LOGS: Message = Message(&[
    (1, "scope", Object(&SCOPE)),
    (2, "logRecords", Many(&Object(&LOG_RECORD))),
    (3, "schemaUrl", Text),
]);

static LOG_RECORD: Message = Message(&[
    (1, "timeUnixNano", Fixed64),
    (2, "severityNumber", Uint32),
    (3, "severityText", Text),
    (5, "body", Object(&ANY_VALUE)),
    (6, "attributes", Many(&Object(&KEY_VALUE))),
    (7, "droppedAttributesCount", Uint32),
    (8, "flags", Uint32),
    (9, "traceId", Id),
    (10, "spanId", Id),
    (11, "observedTimeUnixNano", Fixed64),
    (12, "eventName", Text),
]);

static RESOURCE: Message = Message(&[(1, "attributes", Many(&Object(&KEY_VALUE)))]);

static SCOPE: Message = Message(&[
    (1, "name", Text),
    (2, "version", Text),
    (3, "attributes", Many(&Object(&KEY_VALUE))),
]);

static KEY_VALUE: Message = Message(&[(1, "key", Text), (2, "value", Object(&ANY_VALUE))]);

static ANY_VALUE: Message = Message(&[
    (1, "stringValue", Text),
    (2, "boolValue", Bool),
    (3, "intValue", Int64),
    (4, "doubleValue", Double),
    (5, "arrayValue", Object(&ARRAY_VALUE)),
    (6, "kvlistValue", Object(&KEY_VALUE_LIST)),
    (7, "bytesValue", Bytes),
]);

static KEY_VALUE_LIST: Message = Message(&[(1, "values", Many(&Object(&KEY_VALUE)))]);

static ARRAY_VALUE: Message = Message(&[(1, "values", Many(&Object(&ANY_VALUE)))]);
