//! From the attributes of OTLP to those of the API.

use std::collections::BTreeMap;

use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue as Any, ArrayValue, KeyValue as ProtoKeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::span::by_key;

pub(super) fn resource_attributes(resource: Option<&Resource>) -> BTreeMap<String, Value> {
    resource.map_or_else(BTreeMap::new, |resource| attributes(&resource.attributes))
}

pub(super) fn service(resource: &BTreeMap<String, Value>) -> Option<String> {
    resource.get("service.name").map(Value::to_string)
}

pub(super) fn attributes(attributes: &[ProtoKeyValue]) -> BTreeMap<String, Value> {
    by_key(attributes.iter().map(key_value)).0
}

pub(super) fn key_value(attribute: &ProtoKeyValue) -> KeyValue {
    // A missing value has no counterpart in the API, and becomes what JSON calls it.
    let value = value(attribute.value.as_ref()).unwrap_or_else(|| "null".into());
    KeyValue::new(attribute.key.clone(), value)
}

/// Bytes, maps and mixed arrays have no counterpart in the API. They become a string with their
/// OTLP/JSON form, which no assertion takes for something else.
pub(super) fn value(any: Option<&Any>) -> Option<Value> {
    let any = any?;
    let value = typed(any.value.as_ref()?).unwrap_or_else(|| {
        let json = serde_json::to_string(any);
        json.unwrap_or_else(|error| error.to_string()).into()
    });
    Some(value)
}

fn typed(value: &AnyValue) -> Option<Value> {
    match value {
        AnyValue::StringValue(value) => Some(value.clone().into()),
        AnyValue::BoolValue(value) => Some((*value).into()),
        AnyValue::IntValue(value) => Some((*value).into()),
        AnyValue::DoubleValue(value) => Some((*value).into()),
        AnyValue::ArrayValue(array) => array_of_one_type(array).map(Value::Array),
        _ => None,
    }
}

/// The API knows only arrays of one type. An empty one counts as an array of strings.
fn array_of_one_type(array: &ArrayValue) -> Option<Array> {
    let strings = all(array, |value| match value {
        AnyValue::StringValue(value) => Some(value.clone().into()),
        _ => None,
    });
    let bools = all(array, |value| match value {
        AnyValue::BoolValue(value) => Some(*value),
        _ => None,
    });
    let ints = all(array, |value| match value {
        AnyValue::IntValue(value) => Some(*value),
        _ => None,
    });
    let floats = all(array, |value| match value {
        AnyValue::DoubleValue(value) => Some(*value),
        _ => None,
    });
    strings
        .map(Array::String)
        .or(bools.map(Array::Bool))
        .or(ints.map(Array::I64))
        .or(floats.map(Array::F64))
}

fn all<T>(array: &ArrayValue, pick: fn(&AnyValue) -> Option<T>) -> Option<Vec<T>> {
    let values = array.values.iter();
    values.map(|any| pick(any.value.as_ref()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: Vec<AnyValue>) -> AnyValue {
        let any = |value| Any { value: Some(value) };
        let values = values.into_iter().map(any).collect();
        AnyValue::ArrayValue(ArrayValue { values })
    }

    fn check(value: Option<AnyValue>, expected: impl Into<Value>) {
        let attribute = ProtoKeyValue {
            key: "key".to_owned(),
            value: value.map(|value| Any { value: Some(value) }),
            ..Default::default()
        };
        assert_eq!(key_value(&attribute), KeyValue::new("key", expected));
    }

    #[test]
    fn values_keep_their_type() {
        use AnyValue::{BoolValue, DoubleValue, IntValue, StringValue};
        check(Some(StringValue("1".to_owned())), "1");
        check(Some(BoolValue(true)), true);
        check(Some(IntValue(1)), 1);
        check(Some(DoubleValue(1.0)), 1.0);
        let strings = Array::String(vec!["a".into(), "b".into()]);
        let texts = ["a", "b"].map(|text| StringValue(text.to_owned()));
        check(Some(array(texts.into())), Value::Array(strings));
        let bools = Array::Bool(vec![true, false]);
        let values = vec![BoolValue(true), BoolValue(false)];
        check(Some(array(values)), Value::Array(bools));
        let ints = Array::I64(vec![1, 2]);
        let values = vec![IntValue(1), IntValue(2)];
        check(Some(array(values)), Value::Array(ints));
        let floats = Array::F64(vec![0.5]);
        check(Some(array(vec![DoubleValue(0.5)])), Value::Array(floats));
    }

    #[test]
    fn values_without_counterpart_become_their_json() {
        check(
            Some(AnyValue::BytesValue(vec![0, 255])),
            r#"{"bytesValue":"AP8="}"#,
        );
        check(
            Some(array(vec![
                AnyValue::IntValue(1),
                AnyValue::BoolValue(true),
            ])),
            r#"{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true}]}}"#,
        );
        check(None, "null");
    }
}
