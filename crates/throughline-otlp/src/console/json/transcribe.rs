//! From protobuf to JSON (protobuf, "`ProtoJSON` Format"; OTLP, "JSON Protobuf Encoding").
//!
//! It relies on what our encoder and `prost` do: the elements of a list stand together, lists of numbers are packed, and
//! no other field comes twice.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::schema::{Kind, Message};
use crate::proto::{Fields, Malformed, Value};

/// The message as JSON, on one line. Fields that the schema does not name are left out.
pub(super) fn message(schema: &Message, bytes: &[u8]) -> Result<String, Malformed> {
    let mut json = String::new();
    object(&mut json, schema, bytes)?;
    Ok(json)
}

fn object(json: &mut String, schema: &Message, bytes: &[u8]) -> Result<(), Malformed> {
    let mut last = None;
    // What ends the last field.
    let mut close = "";
    json.push('{');
    for field in Fields::of(bytes) {
        let (number, value) = field?;
        let Some((_, name, kind)) = schema.0.iter().find(|field| field.0 == number) else {
            continue;
        };
        if last == Some(number) {
            json.push(',');
        } else {
            let comma = if last.is_some() { "," } else { "" };
            print(json, format_args!("{close}{comma}\"{name}\":"));
            let is_list = matches!(kind, Kind::Many(_));
            json.push_str(if is_list { "[" } else { "" });
            close = if is_list { "]" } else { "" };
            last = Some(number);
        }
        match (kind, value) {
            (Kind::Many(kind), Value::Bytes(bytes)) => elements(json, kind, bytes)?,
            (kind, value) => single(json, kind, value)?,
        }
    }
    json.push_str(close);
    json.push('}');
    Ok(())
}

/// One element of a list, or all of them where they are packed.
fn elements(json: &mut String, kind: &Kind, bytes: &[u8]) -> Result<(), Malformed> {
    let is_fixed = match kind {
        Kind::Double | Kind::Fixed64 => true,
        Kind::Uint64 => false,
        _ => return single(json, kind, Value::Bytes(bytes)),
    };
    let mut packed = Fields::of(bytes);
    let mut comma = "";
    while !packed.is_empty() {
        let value = if is_fixed {
            Value::Fixed(packed.fixed(8)?)
        } else {
            Value::Varint(packed.varint()?)
        };
        json.push_str(comma);
        comma = ",";
        single(json, kind, value)?;
    }
    Ok(())
}

fn single(json: &mut String, kind: &Kind, value: Value<'_>) -> Result<(), Malformed> {
    match (kind, value) {
        (Kind::Object(schema), Value::Bytes(bytes)) => object(json, schema, bytes)?,
        (Kind::Text, Value::Bytes(bytes)) => {
            text(json, str::from_utf8(bytes).map_err(|_| Malformed)?);
        }
        (Kind::Id, Value::Bytes(bytes)) => id(json, bytes),
        (Kind::Bytes, Value::Bytes(bytes)) => {
            print(json, format_args!("\"{}\"", STANDARD.encode(bytes)));
        }
        (_, Value::Varint(bits) | Value::Fixed(bits)) => number(json, kind, bits)?,
        _ => return Err(Malformed),
    }
    Ok(())
}

/// Numbers of 64 bits are strings, since JSON's readers may not have them.
fn number(json: &mut String, kind: &Kind, bits: u64) -> Result<(), Malformed> {
    match kind {
        Kind::Bool => print(json, format_args!("{}", bits != 0)),
        Kind::Double => double(json, f64::from_bits(bits)),
        Kind::Uint32 => print(json, format_args!("{}", bits as u32)),
        // Zigzag: the sign is the lowest bit.
        Kind::Sint32 => print(
            json,
            format_args!("{}", (bits >> 1) as i32 ^ -(bits as i32 & 1)),
        ),
        Kind::Int64 | Kind::Sfixed64 => print(json, format_args!("\"{}\"", bits as i64)),
        Kind::Uint64 | Kind::Fixed64 => print(json, format_args!("\"{bits}\"")),
        Kind::Object(_) | Kind::Many(_) | Kind::Text | Kind::Id | Kind::Bytes => {
            return Err(Malformed);
        }
    }
    Ok(())
}

fn double(json: &mut String, value: f64) {
    if value.is_finite() {
        // As few digits as it takes to read the same number, and an exponent rather than many zeros.
        print(json, format_args!("{value:?}"));
    } else if value.is_nan() {
        json.push_str("\"NaN\"");
    } else {
        let sign = if value < 0.0 { "-" } else { "" };
        print(json, format_args!("\"{sign}Infinity\""));
    }
}

fn id(json: &mut String, bytes: &[u8]) {
    json.push('"');
    for byte in bytes {
        print(json, format_args!("{byte:02x}"));
    }
    json.push('"');
}

/// Escapes what JSON asks for (RFC 8259 §7), and all else that ends a line or steers a terminal.
fn text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            // All of them are below U+10000.
            _ if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') => {
                print(json, format_args!("\\u{:04x}", character as u32));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

fn print(json: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = json.write_fmt(arguments);
}
