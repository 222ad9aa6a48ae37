use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState,
};
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::common::v1 as proto_common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1 as proto;
use opentelemetry_sdk::trace::SpanData;

use super::{NO_LIMITS, context, cut_at, encoded, plain, read, with_attributes};

#[test]
fn a_small_span_byte_by_byte() {
    let mut span = with_attributes(vec![
        KeyValue::new("a", "bc"),
        KeyValue::new("n", 300),
        KeyValue::new("t", true),
    ]);
    span.name = "GET".into();
    span.parent_span_id = SpanId::from(0x0506);
    span.parent_span_is_remote = true;
    span.span_kind = SpanKind::Server;
    span.status = Status::error("x");
    #[rustfmt::skip]
    let expected = [
        0x12, 106,                                                                  // ScopeSpans.spans
        0x0a, 16, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0,                   // trace_id
        0x12, 8, 0, 0, 0, 0, 0, 0, 3, 4,                                            // span_id
        0x22, 8, 0, 0, 0, 0, 0, 0, 5, 6,                                            // parent_span_id
        0x2a, 3, b'G', b'E', b'T',                                                  // name
        0x30, 2,                                                                    // kind
        0x39, 1, 0, 0, 0, 0, 0, 0, 0,                                               // start_time_unix_nano
        0x41, 2, 0, 0, 0, 0, 0, 0, 0,                                               // end_time_unix_nano
        0x4a, 9, 0x0a, 1, b'a', 0x12, 4, 0x0a, 2, b'b', b'c',                       // attributes: string_value
        0x4a, 8, 0x0a, 1, b'n', 0x12, 3, 0x18, 0xac, 2,                             // int_value
        0x4a, 7, 0x0a, 1, b't', 0x12, 2, 0x10, 1,                                   // bool_value
        0x7a, 5, 0x12, 1, b'x', 0x18, 2,                                            // status: message, code
        0x85, 1, 1, 3, 0, 0,                                                        // flags
    ];
    assert_eq!(encoded(&span, &NO_LIMITS), expected);
}

#[test]
fn a_plain_span_has_only_what_every_span_has() {
    let expected = proto::Span {
        trace_id: [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0].to_vec(),
        span_id: [0, 0, 0, 0, 0, 0, 3, 4].to_vec(),
        flags: 0x101,
        kind: 1,
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        ..Default::default()
    };
    assert_eq!(read(&plain(), &NO_LIMITS), expected);
}

#[test]
fn flags_are_the_w3c_flags_and_whether_the_parent_is_remote() {
    let check = |flags: u8, is_remote: bool, expected: u32| {
        let mut span = plain();
        // The span's own context is never the remote one.
        span.span_context = context(TraceFlags::new(flags), !is_remote);
        span.parent_span_is_remote = is_remote;
        span.links.links = vec![Link::with_context(context(
            TraceFlags::new(flags),
            is_remote,
        ))];
        let span = read(&span, &NO_LIMITS);
        assert_eq!(span.flags, expected);
        assert_eq!(span.links[0].flags, expected);
    };
    check(0, false, 0x100);
    check(1, false, 0x101);
    check(3, true, 0x303);
    check(0xff, true, 0x3ff);
}

#[test]
fn a_status_is_written_when_it_is_set() {
    let check = |status: Status, expected: Option<(i32, &str)>| {
        let status = read(&SpanData { status, ..plain() }, &NO_LIMITS).status;
        let status = status
            .as_ref()
            .map(|status| (status.code, &*status.message));
        assert_eq!(status, expected);
    };
    check(Status::Unset, None);
    check(Status::Ok, Some((1, "")));
    check(Status::error(""), Some((2, "")));
    check(Status::error("no"), Some((2, "no")));
    let long = "no".repeat(100);
    check(Status::error(long.clone()), Some((2, &long)));
}

#[test]
fn kinds_have_the_numbers_of_otlp() {
    let check = |span_kind: SpanKind, expected| {
        let span = SpanData {
            span_kind,
            ..plain()
        };
        assert_eq!(read(&span, &NO_LIMITS).kind(), expected);
    };
    check(SpanKind::Internal, proto::span::SpanKind::Internal);
    check(SpanKind::Server, proto::span::SpanKind::Server);
    check(SpanKind::Client, proto::span::SpanKind::Client);
    check(SpanKind::Producer, proto::span::SpanKind::Producer);
    check(SpanKind::Consumer, proto::span::SpanKind::Consumer);
}

#[test]
fn a_time_that_cannot_be_told_is_the_nearest_that_can() {
    let check = |time: Option<SystemTime>, expected: u64| {
        let Some(time) = time else {
            return;
        };
        let mut span = SpanData {
            start_time: time,
            end_time: time,
            ..plain()
        };
        span.events.events = vec![Event::new("", time, Vec::new(), 0)];
        let span = read(&span, &NO_LIMITS);
        assert_eq!(span.start_time_unix_nano, expected);
        assert_eq!(span.end_time_unix_nano, expected);
        assert_eq!(span.events[0].time_unix_nano, expected);
    };
    let after = |seconds, nanos| UNIX_EPOCH.checked_add(Duration::new(seconds, nanos));
    check(after(0, 0), 0);
    check(after(1, 2), 1_000_000_002);
    check(after(18_446_744_073, 709_551_615), u64::MAX);
    check(after(18_446_744_073, 709_551_616), u64::MAX);
    check(after(18_446_744_074, 0), u64::MAX);
    check(after(i64::MAX as u64, 999_999_999), u64::MAX);
    check(UNIX_EPOCH.checked_sub(Duration::from_nanos(1)), 0);
    check(UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 62)), 0);
}

#[test]
fn a_trace_state_is_written_as_in_the_header() {
    let long = |c: char| c.to_string().repeat(256);
    let full = (10..42).map(|n| (format!("k{n}{}", &long('a')[3..]), long('v')));
    for state in [
        TraceState::from_key_value([("foo", "1"), ("bar", "")]).unwrap(),
        TraceState::from_key_value([("", "")]).unwrap(),
        TraceState::from_key_value(full).unwrap(),
    ] {
        let header = state.header();
        let mut span = plain();
        span.span_context = span_context(state);
        span.links.links = vec![Link::with_context(span.span_context.clone())];
        let span = read(&span, &NO_LIMITS);
        assert_eq!(span.trace_state, header);
        assert_eq!(span.links[0].trace_state, header);
    }
}

#[test]
fn strings_are_cut_between_characters() {
    #[track_caller]
    fn check(text: &str, limit: usize, expected: &str) {
        let text = text.to_owned();
        let array = Array::String(vec![text.clone().into(), StringValue::from("-")]);
        let attributes = vec![
            KeyValue::new("s", text),
            KeyValue::new("a", Value::Array(array)),
        ];
        let mut span = with_attributes(attributes.clone());
        span.events.events = vec![Event::new("", UNIX_EPOCH, attributes.clone(), 0)];
        span.links.links = vec![Link::new(plain().span_context, attributes, 0)];
        let span = read(&span, &cut_at(limit));

        let rest = if limit == 0 { "" } else { "-" };
        let expected = [string(expected), array_of([string(expected), string(rest)])];
        assert_eq!(values(&span.attributes), expected);
        assert_eq!(values(&span.events[0].attributes), expected);
        assert_eq!(values(&span.links[0].attributes), expected);
    }
    check("abc", 4, "abc");
    check("abc", 3, "abc");
    check("abc", 2, "ab");
    check("abc", 0, "");
    check("", 0, "");
    check("äöü", 3, "äöü");
    check("äöü", 2, "äö");
    check("a€𝄞z", 3, "a€𝄞");
    check("a€𝄞z", 2, "a€");
    check("𝄞", 1, "𝄞");
    // A combining character is one of its own.
    check("e\u{301}", 1, "e");
    check(&"ß".repeat(1000), 999, &"ß".repeat(999));
    check(&"x".repeat(1000), 130, &"x".repeat(130));
}

#[test]
fn names_and_messages_are_never_cut() {
    let mut span = plain();
    span.name = "name".into();
    span.status = Status::error("message");
    span.events.events = vec![Event::new("event", UNIX_EPOCH, Vec::new(), 0)];
    span.attributes = vec![KeyValue::new("key", 12_345)];
    let span = read(&span, &cut_at(1));
    assert_eq!(span.name, "name");
    assert_eq!(span.status.unwrap().message, "message");
    assert_eq!(span.events[0].name, "event");
    assert_eq!(span.attributes[0].key, "key");
    assert_eq!(values(&span.attributes), [AnyValue::IntValue(12_345)]);
}

#[test]
fn of_attributes_with_one_key_the_last_is_kept_in_its_place() {
    #[track_caller]
    fn check(keys: &[&str], expected: &[usize]) {
        let attributes: Vec<_> = (0..)
            .zip(keys)
            .map(|(position, key)| KeyValue::new(String::from(*key), position))
            .collect();
        let mut span = with_attributes(attributes.clone());
        span.events.events = vec![Event::new("", UNIX_EPOCH, attributes.clone(), 0)];
        span.links.links = vec![Link::new(plain().span_context, attributes, 0)];
        let span = read(&span, &NO_LIMITS);
        let expected: Vec<_> = expected
            .iter()
            .map(|it| AnyValue::IntValue(*it as i64))
            .collect();
        assert_eq!(values(&span.attributes), expected);
        assert_eq!(values(&span.events[0].attributes), expected);
        assert_eq!(values(&span.links[0].attributes), expected);
    }
    check(&["a", "b"], &[0, 1]);
    check(&["a", "a"], &[1]);
    check(&["a", "b", "a"], &[1, 2]);
    check(&["b", "a", "a", "c", "b"], &[2, 3, 4]);
    check(&["", "a", ""], &[1, 2]);
    check(&[""], &[0]);
    // The same first and last byte and length.
    check(&["a.1.b", "a.2.b", "a.3.b"], &[0, 1, 2]);
    check(&["a.1.b", "a.2.b", "a.1.b"], &[1, 2]);

    let different: Vec<_> = (0..100).map(|n| format!("key.{n}.x")).collect();
    for len in [31, 32, 33, 100] {
        let mut keys: Vec<_> = different[..len].iter().map(String::as_str).collect();
        let all: Vec<_> = (0..len).collect();
        check(&keys, &all);
        keys[len - 1] = keys[1];
        check(&keys, &[&[0], &all[2..]].concat());
    }
}

#[test]
fn short_and_long_attributes_are_read_alike() {
    for len in (0..300).chain([0x3ff0, 0x4000, 0x4010]) {
        let text = "x".repeat(len);
        let mut attributes = vec![KeyValue::new("k", text.clone())];
        for int in [0, 0x7f, 0x80, 0x3fff, 0x4000, -1, i64::MAX, i64::MIN] {
            attributes.push(KeyValue::new(format!("{int}{text}"), int));
        }
        attributes.push(KeyValue::new(text.clone(), "v"));
        let span = read(&with_attributes(attributes.clone()), &NO_LIMITS);
        assert_eq!(span.attributes.len(), attributes.len());
        for (read, attribute) in span.attributes.iter().zip(attributes) {
            assert_eq!(read.key, attribute.key.as_str());
            let expected = match attribute.value {
                Value::I64(int) => AnyValue::IntValue(int),
                other => string(&other.as_str()),
            };
            assert_eq!(read.value.as_ref().unwrap().value, Some(expected));
        }
    }
}

#[test]
fn a_buffer_that_is_used_again_does_not_grow() {
    let mut span = with_attributes((0..32).map(|n| KeyValue::new(format!("k{n}"), n)).collect());
    span.events.events = vec![Event::new("e", UNIX_EPOCH, span.attributes.clone(), 0)];
    span.status = Status::error("x".repeat(20_000));
    let mut buffer = Vec::new();
    super::super::span(&mut buffer, &span, &NO_LIMITS);
    let (first, capacity, place) = (buffer.clone(), buffer.capacity(), buffer.as_ptr());
    buffer.clear();
    super::super::span(&mut buffer, &span, &NO_LIMITS);
    assert!(buffer == first);
    assert_eq!((buffer.capacity(), buffer.as_ptr()), (capacity, place));
}

#[test]
fn a_huge_span_is_written_too() {
    let text = "ä".repeat(5_000_000);
    let mut span = plain();
    // Every key twice.
    span.attributes = (0..100_000)
        .map(|n| KeyValue::new(format!("{}", n / 2), n))
        .collect();
    span.attributes.push(KeyValue::new("text", text.clone()));
    let event = Event::new("e", UNIX_EPOCH, vec![KeyValue::new("k", "v")], 0);
    span.events.events = vec![event; 10_000];

    let whole = read(&span, &NO_LIMITS);
    assert_eq!(whole.attributes.len(), 50_001);
    assert_eq!(
        whole.attributes[7].value.as_ref().unwrap().value,
        Some(AnyValue::IntValue(15))
    );
    assert_eq!(whole.events.len(), 10_000);
    assert!(whole.attributes[50_000].value.as_ref().unwrap().value == Some(string(&text)));

    let short = read(&span, &cut_at(3));
    assert_eq!(values(&short.attributes)[50_000], string("äää"));
}

fn span_context(state: TraceState) -> SpanContext {
    let context = plain().span_context;
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state)
}

fn values(attributes: &[proto_common::KeyValue]) -> Vec<AnyValue> {
    let values = attributes.iter().map(|attribute| attribute.value.clone());
    values.map(|value| value.unwrap().value.unwrap()).collect()
}

fn string(text: &str) -> AnyValue {
    AnyValue::StringValue(text.to_owned())
}

fn array_of(values: impl IntoIterator<Item = AnyValue>) -> AnyValue {
    let values = values
        .into_iter()
        .map(|value| proto_common::AnyValue { value: Some(value) });
    AnyValue::ArrayValue(proto_common::ArrayValue {
        values: values.collect(),
    })
}
