//! The parts of a line and their order.

use std::time::SystemTime;

use tracing_core::{Level, Metadata};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::Format;
use crate::escape::{escape, quote};
use crate::fields::{Fields, SpanFields};
use crate::ids::Ids;
use crate::timestamp::push_timestamp;

/// What stands before, between and after the three ids.
type Around = [&'static [u8]; 4];

const IDS_IN_JSON: Around = [
    b",\"trace_id\":\"",
    b"\",\"span_id\":\"",
    b"\",\"trace_flags\":\"",
    b"\"",
];
const IDS_IN_TEXT: Around = [b" trace_id=", b" span_id=", b" trace_flags=", b""];

/// Begins a line with what comes before the message.
pub(crate) fn begin(out: &mut Vec<u8>, format: Format, metadata: &Metadata<'_>, ids: Option<&Ids>) {
    let now = SystemTime::now();
    match format {
        Format::Json => {
            out.extend_from_slice(b"{\"timestamp\":\"");
            push_timestamp(out, now);
            out.extend_from_slice(b"\",\"level\":\"");
            out.extend_from_slice(metadata.level().as_str().as_bytes());
            out.push(b'"');
            push_ids(out, ids, IDS_IN_JSON);
            out.extend_from_slice(b",\"target\":");
            quote(out, metadata.target());
        }
        Format::Text => {
            push_timestamp(out, now);
            out.extend_from_slice(padded(*metadata.level()));
            escape(out, metadata.target(), false);
            out.push(b':');
        }
    }
}

/// Ends a line with what comes after the message. `scope` is from the innermost span outwards.
pub(crate) fn finish<'a, R: LookupSpan<'a>>(
    out: &mut Vec<u8>,
    format: Format,
    fields: &Fields,
    scope: Option<Scope<'a, R>>,
    ids: Option<&Ids>,
) {
    match format {
        Format::Json => {
            push_json_fields(out, fields);
            push_json_spans(out, scope);
            out.extend_from_slice(b"}\n");
        }
        Format::Text => {
            push_text_fields(out, fields, [b" ", b""]);
            push_text_spans(out, scope);
            push_ids(out, ids, IDS_IN_TEXT);
            out.push(b'\n');
        }
    }
}

fn padded(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b" ERROR ",
        Level::WARN => b"  WARN ",
        Level::INFO => b"  INFO ",
        Level::DEBUG => b" DEBUG ",
        Level::TRACE => b" TRACE ",
    }
}

fn push_ids(out: &mut Vec<u8>, ids: Option<&Ids>, around: Around) {
    let Some(ids) = ids else { return };
    let [trace_id, span_id, trace_flags, end] = around;
    out.extend_from_slice(trace_id);
    out.extend_from_slice(ids.trace_id_in_hex().as_flattened());
    out.extend_from_slice(span_id);
    out.extend_from_slice(ids.span_id_in_hex().as_flattened());
    out.extend_from_slice(trace_flags);
    out.extend_from_slice(&ids.trace_flags_in_hex());
    out.extend_from_slice(end);
}

fn push_json_fields(out: &mut Vec<u8>, fields: &Fields) {
    if !fields.is_empty() {
        out.extend_from_slice(b",\"fields\":{");
        out.extend_from_slice(fields.as_bytes());
        out.push(b'}');
    }
}

fn push_json_spans<'a, R: LookupSpan<'a>>(out: &mut Vec<u8>, scope: Option<Scope<'a, R>>) {
    let Some(scope) = scope else { return };
    out.extend_from_slice(b",\"spans\":[");
    for (at, span) in scope.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"name\":");
        quote(out, span.name());
        if let Some(fields) = span.extensions().get::<SpanFields>() {
            push_json_fields(out, fields.of(Format::Json));
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn push_text_spans<'a, R: LookupSpan<'a>>(out: &mut Vec<u8>, scope: Option<Scope<'a, R>>) {
    for span in scope.into_iter().flatten() {
        out.extend_from_slice(b" in ");
        escape(out, span.name(), false);
        if let Some(fields) = span.extensions().get::<SpanFields>() {
            push_text_fields(out, fields.of(Format::Text), [b"{", b"}"]);
        }
    }
}

fn push_text_fields(out: &mut Vec<u8>, fields: &Fields, [before, after]: [&[u8]; 2]) {
    if !fields.is_empty() {
        out.extend_from_slice(before);
        out.extend_from_slice(fields.as_bytes());
        out.extend_from_slice(after);
    }
}
