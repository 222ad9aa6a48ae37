//! One attribute: a `KeyValue` with its `AnyValue` (OTLP, `common/v1/common.proto`).

use opentelemetry::{Array, Value};

use super::wire::{
    self, delimited, delimited_len, delimited_tag, fixed64_tag, varint_len, varint_tag,
};

// `KeyValue`
const KEY: u8 = delimited_tag(1);
const VALUE: u8 = delimited_tag(2);
// `AnyValue`
const STRING: u8 = delimited_tag(1);
const BOOL: u8 = varint_tag(2);
const INT: u8 = varint_tag(3);
const DOUBLE: u8 = fixed64_tag(4);
const ARRAY: u8 = delimited_tag(5);
// `ArrayValue`
const VALUES: u8 = delimited_tag(1);

/// How long key and text of a string may be, together, so that the length of the whole is still one byte: the other six
/// bytes are the tags and lengths of key, value and string. A number of two bytes takes one more than an empty string.
const SHORT: usize = 0x7f - 6;

/// Appends an attribute with a key that is not empty.
///
/// Most attributes are short strings and small numbers, all of whose lengths are one byte. They are written in four
/// steps here, which halves their cost; the rest is left to [`any_key_value`].
#[inline(always)]
pub(super) fn key_value(buffer: &mut Vec<u8>, tag: u8, key: &str, value: &Value, limit: usize) {
    match value {
        Value::String(text) => {
            let text = text.as_str();
            // A string has no more characters than bytes.
            if text.len() <= limit && key.len() + text.len() <= SHORT {
                let len = text.len() as u8;
                return short(buffer, tag, key, &[VALUE, len + 2, STRING, len], text);
            }
        }
        Value::I64(int @ 0..0x80) if key.len() < SHORT => {
            return short(buffer, tag, key, &[VALUE, 2, INT, *int as u8], "");
        }
        Value::I64(int @ 0x80..0x4000) if key.len() < SHORT => {
            let int = [*int as u8 | 0x80, (*int >> 7) as u8];
            return short(buffer, tag, key, &[VALUE, 3, INT, int[0], int[1]], "");
        }
        _ => {}
    }
    any_key_value(buffer, tag, key, value, limit);
}

/// Appends an attribute whose value is given with its tags and lengths and may end with a text.
#[inline(always)]
fn short<const N: usize>(buffer: &mut Vec<u8>, tag: u8, key: &str, value: &[u8; N], text: &str) {
    let len = 2 + key.len() + N + text.len();
    buffer.extend_from_slice(&[tag, len as u8, KEY, key.len() as u8]);
    buffer.extend_from_slice(key.as_bytes());
    buffer.extend_from_slice(value);
    buffer.extend_from_slice(text.as_bytes());
}

/// Appends any attribute, of whose strings no more than `limit` characters are kept.
pub(super) fn any_key_value(buffer: &mut Vec<u8>, tag: u8, key: &str, value: &Value, limit: usize) {
    match value {
        Value::Bool(value) => scalar(buffer, tag, key, *value),
        Value::I64(value) => scalar(buffer, tag, key, *value),
        Value::F64(value) => scalar(buffer, tag, key, *value),
        Value::String(value) => scalar(buffer, tag, key, cut(value.as_str(), limit)),
        Value::Array(Array::Bool(values)) => array(buffer, tag, key, values.iter().copied()),
        Value::Array(Array::I64(values)) => array(buffer, tag, key, values.iter().copied()),
        Value::Array(Array::F64(values)) => array(buffer, tag, key, values.iter().copied()),
        Value::Array(Array::String(values)) => {
            let values = values.iter().map(|value| cut(value.as_str(), limit));
            array(buffer, tag, key, values);
        }
        _ => scalar(buffer, tag, key, Unknown),
    }
}

fn scalar(buffer: &mut Vec<u8>, tag: u8, key: &str, value: impl Scalar) {
    let len = value.len();
    wire::head(buffer, tag, wire::string_len(key) + delimited_len(len));
    wire::string(buffer, KEY, key);
    wire::head(buffer, VALUE, len);
    value.append(buffer);
}

fn array(buffer: &mut Vec<u8>, tag: u8, key: &str, values: impl Iterator<Item = impl Scalar>) {
    delimited(buffer, tag, |buffer| {
        wire::string(buffer, KEY, key);
        delimited(buffer, VALUE, |buffer| {
            delimited(buffer, ARRAY, |buffer| {
                for value in values {
                    wire::head(buffer, VALUES, value.len());
                    value.append(buffer);
                }
            });
        });
    });
}

/// The first `limit` characters.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut rest = text.chars();
    if let Some(last) = limit.checked_sub(1) {
        rest.nth(last);
    }
    &text[..text.len() - rest.as_str().len()]
}

/// What an `AnyValue` holds. It is a `oneof`, so that defaults are written too.
trait Scalar: Copy {
    fn len(self) -> usize;

    fn append(self, buffer: &mut Vec<u8>);
}

impl Scalar for bool {
    fn len(self) -> usize {
        2
    }

    fn append(self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&[BOOL, self.into()]);
    }
}

impl Scalar for i64 {
    fn len(self) -> usize {
        1 + varint_len(self as u64)
    }

    fn append(self, buffer: &mut Vec<u8>) {
        buffer.push(INT);
        // Negative numbers are ten bytes long: `int64` is not zigzag encoded.
        wire::varint(buffer, self as u64);
    }
}

impl Scalar for f64 {
    fn len(self) -> usize {
        9
    }

    fn append(self, buffer: &mut Vec<u8>) {
        buffer.push(DOUBLE);
        buffer.extend_from_slice(&self.to_le_bytes());
    }
}

impl Scalar for &str {
    fn len(self) -> usize {
        delimited_len(str::len(self))
    }

    fn append(self, buffer: &mut Vec<u8>) {
        wire::head(buffer, STRING, str::len(self));
        buffer.extend_from_slice(self.as_bytes());
    }
}

/// A value of a kind that later versions of the API may add.
#[derive(Clone, Copy)]
struct Unknown;

impl Scalar for Unknown {
    fn len(self) -> usize {
        0
    }

    fn append(self, _: &mut Vec<u8>) {}
}
