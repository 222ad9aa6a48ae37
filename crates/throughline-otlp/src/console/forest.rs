//! Which span stands below which.

use std::collections::HashMap;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

/// The spans of a batch as trees: each span once, and in every list those that started earlier first.
pub(super) struct Forest<'a> {
    pub(super) spans: Vec<&'a SpanData>,
    /// The roots of each trace, one at least: the spans whose parent is not here.
    pub(super) traces: Vec<Vec<usize>>,
    /// The spans below each span.
    pub(super) children: Vec<Vec<usize>>,
}

impl<'a> Forest<'a> {
    pub(super) fn of(batch: &'a [SpanData]) -> Self {
        let mut spans: Vec<_> = batch.iter().collect();
        spans.sort_by_key(|span| span.start_time);
        let mut traces: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<TraceId, usize> = HashMap::new();
        let mut children = vec![Vec::new(); spans.len()];
        for (index, parent) in parents(&spans).into_iter().enumerate() {
            if let Some(parent) = parent {
                children[parent].push(index);
                continue;
            }
            let trace = known
                .entry(spans[index].span_context.trace_id())
                .or_insert(traces.len());
            match traces.get_mut(*trace) {
                Some(roots) => roots.push(index),
                None => traces.push(vec![index]),
            }
        }
        Self {
            spans,
            traces,
            children,
        }
    }
}

/// The index of each span's parent. Nothing keeps an exporter's caller from ids that are there twice or go in a circle:
/// the first span of an id is the parent, and a circle is cut.
fn parents(spans: &[&SpanData]) -> Vec<Option<usize>> {
    let mut by_id: HashMap<(TraceId, SpanId), usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        let context = &span.span_context;
        let id = (context.trace_id(), context.span_id());
        by_id.entry(id).or_insert(index);
    }
    let parent = |span: &&SpanData| {
        let id = (span.span_context.trace_id(), span.parent_span_id);
        let is_set = span.parent_span_id != SpanId::INVALID;
        by_id.get(&id).copied().filter(|_| is_set)
    };
    let mut parents: Vec<_> = spans.iter().map(parent).collect();
    cut_circles(&mut parents);
    parents
}

/// Goes up from every span, the earliest first, until there is no parent or one that was visited. One that this very way
/// has visited closes a circle, and becomes a root. Every span is visited once.
fn cut_circles(parents: &mut [Option<usize>]) {
    let mut visited_from = vec![None; parents.len()];
    for start in 0..parents.len() {
        let mut span = start;
        while visited_from[span].is_none() {
            visited_from[span] = Some(start);
            let Some(parent) = parents[span] else { break };
            if visited_from[parent] == Some(start) {
                parents[parent] = None;
                break;
            }
            span = parent;
        }
    }
}
