//! From spans that end to what is found.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry::trace::Event;
use opentelemetry_sdk::trace::SpanData;

use super::query::Query;
use super::table::{Asked, Kind, Table};
use super::{EVENT, NPlusOne};
use crate::encode::nanos;
use crate::redact::printable;

/// Looks at each span that ends.
#[derive(Debug)]
pub(crate) struct Detector {
    min_queries: u64,
    min_time: u64,
    /// Nobody outside knows the keys, so nobody makes two queries look like one.
    keys: RandomState,
    table: Table,
}

impl Detector {
    pub(crate) fn new(settings: NPlusOne) -> Self {
        Self {
            min_queries: settings.min_queries.max(2) as u64,
            min_time: u64::try_from(settings.min_time.as_nanos()).unwrap_or(u64::MAX),
            keys: RandomState::new(),
            table: Table::new(),
        }
    }

    /// Counts a query; gives a span an event for each kind of query that it has repeated. Returns what was found, in words.
    pub(crate) fn ended(&self, span: &mut SpanData) -> Vec<String> {
        if let Some(query) = Query::of(span) {
            self.count(span, query);
        }
        let id = (span.span_context.trace_id(), span.span_context.span_id());
        if !self.table.may_know(id) {
            return Vec::new();
        }
        let found = self.table.close(id, nanos(span.end_time)).into_iter();
        found.filter_map(|kind| tell(span, kind)).collect()
    }

    fn count(&self, span: &SpanData, query: Query<'_>) {
        let parent = (span.span_context.trace_id(), span.parent_span_id);
        let asked = Asked {
            start: nanos(span.start_time),
            end: nanos(span.end_time),
        };
        let is_found = |kind: &Kind| kind.count >= self.min_queries && kind.time >= self.min_time;
        let hash = self.hash(query.identity());
        self.table.count(parent, hash, asked, |kind| {
            is_found(kind).then(|| query.named()).flatten()
        });
    }

    /// Long texts that begin alike are told apart by their length.
    fn hash(&self, identity: &str) -> u64 {
        const MOST: usize = 4096;
        let bytes = identity.as_bytes();
        let mut hasher = self.keys.build_hasher();
        hasher.write(&bytes[..bytes.len().min(MOST)]);
        hasher.write_usize(bytes.len());
        hasher.finish()
    }
}

/// The event stands where the last of the queries ended.
#[cold]
fn tell(span: &mut SpanData, kind: Kind) -> Option<String> {
    let named = kind.named?;
    let time = Duration::from_nanos(kind.time);
    let (query, count, name) = (named.shown(), kind.count, &span.name);
    let found = printable(&format!(
        "{query}: {count} times in {time:.1?} under {name}"
    ));
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut attributes = vec![
        KeyValue::new("throughline.n_plus_one.count", count),
        KeyValue::new("throughline.n_plus_one.duration", time.as_secs_f64()),
    ];
    attributes.extend(named.attributes());
    let when = UNIX_EPOCH + Duration::from_nanos(kind.end);
    let event = Event::new(EVENT, when, attributes, 0);
    span.events.events.push(event);
    Some(found)
}
