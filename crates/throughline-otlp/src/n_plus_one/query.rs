//! Which spans are queries, and what tells one from another.

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry::{KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::encode::cut;

/// What is asked again and again by design: caches.
const NOT_COUNTED: [&str; 3] = ["redis", "valkey", "memcached"];

/// What stands around queries and is none. Each transaction has its own.
const TRANSACTION: [&str; 7] = [
    "BEGIN",
    "COMMIT",
    "END",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
];

const SYSTEM: &str = "db.system.name";
const SUMMARY: &str = "db.query.summary";
const TEXT: &str = "db.query.text";

/// A query by the attributes of its span (OpenTelemetry semantic conventions, "Database client spans").
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Query<'a> {
    system: Option<&'a str>,
    summary: Option<&'a str>,
    text: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// The query that a span stands for, if its parent ends in this process, too.
    pub(super) fn of(span: &'a SpanData) -> Option<Self> {
        let has_parent = span.parent_span_id != SpanId::INVALID && !span.parent_span_is_remote;
        if !has_parent || span.span_kind != SpanKind::Client {
            return None;
        }
        let mut query = Self::default();
        for attribute in &span.attributes {
            let field = match attribute.key.as_str() {
                SYSTEM => &mut query.system,
                SUMMARY => &mut query.summary,
                TEXT => &mut query.text,
                _ => continue,
            };
            // Of attributes with the same key the last one goes out.
            if let Value::String(value) = &attribute.value {
                *field = Some(value.as_str()).filter(|value| !value.is_empty());
            }
        }
        let is_counted = !query.system.is_some_and(|it| NOT_COUNTED.contains(&it));
        (is_counted && query.text.or(query.summary).is_some()).then_some(query)
    }

    /// What tells it from other queries. Summaries are too coarse, unless there is nothing else.
    pub(super) fn identity(&self) -> &'a str {
        self.text.or(self.summary).unwrap_or_default()
    }

    /// What is kept of a query that is found, which is none of what begins and ends transactions.
    pub(super) fn named(&self) -> Option<Named> {
        let mut words = self.identity().split(|c: char| !c.is_ascii_alphabetic());
        let first = words.find(|word| !word.is_empty()).unwrap_or_default();
        let is_transaction = TRANSACTION.iter().any(|it| first.eq_ignore_ascii_case(it));
        (!is_transaction).then(|| Named {
            system: self.system.map(shortened),
            summary: self.summary.map(shortened),
            text: self.text.map(shortened),
        })
    }
}

/// The attributes of a query, for the event.
#[derive(Clone, Debug)]
pub(super) struct Named {
    system: Option<StringValue>,
    summary: Option<StringValue>,
    text: Option<StringValue>,
}

impl Named {
    pub(super) fn shown(&self) -> &str {
        let shown = self.summary.as_ref().or(self.text.as_ref());
        shown.map_or("", StringValue::as_str)
    }

    pub(super) fn attributes(self) -> impl Iterator<Item = KeyValue> {
        let all = [
            (SYSTEM, self.system),
            (SUMMARY, self.summary),
            (TEXT, self.text),
        ];
        all.into_iter()
            .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
    }
}

/// The whole text is on the span of the query; this one waits for the end of the parent.
fn shortened(text: &str) -> StringValue {
    const MOST: usize = 255;
    cut(text, MOST).to_owned().into()
}

#[cfg(test)]
pub(super) mod tests {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
    };
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    pub(in crate::n_plus_one) fn named() -> Named {
        let query = Query {
            text: Some("SELECT 1"),
            ..Query::default()
        };
        query.named().unwrap()
    }

    #[test]
    fn a_query_has_a_parent() {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let query = |parent| {
            let (flags, state) = (TraceFlags::SAMPLED, TraceState::default());
            let parent = SpanContext::new(TraceId::from(1), parent, flags, false, state);
            let span = (tracer.span_builder("query").with_kind(SpanKind::Client))
                .with_attributes([KeyValue::new(TEXT, "SELECT 1")])
                .start_with_context(&tracer, &Context::new().with_remote_span_context(parent));
            let data = span.exported_data().unwrap();
            Query::of(&data).is_some()
        };
        assert!(query(SpanId::from(1)));
        assert!(!query(SpanId::INVALID));
    }

    #[test]
    fn what_begins_and_ends_transactions_has_no_name() {
        let check = |text: &str, expected: bool| {
            let query = Query {
                text: Some(text),
                ..Query::default()
            };
            assert_eq!(query.named().is_some(), expected, "{text}");
        };
        for text in ["BEGIN", " begin;", "START TRANSACTION", "Commit", "END"] {
            check(text, false);
        }
        for text in ["ROLLBACK TO a", "SAVEPOINT a", "RELEASE SAVEPOINT a"] {
            check(text, false);
        }
        for text in ["SELECT 1", "(SELECT 1)", "beginnings", "?", ""] {
            check(text, true);
        }
    }

    #[test]
    fn what_is_kept_of_a_text_is_bounded() {
        let (text, summary) = ("ä".repeat(300), "SELECT a");
        let query = Query {
            system: Some("sqlite"),
            summary: Some(summary),
            text: Some(&text),
        };
        assert_eq!(query.identity(), text);
        let named = query.named().unwrap();
        assert_eq!(named.shown(), summary);
        let kept: Vec<_> = named.attributes().collect();
        let expected = [
            (SYSTEM, "sqlite".to_owned()),
            (SUMMARY, summary.to_owned()),
            (TEXT, "ä".repeat(255)),
        ];
        assert_eq!(kept, expected.map(|(key, text)| KeyValue::new(key, text)));
    }
}
