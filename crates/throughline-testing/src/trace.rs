//! One trace as a tree.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use opentelemetry::trace::{Status, TraceId};

use crate::SpanRecord;
use crate::outline::{self, Node};

/// The spans of one trace as a tree.
///
/// A root is a span whose parent is not among them: usually one, but several when a trace is seen
/// in part. Siblings stand in the order in which they started.
///
/// It prints as a tree, with the service (when known), kind, name, error, duration and the status
/// code of HTTP or RPC:
///
/// ```text
/// trace 4bf92f3577b34da6a3ce929d0e0e4736: 4 spans, 120.0ms
/// └─ gateway: SERVER POST /checkout [error 502]  120.0ms  http 502
///    ├─ gateway: CLIENT POST  90.5ms  http 200
///    │  └─ orders: SERVER POST /orders  80.0ms  http 200
///    └─ gateway: INTERNAL render [error timeout]  5.0ms  "took too long"
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    id: TraceId,
    spans: Vec<SpanRecord>,
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl Trace {
    /// Sorts spans into traces, those into the order in which they started.
    pub(crate) fn group(spans: Vec<SpanRecord>) -> Vec<Self> {
        let mut by_id: HashMap<TraceId, Vec<SpanRecord>> = HashMap::new();
        for span in spans {
            by_id.entry(span.trace_id).or_default().push(span);
        }
        let mut traces: Vec<Self> = by_id
            .into_iter()
            .map(|(id, spans)| Self::new(id, spans))
            .collect();
        traces.sort_by_key(|trace| (trace.spans[0].start, trace.id.to_bytes()));
        traces
    }

    /// The caller has at least one span.
    fn new(id: TraceId, mut spans: Vec<SpanRecord>) -> Self {
        spans.sort_by_key(|span| span.start);
        let mut roots = Vec::new();
        let mut children = vec![Vec::new(); spans.len()];
        for (index, parent) in parents(&spans).into_iter().enumerate() {
            match parent {
                Some(parent) => children[parent].push(index),
                None => roots.push(index),
            }
        }
        Self {
            id,
            spans,
            roots,
            children,
        }
    }

    /// The trace id.
    #[must_use]
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// All spans, in the order in which they started.
    #[must_use]
    pub fn spans(&self) -> &[SpanRecord] {
        &self.spans
    }

    /// The spans whose parent is not among the spans.
    #[must_use]
    pub fn roots(&self) -> Vec<&SpanRecord> {
        self.select(&self.roots)
    }

    /// The spans that were started directly under a span; none when it is not of this trace.
    #[must_use]
    pub fn children(&self, span: &SpanRecord) -> Vec<&SpanRecord> {
        let same = |candidate: &SpanRecord| candidate.span_id == span.span_id;
        let index = self.spans.iter().position(same);
        index.map_or_else(Vec::new, |index| self.select(&self.children[index]))
    }

    /// The span with this name.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one. The message shows the tree.
    #[must_use]
    #[track_caller]
    pub fn find(&self, name: &str) -> &SpanRecord {
        let named: Vec<_> = self.spans.iter().filter(|span| span.name == name).collect();
        match named[..] {
            [span] => span,
            [] => panic!("no span is named {name:?}:\n{self}"),
            _ => panic!("{} spans are named {name:?}:\n{self}", named.len()),
        }
    }

    /// Asserts that the trace consists of exactly these spans, nested like this.
    ///
    /// The outline has one line for each span, indented below its parent:
    ///
    /// ```text
    /// SERVER POST /checkout
    ///   CLIENT POST
    ///     orders: SERVER POST /orders [error 502]
    ///   INTERNAL render
    /// ```
    ///
    /// A line is `[service: ]KIND name[ mark]`:
    ///
    /// - *service*: the resource's `service.name`. A line without it accepts any service.
    /// - *KIND*: `SERVER`, `CLIENT`, `PRODUCER`, `CONSUMER` or `INTERNAL`.
    /// - *mark*: `[error 502]` for a span whose status is an error and whose `error.type` is `502`,
    ///   `[error]` for an error without `error.type`, `[ok]` for a status that was set to ok.
    ///   A line without a mark stands for a span that is none of this. A span with `error.type`
    ///   whose status is not an error has the mark `[error.type 502]`.
    ///
    /// Any deeper indentation makes a child; blank lines and the indentation that all lines share
    /// do not count. The order of siblings does not count either, since those that run at the same
    /// time start in any order.
    ///
    /// # Panics
    ///
    /// When the tree differs. The message is the outline with `-` before the lines that are not
    /// there and `+` before those that were not expected, followed by the whole tree. Also when the
    /// outline itself is wrong.
    #[track_caller]
    pub fn assert_tree(&self, expected: &str) {
        if let Err(message) = self.check_tree(expected) {
            panic!("{message}");
        }
    }

    /// What [`assert_tree`](Self::assert_tree) asserts, for programs that go on.
    ///
    /// # Errors
    ///
    /// The message that `assert_tree` panics with.
    pub fn check_tree(&self, expected: &str) -> Result<(), String> {
        let expected = outline::parse(expected)
            .map_err(|error| format!("the expected tree is wrong: {error}"))?;
        match outline::difference(&expected, &self.outline(&self.roots)) {
            None => Ok(()),
            Some(difference) => Err(format!(
                "the trace differs from the expected tree (- expected, + recorded):\n{difference}\n\n{self}"
            )),
        }
    }

    /// Several traces, for messages.
    pub(crate) fn print_all(traces: &[Self]) -> String {
        let traces: Vec<_> = traces.iter().map(Self::to_string).collect();
        traces.join("\n")
    }

    fn select(&self, indexes: &[usize]) -> Vec<&SpanRecord> {
        indexes.iter().map(|index| &self.spans[*index]).collect()
    }

    fn outline(&self, indexes: &[usize]) -> Vec<Node> {
        let node = |index: &usize| Node {
            service: self.spans[*index].service.clone(),
            label: outline::label(&self.spans[*index]),
            children: self.outline(&self.children[*index]),
        };
        indexes.iter().map(node).collect()
    }

    fn duration(&self) -> Duration {
        let start = self.spans.iter().map(|span| span.start).min();
        let end = self.spans.iter().map(|span| span.end).max();
        start
            .zip(end)
            .and_then(|(start, end)| end.duration_since(start).ok())
            .unwrap_or_default()
    }

    fn fmt_below(
        &self,
        indexes: &[usize],
        indentation: &str,
        f: &mut Formatter<'_>,
    ) -> fmt::Result {
        for (position, index) in indexes.iter().enumerate() {
            let is_last = position + 1 == indexes.len();
            let (branch, below) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            write!(f, "\n{indentation}{branch}")?;
            self.fmt_span(&self.spans[*index], f)?;
            self.fmt_below(&self.children[*index], &format!("{indentation}{below}"), f)?;
        }
        Ok(())
    }

    fn fmt_span(&self, span: &SpanRecord, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(service) = &span.service {
            write!(f, "{service}: ")?;
        }
        write!(f, "{}  {:.1?}", outline::label(span), span.duration())?;
        if let Some(status) = span.attribute("http.response.status_code") {
            write!(f, "  http {status}")?;
        }
        if let Some(status) = span.attribute("rpc.response.status_code") {
            write!(f, "  rpc {status}")?;
        }
        match &span.status {
            Status::Error { description } if !description.is_empty() => {
                write!(f, "  {description:?}")?;
            }
            _ => {}
        }
        if let Some(parent) = span.parent_span_id
            && !self.spans.iter().any(|span| span.span_id == parent)
        {
            let remote = if span.parent_is_remote { "remote " } else { "" };
            write!(f, "  (its {remote}parent {parent} is not here)")?;
        }
        Ok(())
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let spans = match self.spans.len() {
            1 => "1 span".to_owned(),
            count => format!("{count} spans"),
        };
        write!(f, "trace {}: {spans}, {:.1?}", self.id, self.duration())?;
        self.fmt_below(&self.roots, "", f)
    }
}

/// The index of each span's parent. What arrives over a network may hold an id twice or go in a
/// circle; the first span of an id counts as the parent, and a circle is cut.
fn parents(spans: &[SpanRecord]) -> Vec<Option<usize>> {
    let mut by_id = HashMap::new();
    for (index, span) in spans.iter().enumerate() {
        by_id.entry(span.span_id).or_insert(index);
    }
    let parent = |span: &SpanRecord| by_id.get(&span.parent_span_id?).copied();
    let mut parents: Vec<Option<usize>> = spans.iter().map(parent).collect();
    for index in 0..parents.len() {
        if is_own_ancestor(index, &parents) {
            parents[index] = None;
        }
    }
    parents
}

fn is_own_ancestor(index: usize, parents: &[Option<usize>]) -> bool {
    let ancestors = std::iter::successors(parents[index], |ancestor| parents[*ancestor]);
    ancestors
        .take(parents.len())
        .any(|ancestor| ancestor == index)
}
