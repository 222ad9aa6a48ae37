use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use super::forest::Forest;
use super::writer::{Writer, print_attributes};
use crate::n_plus_one;

/// How many bytes a line is indented at most: without a limit, a deep tree would print the square of its depth.
const WIDEST: usize = 200;

/// Prints the spans of each trace as a tree, with a line below a span for each of its events and links:
///
/// ```text
/// trace 0af7651916cd43dd8448eb211c80319c shop
/// └─ GET /orders/{id} [Server] 12.5ms span=b7ad6b7169203331 parent=00f067aa0ba902b7 http.response.status_code=200
///    │  event +1.0ms cache.miss key="order:7"
///    ├─ load order [Internal] 8.0ms at +1.2ms span=53995c3f42cd8ad8
///    │  └─ GET [Client] 7.5ms at +1.5ms span=eee19b7ec3c1b174 error="timed out" server.address="stock"
///    └─ render [Internal] 300.0µs at +11.0ms span=e457b5a2e4d86bd1
/// ```
///
/// After the trace's id stands the `service.name` of the resource. What follows a `+` is the time since the first root of
/// the trace began. Siblings stand in the order in which they began.
///
/// A span with `parent=` has a parent that is not above it: it is in another process, or has not ended yet, or the tree
/// is too deep to be indented further. Nothing is held back to wait for a parent: what is exported together is printed
/// together, which is all of a request unless the batch was full or its delay over in between.
///
/// A query that was [repeated](crate::SpanPipelineBuilder::n_plus_one) under a span stands below it with `⚠ N+1` in the place
/// of `event`.
///
/// The export fails when the output does, and is counted then; it does not panic.
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
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let forest = Forest::of(&batch);
        let mut text = String::new();
        for roots in &forest.traces {
            // Writing to a string does not fail.
            let _ = print_trace(&mut text, &self.service, &forest, roots);
        }
        self.writer.write(&text)
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(Value::String(name)) = resource.get(&Key::from_static_str("service.name")) {
            self.service = name.as_str().escape_debug().to_string();
        }
    }
}

/// A span that is still to be printed.
struct Step {
    span: usize,
    is_last: bool,
    /// How much of the indentation is above it.
    indentation: usize,
    /// Whether its parent is not seen above it.
    is_apart: bool,
}

/// Without recursion, since nobody bounds the depth.
fn print_trace(
    text: &mut String,
    service: &str,
    forest: &Forest<'_>,
    roots: &[usize],
) -> fmt::Result {
    let first = forest.spans[roots[0]];
    let trace = first.span_context.trace_id();
    writeln!(text, "trace {trace} {service}")?;
    let mut indentation = String::new();
    let mut steps = Vec::new();
    push(&mut steps, roots, 0, true);
    while let Some(step) = steps.pop() {
        let (span, children) = (forest.spans[step.span], &forest.children[step.span]);
        indentation.truncate(step.indentation);
        let (branch, below) = if step.is_last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        write!(text, "{indentation}{branch}")?;
        print_span(text, span, first.start_time, step.is_apart)?;

        indentation.push_str(below);
        let fits = indentation.len() <= WIDEST;
        let inner = if fits {
            indentation.len()
        } else {
            step.indentation
        };
        push(&mut steps, children, inner, !fits);
        let has_branch = fits && !children.is_empty();
        indentation.push_str(if has_branch { "│  " } else { "   " });
        print_events(text, &indentation, span, first.start_time)?;
        print_links(text, &indentation, span)?;
    }
    Ok(())
}

/// The next one to be printed is the last in the list.
fn push(steps: &mut Vec<Step>, spans: &[usize], indentation: usize, is_apart: bool) {
    let reversed = spans.iter().rev().enumerate();
    steps.extend(reversed.map(|(later, span)| Step {
        span: *span,
        is_last: later == 0,
        indentation,
        is_apart,
    }));
}

fn print_span(text: &mut String, span: &SpanData, zero: SystemTime, is_apart: bool) -> fmt::Result {
    let name = span.name.escape_debug();
    let duration = between(span.start_time, span.end_time);
    write!(text, "{name} [{:?}] {duration:.1?}", span.span_kind)?;
    let offset = between(zero, span.start_time);
    if !offset.is_zero() {
        write!(text, " at +{offset:.1?}")?;
    }
    write!(text, " span={}", span.span_context.span_id())?;
    if is_apart && span.parent_span_id != SpanId::INVALID {
        write!(text, " parent={}", span.parent_span_id)?;
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => text.push_str(" ok"),
        Status::Error { description } if description.is_empty() => text.push_str(" error"),
        Status::Error { description } => write!(text, " error={description:?}")?,
    }
    print_attributes(text, &span.attributes)?;
    text.write_char('\n')
}

fn print_events(
    text: &mut String,
    indentation: &str,
    span: &SpanData,
    zero: SystemTime,
) -> fmt::Result {
    for event in &span.events.events {
        let offset = between(zero, event.timestamp);
        let name = event.name.escape_debug();
        let what = if event.name == n_plus_one::EVENT {
            "⚠ N+1"
        } else {
            "event"
        };
        write!(text, "{indentation}{what} +{offset:.1?} {name}")?;
        print_attributes(text, &event.attributes)?;
        text.write_char('\n')?;
    }
    Ok(())
}

fn print_links(text: &mut String, indentation: &str, span: &SpanData) -> fmt::Result {
    for link in &span.links.links {
        let (trace, span) = (link.span_context.trace_id(), link.span_context.span_id());
        write!(text, "{indentation}link trace={trace} span={span}")?;
        print_attributes(text, &link.attributes)?;
        text.write_char('\n')?;
    }
    Ok(())
}

/// Clocks may go backwards; the duration is zero then.
fn between(start: SystemTime, end: SystemTime) -> Duration {
    end.duration_since(start).unwrap_or_default()
}
