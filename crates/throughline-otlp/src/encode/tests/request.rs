use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use prost::Message;

use super::super::{ScopeSpans, request, resource, scope};
use super::{NO_LIMITS, encoded, plain};

#[test]
fn a_request_byte_by_byte() {
    let attributes = [KeyValue::new("r", "s")];
    let from = Resource::builder_empty()
        .with_schema_url(attributes, "u")
        .build();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let built = InstrumentationScope::builder("n").with_version("v");
    let built = built
        .with_schema_url("w")
        .with_attributes([KeyValue::new("a", false)]);
    scope(&mut first, &built.build());
    scope(&mut second, &InstrumentationScope::default());
    let scopes = [
        ScopeSpans {
            scope: &first,
            spans: b"spans",
        },
        ScopeSpans {
            scope: &second,
            spans: b"",
        },
    ];
    let mut bytes = b"before".to_vec();
    request(&mut bytes, &resource(&from), &scopes);
    #[rustfmt::skip]
    let expected = [
        b'b', b'e', b'f', b'o', b'r', b'e',
        0x0a, 46,                                               // resource_spans
        0x0a, 10, 0x0a, 8, 0x0a, 1, b'r', 0x12, 3, 0x0a, 1, b's', // resource: attributes
        0x1a, 1, b'u',                                          // schema_url
        0x12, 25,                                               // scope_spans
        0x0a, 15, 0x0a, 1, b'n', 0x12, 1, b'v',                 // scope: name, version
        0x1a, 7, 0x0a, 1, b'a', 0x12, 2, 0x10, 0,               // attributes
        0x1a, 1, b'w',                                          // schema_url
        b's', b'p', b'a', b'n', b's',
        0x12, 2, 0x0a, 0,                                       // scope_spans: scope
    ];
    assert_eq!(bytes, expected);
}

#[test]
fn many_spans_of_many_scopes_stay_apart() {
    let span = encoded(&plain(), &NO_LIMITS);
    let mut head = Vec::new();
    scope(&mut head, &InstrumentationScope::builder("scope").build());
    for (scopes, spans) in [(0, 0), (1, 0), (1, 1), (2, 3), (300, 2), (2, 300)] {
        let spans_of_each = span.repeat(spans);
        let group = ScopeSpans {
            scope: &head,
            spans: &spans_of_each,
        };
        let mut bytes = Vec::new();
        let groups = vec![group; scopes];
        request(
            &mut bytes,
            &resource(&Resource::builder_empty().build()),
            &groups,
        );
        // Reserved once; the least that a vector takes is eight bytes.
        assert!(bytes.capacity() <= bytes.len().max(8));

        let read = ExportTraceServiceRequest::decode(&*bytes).unwrap();
        assert_eq!(read.resource_spans.len(), 1);
        let groups = &read.resource_spans[0].scope_spans;
        assert_eq!(groups.len(), scopes);
        assert!(groups.iter().all(|group| group.spans.len() == spans));
        assert!(
            groups
                .iter()
                .all(|group| group.scope.as_ref().unwrap().name == "scope")
        );
    }
}

#[test]
fn of_a_scopes_attributes_with_one_key_the_last_is_kept() {
    let attributes = [KeyValue::new("a", 1), KeyValue::new("a", 2)];
    let built = InstrumentationScope::builder("")
        .with_attributes(attributes)
        .build();
    let mut bytes = Vec::new();
    scope(&mut bytes, &built);
    let expected = [0x0a, 9, 0x1a, 7, 0x0a, 1, b'a', 0x12, 2, 0x18, 2];
    assert_eq!(bytes, expected);
}
