//! Any span that the SDK could hand over, and some that it could not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::Limits;

pub(super) fn limits() -> impl Strategy<Value = Limits> {
    option::of(prop_oneof![0..12_usize, 100..200_usize]).prop_map(|attribute_value_length| Limits {
        attribute_value_length,
    })
}

pub(crate) fn resource() -> impl Strategy<Value = Resource> {
    (attributes(), option::of(text())).prop_map(|(attributes, schema_url)| {
        let builder = Resource::builder_empty();
        match schema_url {
            Some(schema_url) => builder.with_schema_url(attributes, schema_url).build(),
            None => builder.with_attributes(attributes).build(),
        }
    })
}

pub(crate) fn scope() -> impl Strategy<Value = InstrumentationScope> {
    let parts = (text(), option::of(text()), option::of(text()), attributes());
    parts.prop_map(|(name, version, schema_url, attributes)| {
        let mut builder = InstrumentationScope::builder(name).with_attributes(attributes);
        if let Some(version) = version {
            builder = builder.with_version(version);
        }
        if let Some(schema_url) = schema_url {
            builder = builder.with_schema_url(schema_url);
        }
        builder.build()
    })
}

pub(crate) fn span() -> impl Strategy<Value = SpanData> {
    let identity = (context(), any::<u64>(), any::<bool>(), kind());
    let times = (time(), time());
    let counts = (count(), count(), count());
    let lists = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    (identity, text(), times, counts, lists, status()).prop_map(
        |(identity, name, times, counts, lists, status)| {
            let mut events = SpanEvents::default();
            (events.events, events.dropped_count) = (lists.1, counts.1);
            let mut links = SpanLinks::default();
            (links.links, links.dropped_count) = (lists.2, counts.2);
            SpanData {
                span_context: identity.0,
                parent_span_id: SpanId::from(identity.1),
                parent_span_is_remote: identity.2,
                span_kind: identity.3,
                name: name.into(),
                start_time: times.0,
                end_time: times.1,
                attributes: lists.0,
                dropped_attributes_count: counts.0,
                events,
                links,
                status,
                instrumentation_scope: InstrumentationScope::default(),
            }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    (text(), time(), attributes(), count())
        .prop_map(|(name, time, attributes, dropped)| Event::new(name, time, attributes, dropped))
}

fn link() -> impl Strategy<Value = Link> {
    (context(), attributes(), count())
        .prop_map(|(context, attributes, dropped)| Link::new(context, attributes, dropped))
}

fn context() -> impl Strategy<Value = SpanContext> {
    let ids = (any::<u128>(), any::<u64>());
    (ids, any::<u8>(), any::<bool>(), trace_state()).prop_map(|(ids, flags, is_remote, state)| {
        let (trace_id, span_id) = (TraceId::from(ids.0), SpanId::from(ids.1));
        SpanContext::new(trace_id, span_id, TraceFlags::new(flags), is_remote, state)
    })
}

fn trace_state() -> impl Strategy<Value = TraceState> {
    prop_oneof![
        Just(Vec::new()),
        vec(("[a-z][a-z0-9_*/-]{0,8}", "[!-+.-<>-~]{0,60}"), 0..32),
    ]
    .prop_map(|members| TraceState::from_key_value(members).unwrap())
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        Just(SpanKind::Client),
        Just(SpanKind::Server),
        Just(SpanKind::Producer),
        Just(SpanKind::Consumer),
        Just(SpanKind::Internal),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Unset),
        Just(Status::Ok),
        text().prop_map(Status::error),
    ]
}

/// Most in our days, some as far away as the clock can be set.
fn time() -> impl Strategy<Value = SystemTime> {
    let far = (any::<bool>(), any::<u64>(), 0..1_000_000_000_u32);
    prop_oneof![
        3 => any::<u64>().prop_map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos)),
        1 => Just(UNIX_EPOCH),
        1 => far.prop_map(|(after, seconds, nanos)| {
            let distance = Duration::new(seconds, nanos);
            let time = if after {
                UNIX_EPOCH.checked_add(distance)
            } else {
                UNIX_EPOCH.checked_sub(distance)
            };
            time.unwrap_or(UNIX_EPOCH)
        }),
    ]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(0), 1 => 1..300_u32, 1 => any::<u32>()]
}

/// Lists of all sizes that are treated differently, with keys that are the same and with keys that only look so.
fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop_oneof![
        20 => vec(attribute(), 0..6),
        1 => vec(attribute(), 28..40),
    ]
}

fn attribute() -> impl Strategy<Value = KeyValue> {
    let key = prop_oneof![
        "[a-c]{0,2}",
        "[a-z.]{0,20}",
        "[a-z.]{1,20}",
        "[a-z.]{1,20}",
        text()
    ];
    (key, value()).prop_map(|(key, value)| KeyValue::new(key, value))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::from),
        2 => int().prop_map(Value::I64),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => float().prop_map(Value::F64),
        1 => vec(text().prop_map(StringValue::from), 0..6).prop_map(Array::from).prop_map(Value::Array),
        1 => vec(int(), 0..6).prop_map(Array::from).prop_map(Value::Array),
        1 => vec(any::<bool>(), 0..70).prop_map(Array::from).prop_map(Value::Array),
        1 => vec(float(), 0..20).prop_map(Array::from).prop_map(Value::Array),
    ]
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![0..0x100_i64, 0x3ff0..0x4010_i64, any::<i64>()]
}

fn float() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

/// Of every length that a varint of one, two or three bytes can tell, in characters of one byte and more.
fn text() -> impl Strategy<Value = String> {
    let repeated = |times| (any::<char>(), times).prop_map(|(c, n)| c.to_string().repeat(n));
    prop_oneof![
        40 => "[a-z/ ]{0,20}",
        20 => vec(any::<char>(), 0..20).prop_map(String::from_iter),
        10 => repeated(30..140_usize),
        1 => repeated(4000..20_000_usize),
    ]
}
