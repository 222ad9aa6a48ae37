//! A list of attributes, of which those with the same key are written once: the last of them counts (OpenTelemetry
//! specification, Common, "Attribute Collections").

use std::collections::HashMap;

use opentelemetry::KeyValue;

use super::value::{any_key_value, key_value};

/// Up to so many keys are compared with each other where that cannot be avoided; more are hashed.
const FEW: usize = 32;

/// Appends every attribute as a field with this tag, and no more than `limit` characters of each string in them.
///
/// They are written as if no key was repeated, and once more if one is.
pub(super) fn attributes(buffer: &mut Vec<u8>, tag: u8, attributes: &[KeyValue], limit: usize) {
    if attributes.len() > FEW {
        return last_of_many(buffer, tag, attributes, limit);
    }
    let start = buffer.len();
    let mut seen = 0;
    for attribute in attributes {
        let key = attribute.key.as_str();
        let Some(mark) = mark(key) else {
            buffer.truncate(start);
            return last_of_few(buffer, tag, attributes, limit);
        };
        if seen & mark != 0 && is_repeated(key, attributes) {
            buffer.truncate(start);
            return last_of_few(buffer, tag, attributes, limit);
        }
        seen |= mark;
        key_value(buffer, tag, key, &attribute.value, limit);
    }
}

/// One of 64 bits, another one for most of the keys that are used together; none for an empty key.
#[inline]
fn mark(key: &str) -> Option<u64> {
    let (first, last) = (key.as_bytes().first()?, key.as_bytes().last()?);
    let mixed = usize::from(*first) + 4 * usize::from(*last) + 8 * key.len();
    Some(1 << (mixed % 64))
}

#[cold]
fn is_repeated(key: &str, attributes: &[KeyValue]) -> bool {
    let same = attributes
        .iter()
        .filter(|attribute| attribute.key.as_str() == key);
    same.count() > 1
}

#[cold]
fn last_of_few(buffer: &mut Vec<u8>, tag: u8, mut attributes: &[KeyValue], limit: usize) {
    while let [attribute, later @ ..] = attributes {
        let key = attribute.key.as_str();
        if later.iter().all(|later| later.key.as_str() != key) {
            any_key_value(buffer, tag, key, &attribute.value, limit);
        }
        attributes = later;
    }
}

#[cold]
fn last_of_many(buffer: &mut Vec<u8>, tag: u8, attributes: &[KeyValue], limit: usize) {
    let keys = attributes.iter().map(|attribute| attribute.key.as_str());
    let last: HashMap<&str, usize> = keys.zip(0..).collect();
    for (position, attribute) in attributes.iter().enumerate() {
        let key = attribute.key.as_str();
        if last.get(key) == Some(&position) {
            any_key_value(buffer, tag, key, &attribute.value, limit);
        }
    }
}
