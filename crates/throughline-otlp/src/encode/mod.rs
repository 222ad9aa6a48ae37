//! Finished spans as OTLP protobuf, written straight from the SDK's `SpanData` on the thread that ends the span.
//!
//! [`span`] and [`scope`] write the fields of a `ScopeSpans`, [`resource`] those of a `ResourceSpans`, and [`request`]
//! puts them together to the body of an `ExportTraceServiceRequest` (OTLP 1.x, `trace/v1/trace.proto`). No messages are
//! built in between, and a span in a buffer that is large enough allocates nothing, unless it has a list of more than 32
//! attributes.
//!
//! A span is encoded to the same bytes as by any encoder that keeps to the order of field numbers and leaves out
//! defaults. What is written differs from the `From<SpanData>` of `opentelemetry-proto` thus:
//!
//! - Of attributes with the same key the last is kept, in its place (OpenTelemetry specification, Common, "Attribute
//!   Collections"); the SDK keeps them all.
//! - Values are cut as [`Limits`] says.
//! - A status that is not set is left out, instead of an empty message.
//! - A time after the year 2554 becomes the last one that can be written, instead of wrapping round.
//! - A kind of value that is not known here becomes an empty value, instead of a panic: that the attribute was there is
//!   worth more than nothing.

mod attributes;
mod batch;
mod limits;
mod request;
mod span;
mod value;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::batch::EncodedBatch;
pub(crate) use self::limits::Limits;
pub(crate) use self::request::{ScopeSpans, request, resource, scope};
pub(crate) use self::span::{nanos, span};
pub(crate) use self::value::cut;
