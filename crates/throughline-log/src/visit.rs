use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

use crate::value::Value;

/// Hands each field over as its name and its value, whatever its type.
pub(crate) struct Each<F>(pub(crate) F);

impl<F: FnMut(&'static str, &Value<'_>)> Visit for Each<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0(field.name(), &Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0(field.name(), &Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0(field.name(), &Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0(field.name(), &Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0(field.name(), &Value::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0(field.name(), &Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0(field.name(), &Value::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0(field.name(), &Value::Error(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0(field.name(), &Value::Debug(value));
    }
}
