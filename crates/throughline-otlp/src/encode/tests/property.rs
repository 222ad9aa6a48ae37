use std::fmt::Debug;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as proto;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::super::{ScopeSpans, request, resource, scope, span};
use super::{arbitrary, encoded, expected};

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_span_is_written_as_any_other_encoder_writes_it(
        data in arbitrary::span(),
        limits in arbitrary::limits(),
    ) {
        let spans = vec![expected::span(&data, &limits)];
        let expected = proto::ScopeSpans { spans, ..Default::default() };
        let bytes = encoded(&data, &limits);
        check(&proto::ScopeSpans::decode(&*bytes).unwrap(), &expected);
        prop_assert!(bytes == expected.encode_to_vec(), "read alike, but not written alike");
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn a_request_is_read_as_what_it_was_made_of(
        described in arbitrary::resource(),
        groups in vec((arbitrary::scope(), vec(arbitrary::span(), 0..3)), 0..3),
        limits in arbitrary::limits(),
    ) {
        let mut expected = expected::resource_spans(&described);
        let mut encoded = Vec::new();
        for (described, spans) in &groups {
            expected.scope_spans.push(expected::scope_spans(described, spans, &limits));
            let (mut head, mut body) = (Vec::new(), Vec::new());
            scope(&mut head, described);
            spans.iter().for_each(|data| span(&mut body, data, &limits));
            encoded.push((head, body));
        }
        let expected = ExportTraceServiceRequest { resource_spans: vec![expected] };

        let scopes = encoded.iter().map(|(scope, spans)| ScopeSpans { scope, spans });
        let mut bytes = Vec::new();
        request(&mut bytes, &resource(&described), &scopes.collect::<Vec<_>>());
        check(&ExportTraceServiceRequest::decode(&*bytes).unwrap(), &expected);
        prop_assert_eq!(bytes.len(), expected.encoded_len());
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Compares bytes, since a float need not be equal to itself, and shows what they mean.
#[track_caller]
fn check<T: Message + Debug>(read: &T, expected: &T) {
    if read.encode_to_vec() != expected.encode_to_vec() {
        assert_eq!(format!("{read:#?}"), format!("{expected:#?}"));
        panic!("they differ in what is not shown");
    }
}
