//! What stands around the spans of one export.

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;

use super::attributes::attributes;
use super::value::any_key_value;
use super::wire::{delimited, delimited_len, delimited_tag, head, string};

/// Attributes of resources and scopes are not cut.
const NO_LIMIT: usize = usize::MAX;

/// The field `schema_url` of `ResourceSpans` and `ScopeSpans`.
const SCHEMA_URL: u8 = delimited_tag(3);

/// The fields of a `ResourceSpans` that describe the resource.
pub(crate) fn resource(resource: &Resource) -> Vec<u8> {
    let mut buffer = Vec::new();
    delimited(&mut buffer, delimited_tag(1), |buffer| {
        for (key, value) in resource {
            any_key_value(buffer, delimited_tag(1), key.as_str(), value, NO_LIMIT);
        }
    });
    string(
        &mut buffer,
        SCHEMA_URL,
        resource.schema_url().unwrap_or_default(),
    );
    buffer
}

/// Appends the fields of a `ScopeSpans` that describe the scope.
pub(crate) fn scope(buffer: &mut Vec<u8>, scope: &InstrumentationScope) {
    delimited(buffer, delimited_tag(1), |buffer| {
        string(buffer, delimited_tag(1), scope.name());
        string(
            buffer,
            delimited_tag(2),
            scope.version().unwrap_or_default(),
        );
        // Few scopes have any, and the scope does not lend its list.
        let list: Vec<KeyValue> = scope.attributes().cloned().collect();
        attributes(buffer, delimited_tag(3), &list, NO_LIMIT);
    });
    string(buffer, SCHEMA_URL, scope.schema_url().unwrap_or_default());
}

/// The spans of one scope, encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScopeSpans<'a> {
    /// What [`scope`] wrote.
    pub(crate) scope: &'a [u8],
    /// What [`span`](super::span) wrote, for any number of spans.
    pub(crate) spans: &'a [u8],
}

/// Appends an `ExportTraceServiceRequest` of one resource, given as [`resource`] encoded it.
pub(crate) fn request(buffer: &mut Vec<u8>, resource: &[u8], scopes: &[ScopeSpans<'_>]) {
    const RESOURCE_SPANS: u8 = delimited_tag(1);
    const SCOPE_SPANS: u8 = delimited_tag(2);

    let scope_len = |it: &ScopeSpans<'_>| it.scope.len() + it.spans.len();
    let fields = scopes.iter().map(|it| delimited_len(scope_len(it)));
    let len = resource.len() + fields.sum::<usize>();

    buffer.reserve(delimited_len(len));
    head(buffer, RESOURCE_SPANS, len);
    buffer.extend_from_slice(resource);
    for it in scopes {
        head(buffer, SCOPE_SPANS, scope_len(it));
        buffer.extend_from_slice(it.scope);
        buffer.extend_from_slice(it.spans);
    }
}
