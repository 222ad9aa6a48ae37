use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use super::writer::{Writer, print_attributes};

/// Prints each span as one line, with a line below it for every event and link:
///
/// ```text
/// shop: GET /orders/{id} [Server] 1.5ms trace=0af7651916cd43dd8448eb211c80319c span=b7ad6b7169203331 http.response.status_code=200
///     event +1ms cache.miss key="order:7"
/// ```
///
/// The name in front is the `service.name` of the resource. The export fails when the output does, and is counted then;
/// it does not panic.
///
/// ```
/// let exporter = throughline_otlp::console::SpanExporter::new(std::io::stderr());
/// ```
#[derive(Debug)]
pub struct SpanExporter {
    writer: Writer,
    service: String,
}

impl SpanExporter {
    /// Prints to the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Prints to any other output.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            writer: Writer::new(out),
            service: "unknown_service".to_owned(),
        }
    }

    fn print(&self, text: &mut String, span: &SpanData) -> fmt::Result {
        let context = &span.span_context;
        write!(
            text,
            "{}: {} [{:?}] {:?} trace={} span={}",
            self.service,
            span.name.escape_debug(),
            span.span_kind,
            between(span.start_time, span.end_time),
            context.trace_id(),
            context.span_id(),
        )?;
        if span.parent_span_id != SpanId::INVALID {
            write!(text, " parent={}", span.parent_span_id)?;
        }
        match &span.status {
            Status::Unset => {}
            Status::Ok => text.push_str(" ok"),
            Status::Error { description } => write!(text, " error={description:?}")?,
        }
        print_attributes(text, &span.attributes)?;
        text.push('\n');
        print_events(text, span)?;
        print_links(text, span)
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut text = String::new();
        for span in &batch {
            // Writing to a string does not fail.
            let _ = self.print(&mut text, span);
        }
        self.writer.write(&text)
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(Value::String(name)) = resource.get(&Key::from_static_str("service.name")) {
            self.service = name.as_str().escape_debug().to_string();
        }
    }
}

fn print_events(text: &mut String, span: &SpanData) -> fmt::Result {
    for event in &span.events.events {
        let after = between(span.start_time, event.timestamp);
        let name = event.name.escape_debug();
        write!(text, "    event +{after:?} {name}")?;
        print_attributes(text, &event.attributes)?;
        text.push('\n');
    }
    Ok(())
}

fn print_links(text: &mut String, span: &SpanData) -> fmt::Result {
    for link in &span.links.links {
        let (trace, span) = (link.span_context.trace_id(), link.span_context.span_id());
        write!(text, "    link trace={trace} span={span}")?;
        print_attributes(text, &link.attributes)?;
        text.push('\n');
    }
    Ok(())
}

/// Clocks may go backwards; the duration is zero then.
fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}
