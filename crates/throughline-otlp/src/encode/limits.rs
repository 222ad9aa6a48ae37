use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::value::cut;

/// How much of a span is written.
///
/// The number of attributes, events and links is not limited here: the SDK does so while they are added, and counts
/// what it drops.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How many characters are kept of a string in the attributes of the span, its events and its links, and of each
    /// string in an array. Default no limit. (OpenTelemetry specification, Common, "Attribute Limits": "counting any
    /// character in it as 1", which is a Unicode scalar value here.)
    ///
    /// Resources are exempt there. Scopes are exempt here, since only a developer writes their attributes.
    pub(crate) attribute_value_length: Option<usize>,
}

impl Limits {
    /// Changes a span that is not encoded as the limits say.
    pub(crate) fn apply(&self, span: &mut SpanData) {
        let Some(limit) = self.attribute_value_length else {
            return;
        };
        let of_events = (span.events.events.iter_mut()).flat_map(|event| &mut event.attributes);
        let of_links = (span.links.links.iter_mut()).flat_map(|link| &mut link.attributes);
        for attribute in span.attributes.iter_mut().chain(of_events).chain(of_links) {
            shorten(attribute, limit);
        }
    }
}

fn shorten(attribute: &mut KeyValue, limit: usize) {
    let strings = match &mut attribute.value {
        Value::String(text) => std::slice::from_mut(text),
        Value::Array(Array::String(texts)) => texts.as_mut_slice(),
        _ => return,
    };
    for text in strings {
        let kept = cut(text.as_str(), limit);
        if kept.len() < text.as_str().len() {
            *text = kept.to_owned().into();
        }
    }
}
