//! What a span and a log record keep, on the wire.

use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{KeyValue, global};
use throughline_testing::Collector;

use crate::app;
use crate::process;

fn attributes() -> Vec<KeyValue> {
    let keys = ["a", "b", "c", "d", "e"];
    keys.map(|key| KeyValue::new(key, "12345")).to_vec()
}

/// A span with five of everything, of five attributes each, and a log record with five.
fn five_of_everything() {
    let telemetry = app::init();
    let tracer = global::tracer("test");
    let link = |n: u64| {
        let context = SpanContext::new(
            TraceId::from(u128::from(n)),
            SpanId::from(n),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        Link::new(context, attributes(), 0)
    };
    let builder = tracer
        .span_builder("work")
        .with_attributes(attributes())
        .with_links((1..=5).map(link).collect());
    let mut span = tracer.build(builder);
    for _ in 0..5 {
        span.add_event("event", attributes());
    }
    span.end();
    tracing::info!(
        a = "12345",
        b = "12345",
        c = "12345",
        d = "12345",
        e = "12345",
        "said"
    );
    telemetry.shutdown_blocking().unwrap();
}

#[test]
fn limits_hold_for_everything_that_has_them() {
    let Some(process) = process::of(limits_hold_for_everything_that_has_them, five_of_everything)
    else {
        return;
    };
    // Attributes of the span, its events, its links, the record; events; links; and the characters of all but the last.
    let check = |variables: &[(&str, &str)], expected: [usize; 6], lengths: [usize; 2]| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        process.variables(variables).run();
        let (spans, logs) = (collector.spans(), collector.logs());
        let (span, log) = (&spans[0], &logs[0]);
        let of_events = span.events.iter().map(|event| event.attributes.len());
        let of_links = span.links.iter().map(|link| link.attributes.len());
        let found = [
            span.attributes.len(),
            of_events.max().unwrap_or(0),
            of_links.max().unwrap_or(0),
            log.attributes.len(),
            span.events.len(),
            span.links.len(),
        ];
        assert_eq!(found, expected, "{variables:?}");
        let dropped = 5 - u32::try_from(found[0]).unwrap();
        assert_eq!(span.dropped_attributes_count, dropped, "{variables:?}");
        let dropped = 5 - u32::try_from(found[4]).unwrap();
        assert_eq!(span.dropped_events_count, dropped, "{variables:?}");
        let dropped = 5 - u32::try_from(found[5]).unwrap();
        assert_eq!(span.dropped_links_count, dropped, "{variables:?}");
        let of_span = (span.attributes.values())
            .chain(
                span.events
                    .iter()
                    .flat_map(|event| event.attributes.values()),
            )
            .chain(span.links.iter().flat_map(|link| link.attributes.values()));
        for (values, length) in [
            (of_span.collect::<Vec<_>>(), lengths[0]),
            (log.attributes.values().collect(), lengths[1]),
        ] {
            for value in values {
                assert_eq!(
                    value.to_string().trim_matches('"').len(),
                    length,
                    "{variables:?}"
                );
            }
        }
    };
    check(&[], [5; 6], [5, 5]);
    let own = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2"),
    ];
    check(&own, [4, 3, 2, 1, 2, 1], [3, 2]);
    let generic = [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
    ];
    check(&generic, [2, 2, 2, 2, 5, 5], [1, 1]);
    check(&[&generic[..], &own].concat(), [4, 3, 2, 1, 2, 1], [3, 2]);
    let none = own.map(|(variable, _)| (variable, "0"));
    check(&none, [0; 6], [0, 0]);
}
