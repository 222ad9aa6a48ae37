//! One value of a field, and how each format writes it.

use std::error::Error;
use std::fmt::{self, Write};

use opentelemetry::logs::AnyValue;

use crate::Format;
use crate::escape::{Escaped, escape};
use crate::guard::contained;

/// Stands for a value whose `Debug` or `Display` panicked.
const PANICKED: &str = "<panicked>";
/// How many sources of an error are followed: an error may name itself as its source.
const MAX_SOURCES: usize = 16;

/// A value as `tracing` hands it over.
pub(crate) enum Value<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(&'a str),
    Error(&'a (dyn Error + 'static)),
    Debug(&'a dyn fmt::Debug),
}

impl Value<'_> {
    /// The value in a log record, where integers have 64 bits.
    pub(crate) fn to_any_value(&self) -> AnyValue {
        match self {
            Value::Bool(value) => AnyValue::Boolean(*value),
            Value::I64(value) => AnyValue::Int(*value),
            Value::U64(value) => integer(*value),
            Value::I128(value) => integer(*value),
            Value::U128(value) => integer(*value),
            Value::F64(value) => AnyValue::Double(*value),
            Value::Str(value) => (*value).to_owned().into(),
            Value::Error(error) => text(|to| write_chain(to, *error)).into(),
            Value::Debug(value) => text(|to| write!(to, "{value:?}")).into(),
        }
    }

    /// Appends the value of an ordinary field.
    pub(crate) fn write(&self, out: &mut Vec<u8>, format: Format) {
        match (format, self) {
            // JSON has no such numbers, and a string in a numeric field makes backends refuse the line.
            (Format::Json, Value::F64(value)) if !value.is_finite() => {
                out.extend_from_slice(b"null");
            }
            _ if self.is_quoted(format) => self.write_quoted(out),
            _ => self.write_content(out, false),
        }
    }

    /// Appends the value of an event's `message`, which JSON makes a string whatever its type.
    pub(crate) fn write_message(&self, out: &mut Vec<u8>, format: Format) {
        match format {
            Format::Json => self.write_quoted(out),
            Format::Text => self.write_content(out, false),
        }
    }

    fn is_quoted(&self, format: Format) -> bool {
        match self {
            Value::Str(_) | Value::Error(_) => true,
            Value::Debug(_) => format == Format::Json,
            // Backends hold integers in 64 bits: a longer one would be rounded or refused.
            Value::I128(value) => format == Format::Json && is_long(*value),
            Value::U128(value) => format == Format::Json && u64::try_from(*value).is_err(),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => false,
        }
    }

    fn write_quoted(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write_content(out, true);
        out.push(b'"');
    }

    fn write_content(&self, out: &mut Vec<u8>, quoted: bool) {
        match self {
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::I64(value) => push_integer(out, *value),
            Value::U64(value) => push_integer(out, *value),
            Value::I128(value) => push_integer(out, *value),
            Value::U128(value) => push_integer(out, *value),
            Value::F64(value) => {
                out.extend_from_slice(ryu::Buffer::new().format(*value).as_bytes());
            }
            Value::Str(value) => escape(out, value, quoted),
            Value::Error(error) => formatted(out, quoted, |to| write_chain(to, *error)),
            Value::Debug(value) => formatted(out, quoted, |to| write!(to, "{value:?}")),
        }
    }
}

fn is_long(value: i128) -> bool {
    i64::try_from(value).is_err() && u64::try_from(value).is_err()
}

fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn integer<N: Copy + TryInto<i64> + fmt::Display>(value: N) -> AnyValue {
    let integer = value.try_into();
    integer.map_or_else(|_| value.to_string().into(), AnyValue::Int)
}

/// What `write` formats, as [`formatted`] appends it.
fn text(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    let finished = contained(|| {
        let _ = write(&mut text);
    });
    match finished {
        Some(()) => text,
        None => PANICKED.to_owned(),
    }
}

/// Appends what `write` formats. Its code is the application's: if it panics, [`PANICKED`] stands there instead; if it
/// returns an error, what it had written stays.
fn formatted(out: &mut Vec<u8>, quoted: bool, write: impl FnOnce(&mut Escaped<'_>) -> fmt::Result) {
    let start = out.len();
    let finished = contained(|| {
        // An error here is the application's, and there is nobody to tell.
        let _ = write(&mut Escaped { out, quoted });
    });
    if finished.is_none() {
        out.truncate(start);
        out.extend_from_slice(PANICKED.as_bytes());
    }
}

/// Writes an error and what caused it: `order failed: connection lost: timed out`.
fn write_chain(to: &mut impl Write, error: &(dyn Error + 'static)) -> fmt::Result {
    write!(to, "{error}")?;
    let mut source = error.source();
    for _ in 0..MAX_SOURCES {
        let Some(error) = source else { break };
        write!(to, ": {error}")?;
        source = error.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Failure(&'static str, Option<Box<Failure>>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[derive(Debug)]
    struct OwnCause;

    impl fmt::Display for OwnCause {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for OwnCause {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    /// Writes a little, then fails as the variant says.
    enum Broken {
        Panics,
        Errs,
    }

    impl fmt::Debug for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            match self {
                Broken::Panics => panic!("a Debug that panics"),
                Broken::Errs => Err(fmt::Error),
            }
        }
    }

    #[track_caller]
    fn check(value: &Value<'_>, json: &str, text: &str) {
        for (format, expected) in [(Format::Json, json), (Format::Text, text)] {
            let mut out = Vec::new();
            value.write(&mut out, format);
            let written = String::from_utf8(out).unwrap();
            assert_eq!(written, expected, "{format}");
            if format == Format::Json {
                serde_json::from_str::<serde_json::Value>(&written).unwrap();
            }
        }
    }

    #[test]
    fn numbers_and_booleans_are_written_as_such() {
        check(&Value::Bool(true), "true", "true");
        check(&Value::Bool(false), "false", "false");
        check(
            &Value::I64(i64::MIN),
            "-9223372036854775808",
            "-9223372036854775808",
        );
        check(
            &Value::U64(u64::MAX),
            "18446744073709551615",
            "18446744073709551615",
        );
        check(&Value::F64(1.0), "1.0", "1.0");
        check(&Value::F64(-0.1), "-0.1", "-0.1");
        check(&Value::F64(1e300), "1e300", "1e300");
        check(&Value::F64(5e-324), "5e-324", "5e-324");
    }

    #[test]
    fn an_integer_beyond_64_bits_is_a_string_in_json() {
        check(&Value::U128(1500), "1500", "1500");
        check(&Value::I128(-1500), "-1500", "-1500");
        check(
            &Value::I128(u64::MAX.into()),
            "18446744073709551615",
            "18446744073709551615",
        );
        check(
            &Value::U128(1 << 64),
            r#""18446744073709551616""#,
            "18446744073709551616",
        );
        check(
            &Value::I128(-1 << 64),
            r#""-18446744073709551616""#,
            "-18446744073709551616",
        );
    }

    #[test]
    fn a_float_that_is_no_number_is_null_in_json() {
        check(&Value::F64(f64::NAN), "null", "NaN");
        check(&Value::F64(f64::INFINITY), "null", "inf");
        check(&Value::F64(f64::NEG_INFINITY), "null", "-inf");
    }

    #[test]
    fn strings_are_quoted_and_debug_output_only_in_json() {
        check(&Value::Str("a \"b\"\n"), r#""a \"b\"\n""#, r#""a \"b\"\n""#);
        check(&Value::Debug(&"a b"), r#""\"a b\"""#, r#""a b""#);
        check(&Value::Debug(&format_args!("a\nb")), r#""a\nb""#, r"a\nb");
        check(&Value::Debug(&Some(1)), r#""Some(1)""#, "Some(1)");
    }

    #[test]
    fn an_error_is_followed_by_its_sources() {
        let error = Failure(
            "a",
            Some(Box::new(Failure("b\n", Some(Box::new(Failure("c", None)))))),
        );
        check(&Value::Error(&error), r#""a: b\n: c""#, r#""a: b\n: c""#);
        check(&Value::Error(&Failure("a", None)), r#""a""#, r#""a""#);
    }

    #[test]
    fn an_error_that_is_its_own_source_comes_to_an_end() {
        let chain = vec!["again"; MAX_SOURCES + 1].join(": ");
        check(
            &Value::Error(&OwnCause),
            &format!("{chain:?}"),
            &format!("{chain:?}"),
        );
    }

    #[test]
    fn a_value_that_cannot_be_formatted_leaves_a_whole_line() {
        check(
            &Value::Debug(&Broken::Panics),
            r#""<panicked>""#,
            "<panicked>",
        );
        check(&Value::Debug(&Broken::Errs), r#""half""#, "half");
    }

    #[test]
    fn a_message_is_a_string_in_json_and_bare_in_text() {
        #[track_caller]
        fn check(value: &Value<'_>, json: &str, text: &str) {
            for (format, expected) in [(Format::Json, json), (Format::Text, text)] {
                let mut out = Vec::new();
                value.write_message(&mut out, format);
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{format}");
            }
        }
        check(&Value::Str("a \"b\"\n"), r#""a \"b\"\n""#, r#"a "b"\n"#);
        check(&Value::Debug(&format_args!("a {}", 1)), r#""a 1""#, "a 1");
        check(&Value::U64(5), r#""5""#, "5");
        check(&Value::F64(f64::NAN), r#""NaN""#, "NaN");
    }
}
