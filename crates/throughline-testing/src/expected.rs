//! What an attribute is expected to be, and the difference between two attribute sets.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use opentelemetry::{Array, StringValue, Value};

/// What [`SpanRecord::assert_attributes`](crate::SpanRecord::assert_attributes) expects of one attribute: an exact
/// value, or any value of a type.
///
/// A literal turns into an exact value by `.into()`; the type counts, so `"200".into()` does not equal the integer 200.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expected {
    /// Exactly this value, of this type.
    Exactly(Value),
    /// Any boolean.
    AnyBool,
    /// Any integer, for values that differ from run to run such as `server.port`.
    AnyInt,
    /// Any floating point number.
    AnyFloat,
    /// Any string, the empty one included.
    AnyString,
    /// Any array, of whatever element type.
    AnyArray,
}

impl Expected {
    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Exactly(expected) => expected == value,
            Self::AnyBool => matches!(value, Value::Bool(_)),
            Self::AnyInt => matches!(value, Value::I64(_)),
            Self::AnyFloat => matches!(value, Value::F64(_)),
            Self::AnyString => matches!(value, Value::String(_)),
            Self::AnyArray => matches!(value, Value::Array(_)),
        }
    }
}

impl Display for Expected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(value) => Typed(value).fmt(f),
            Self::AnyBool => f.write_str("<any bool>"),
            Self::AnyInt => f.write_str("<any int>"),
            Self::AnyFloat => f.write_str("<any float>"),
            Self::AnyString => f.write_str("<any string>"),
            Self::AnyArray => f.write_str("<any array>"),
        }
    }
}

impl From<Value> for Expected {
    fn from(value: Value) -> Self {
        Self::Exactly(value)
    }
}

impl From<bool> for Expected {
    fn from(value: bool) -> Self {
        Self::Exactly(value.into())
    }
}

impl From<i64> for Expected {
    fn from(value: i64) -> Self {
        Self::Exactly(value.into())
    }
}

impl From<i32> for Expected {
    fn from(value: i32) -> Self {
        i64::from(value).into()
    }
}

impl From<u16> for Expected {
    fn from(value: u16) -> Self {
        i64::from(value).into()
    }
}

impl From<f64> for Expected {
    fn from(value: f64) -> Self {
        Self::Exactly(value.into())
    }
}

impl From<&str> for Expected {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}

impl From<String> for Expected {
    fn from(value: String) -> Self {
        Self::Exactly(value.into())
    }
}

impl<const N: usize> From<[&str; N]> for Expected {
    fn from(values: [&str; N]) -> Self {
        let strings = values.map(|value| StringValue::from(value.to_owned()));
        Self::Exactly(Value::Array(Array::String(strings.into())))
    }
}

/// Prints a value so that its type can be seen: strings are quoted, floating point numbers have a point.
struct Typed<'a>(&'a Value);

impl Display for Typed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Bool(value) => write!(f, "{value}"),
            Value::I64(value) => write!(f, "{value}"),
            Value::F64(value) => write!(f, "{value:?}"),
            Value::String(value) => write!(f, "{:?}", value.as_str()),
            Value::Array(array) => fmt_array(array, f),
            other => write!(f, "{other:?}"),
        }
    }
}

fn fmt_array(array: &Array, f: &mut Formatter<'_>) -> fmt::Result {
    match array {
        Array::Bool(values) => write!(f, "{values:?}"),
        Array::I64(values) => write!(f, "{values:?}"),
        Array::F64(values) => write!(f, "{values:?}"),
        Array::String(values) => f
            .debug_list()
            .entries(values.iter().map(StringValue::as_str))
            .finish(),
        other => write!(f, "{other:?}"),
    }
}

/// The difference between the expected attributes and the recorded ones, one line each, sorted by key; `None` when
/// there is none.
pub(crate) fn difference(
    expected: &[(&str, Expected)],
    recorded: &BTreeMap<String, Value>,
) -> Option<String> {
    let expected: BTreeMap<&str, &Expected> =
        expected.iter().map(|(key, value)| (*key, value)).collect();
    let mut keys: Vec<&str> = expected
        .keys()
        .copied()
        .chain(recorded.keys().map(String::as_str))
        .collect();
    keys.sort_unstable();
    keys.dedup();

    let mut lines = Vec::new();
    let mut differs = false;
    for key in keys {
        match (expected.get(key), recorded.get(key)) {
            (Some(wanted), Some(value)) if wanted.accepts(value) => {
                lines.push(format!("    {key} = {}", Typed(value)));
            }
            (wanted, value) => {
                differs = true;
                lines.extend(wanted.map(|wanted| format!("  - {key} = {wanted}")));
                lines.extend(value.map(|value| format!("  + {key} = {}", Typed(value))));
            }
        }
    }
    differs.then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &[(&str, Expected)], recorded: &[(&str, Value)], difference: Option<&str>) {
        let recorded = recorded
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        assert_eq!(
            super::difference(expected, &recorded).as_deref(),
            difference
        );
    }

    #[test]
    fn difference_names_what_is_missing_extra_or_of_another_type() {
        check(&[], &[], None);
        check(&[("a", 1.into())], &[("a", Value::I64(1))], None);
        check(&[("a", 1.into())], &[], Some("  - a = 1"));
        check(&[], &[("a", Value::I64(1))], Some("  + a = 1"));
        check(
            &[("a", 1.into())],
            &[("a", "1".into())],
            Some("  - a = 1\n  + a = \"1\""),
        );
        check(
            &[("a", 1.into())],
            &[("a", 1.0.into())],
            Some("  - a = 1\n  + a = 1.0"),
        );
        check(
            &[("b", "x".into()), ("c", true.into())],
            &[("a", Value::I64(2)), ("b", "x".into())],
            Some("  + a = 2\n    b = \"x\"\n  - c = true"),
        );
    }

    #[test]
    fn a_type_accepts_every_value_of_it_and_no_other() {
        let strings = Value::Array(Array::String(vec!["x".into()]));
        let values = [true.into(), Value::I64(1), 1.5.into(), "x".into(), strings];
        let types = [
            Expected::AnyBool,
            Expected::AnyInt,
            Expected::AnyFloat,
            Expected::AnyString,
            Expected::AnyArray,
        ];
        for (i, expected) in types.iter().enumerate() {
            for (j, value) in values.iter().enumerate() {
                assert_eq!(expected.accepts(value), i == j, "{expected} {value}");
            }
        }
        check(
            &[("a", Expected::AnyInt)],
            &[("a", "1".into())],
            Some("  - a = <any int>\n  + a = \"1\""),
        );
    }

    #[test]
    fn arrays_are_compared_and_printed_with_their_element_type() {
        let strings = Value::Array(Array::String(vec!["x".into(), "y".into()]));
        check(&[("a", ["x", "y"].into())], &[("a", strings.clone())], None);
        check(
            &[("a", ["x"].into())],
            &[("a", strings)],
            Some("  - a = [\"x\"]\n  + a = [\"x\", \"y\"]"),
        );
    }
}
