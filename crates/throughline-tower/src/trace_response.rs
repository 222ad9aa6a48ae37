//! The trace's id in the response.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Which headers tell the caller the span.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TraceResponse {
    pub(crate) traceresponse: bool,
    pub(crate) server_timing: bool,
}

impl TraceResponse {
    /// Writes the span of `context`, where it is one of ours: that of the caller is no news to it.
    pub(crate) fn write(self, context: &Context, headers: &mut HeaderMap) {
        if !self.traceresponse && !self.server_timing {
            return;
        }
        let span = context.span();
        let span = span.span_context();
        if !span.is_valid() || span.is_remote() {
            return;
        }
        let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
        let value = format!("00-{trace}-{id}-{flags:02x}");
        if self.server_timing
            && let Ok(value) = HeaderValue::try_from(format!("traceparent;desc=\"{value}\""))
        {
            headers.append(SERVER_TIMING, value);
        }
        if self.traceresponse
            && let Ok(value) = HeaderValue::try_from(value)
        {
            headers.insert(TRACERESPONSE, value);
        }
    }
}
