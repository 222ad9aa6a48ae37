//! N+1 queries in a trace: the same query for each row of another one, where one could have asked for all rows.

use std::collections::HashMap;
use std::time::SystemTime;

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind};

use crate::{SpanRecord, Trace};

/// So many of a kind are too many. The pipeline of `throughline-otlp` has the same default.
const TOO_MANY: usize = 5;

/// What is asked again and again by design: caches.
const NOT_COUNTED: [&str; 3] = ["redis", "valkey", "memcached"];

/// What stands around queries and is none.
const TRANSACTION: [&str; 7] = [
    "BEGIN",
    "COMMIT",
    "END",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
];

impl Trace {
    /// Asserts that under no span the same query ran five times or more, one after the other, whatever time it took.
    ///
    /// A query is a CLIENT span with a local parent and `db.query.text`, else `db.query.summary`; but not one of a cache
    /// (`db.system.name` is `redis`, `valkey` or `memcached`), or one that begins or ends a transaction. What ran concurrently
    /// does not count, and texts that differ in their literals are different queries. The pipeline of `throughline-otlp` finds
    /// the same in production.
    ///
    /// ```should_panic
    /// use throughline_testing::InMemory;
    /// use throughline_testing::opentelemetry::KeyValue;
    /// use throughline_testing::opentelemetry::trace::{SpanKind, Tracer, TracerProvider};
    ///
    /// let memory = InMemory::new();
    /// let tracer = memory.tracer_provider().tracer("shop");
    /// tracer.in_span("GET /orders", |_| {
    ///     for _order in 0..5 {
    ///         let query = tracer.span_builder("SELECT items").with_kind(SpanKind::Client);
    ///         let text = KeyValue::new("db.query.text", "SELECT name FROM items WHERE order_id = $1");
    ///         query.with_attributes([text]).start(&tracer);
    ///     }
    /// });
    /// memory.trace().assert_no_n_plus_one();
    /// ```
    ///
    /// # Panics
    ///
    /// When one did. The message names each parent, query and count, followed by the whole tree.
    #[track_caller]
    pub fn assert_no_n_plus_one(&self) {
        if let Err(message) = self.check_no_n_plus_one() {
            panic!("{message}");
        }
    }

    /// What [`assert_no_n_plus_one`](Self::assert_no_n_plus_one) asserts, for programs that go on.
    ///
    /// # Errors
    ///
    /// The message that `assert_no_n_plus_one` panics with.
    pub fn check_no_n_plus_one(&self) -> Result<(), String> {
        let mut kinds: HashMap<(SpanId, &str), Vec<&SpanRecord>> = HashMap::new();
        for span in self.spans() {
            if let Some((parent, query)) = query(span) {
                kinds.entry((parent, query)).or_default().push(span);
            }
        }
        let mut found = Vec::new();
        for ((parent, query), mut queries) in kinds {
            let count = one_after_the_other(&mut queries);
            let parent = self.spans().iter().find(|span| span.span_id == parent);
            if count >= TOO_MANY
                && let Some(SpanRecord { name, .. }) = parent
            {
                found.push(format!(
                    "{name:?} ran the same query {count} times, one after the other (N+1): {query}"
                ));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        // A map has no order.
        found.sort();
        Err(format!("{}\n\n{self}", found.join("\n")))
    }
}

/// The span that a query ran under, and what tells it from other queries.
fn query(span: &SpanRecord) -> Option<(SpanId, &str)> {
    let text = |key: &str| match span.attribute(key) {
        Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let query = text("db.query.text").or_else(|| text("db.query.summary"))?;
    let mut words = query.split(|c: char| !c.is_ascii_alphabetic());
    let first = words.find(|word| !word.is_empty()).unwrap_or_default();
    let is_transaction = TRANSACTION.iter().any(|it| first.eq_ignore_ascii_case(it));
    let is_of_cache = text("db.system.name").is_some_and(|it| NOT_COUNTED.contains(&it));
    let is_counted = span.kind == SpanKind::Client && !span.parent_is_remote;
    let parent = span.parent_span_id?;
    (is_counted && !is_transaction && !is_of_cache).then_some((parent, query))
}

/// How many began after all that ended earlier had ended.
fn one_after_the_other(queries: &mut [&SpanRecord]) -> usize {
    queries.sort_by_key(|span| (span.end, span.start));
    let mut last = SystemTime::UNIX_EPOCH;
    let mut count = 0;
    for span in queries {
        count += usize::from(span.start >= last);
        last = last.max(span.end);
    }
    count
}
