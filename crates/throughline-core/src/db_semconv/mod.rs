//! The database rules of the OpenTelemetry semantic conventions 1.44.
//!
//! <https://opentelemetry.io/docs/specs/semconv/db/>

pub mod sql;
