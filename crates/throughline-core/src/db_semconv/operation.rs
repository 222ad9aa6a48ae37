//! CLIENT spans: <https://opentelemetry.io/docs/specs/semconv/db/database-spans/>, and their metric.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, Key, KeyValue, StringValue};

use super::hooks::FinishHook;
use super::old_names::old_names;
use super::{DatabaseEndpoint, DatabaseFinish, DatabaseHooks, DatabaseMetrics, DatabaseSettings};
use crate::operation::{Details, Operation, Outcome, RecordingSpan};
use crate::providers::{Parent, Resolved, SpanRequest};

const TEXT: Key = Key::from_static_str("db.query.text");
const SUMMARY: Key = Key::from_static_str("db.query.summary");
const OPERATION: Key = Key::from_static_str("db.operation.name");
const BATCH_SIZE: Key = Key::from_static_str("db.operation.batch.size");
const COLLECTION: Key = Key::from_static_str("db.collection.name");
const STORED_PROCEDURE: Key = Key::from_static_str("db.stored_procedure.name");
const STATUS_CODE: Key = Key::from_static_str("db.response.status_code");
const RETURNED_ROWS: Key = Key::from_static_str("db.response.returned_rows");
const ERROR_TYPE: Key = Key::from_static_str("error.type");

/// The event on the span of an operation that took long, with the seconds from which that is so.
const SLOW: &str = "throughline.db.slow";
const SLOW_THRESHOLD: Key = Key::from_static_str("throughline.db.slow.threshold");

/// What a database is asked. Texts that are shared (`Arc<str>`) are not copied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// `db.query.text`: without literals, unless they come apart from it.
    pub text: Option<StringValue>,
    /// `db.query.summary`, of low cardinality, which names the span.
    pub summary: Option<StringValue>,
    /// `db.operation.name`, where it need not be read from the text.
    pub operation: Option<StringValue>,
    /// `db.collection.name`, where it need not be read from the text.
    pub collection: Option<StringValue>,
    /// `db.stored_procedure.name`.
    pub stored_procedure: Option<StringValue>,
    /// How many operations a call of a batch API has. One alone is not recorded: then it is no batch.
    pub batch_size: Option<usize>,
}

/// An operation that a client sends to a database.
#[derive(Clone, Copy)]
pub struct DatabaseRequest<'a> {
    /// The database.
    pub endpoint: &'a Arc<DatabaseEndpoint>,
    /// Tells what it is asked, as far as the settings want it. Called only if something may be recorded, and once.
    pub query: &'a dyn Fn(&DatabaseSettings) -> Query,
    /// What the application decides and adds.
    pub hooks: &'a DatabaseHooks,
}

impl fmt::Debug for DatabaseRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the query, which may hold secrets.
        f.debug_struct("DatabaseRequest")
            .field("endpoint", self.endpoint)
            .finish_non_exhaustive()
    }
}

impl DatabaseRequest<'_> {
    /// Whether an operation under `parent` may leave anything behind, on a span or on metrics. If not, one that sends nothing
    /// along, and so needs no context of its own, need not be started.
    #[must_use]
    pub fn is_worthwhile(parent: &Context, resolved: &Resolved<DatabaseMetrics>) -> bool {
        resolved.metrics().is_some()
            || !is_lone(resolved.database(), parent)
                && resolved.may_record(&Parent::Local(parent.clone()))
    }

    /// Starts the CLIENT operation under `parent`, usually the current context.
    #[must_use]
    pub fn start(
        self,
        parent: Context,
        resolved: &Resolved<DatabaseMetrics>,
    ) -> Operation<DatabaseCall> {
        let settings = resolved.database();
        let is_lone = is_lone(settings, &parent);
        let parent = Parent::Local(parent);
        if !resolved.may_record(&parent) || is_lone && resolved.metrics().is_none() {
            return match is_lone {
                true => Operation::carrying(parent.into_context()),
                false => resolved.carry(parent),
            };
        }
        let query = (self.query)(settings);
        if self.hooks.leaves_out(&query) {
            return Operation::carrying(parent.into_context());
        }
        let call = DatabaseCall {
            metrics: resolved.metrics().cloned(),
            endpoint: Arc::clone(self.endpoint),
            identity: Identity::of(&query),
            records_rows: settings.returned_rows,
            slow_threshold: settings.slow_threshold,
            on_finish: self.hooks.on_finish(),
            status_code: None,
            rows: None,
        };
        if is_lone {
            return resolved.measure(parent, call);
        }
        let request = SpanRequest {
            kind: SpanKind::Client,
            name: query.span_name(self.endpoint),
            parent,
        };
        let kept = self.hooks.kept(&query);
        let attributes = || query.attributes(self.endpoint, settings.old_names);
        let operation = resolved.start(request, attributes, call);
        if let Some((query, hook)) = kept {
            operation.record(|span| hook(&query, span));
        }
        operation
    }
}

/// Whether an operation under `parent` has no span for the lack of one above.
fn is_lone(settings: &DatabaseSettings, parent: &Context) -> bool {
    settings.only_under_parent && !parent.span().span_context().is_valid()
}

impl Query {
    /// "The span name SHOULD be `{db.query.summary}` if a summary is available", else the operation and its target, else
    /// what of them there is, else the system.
    fn span_name(&self, endpoint: &DatabaseEndpoint) -> Cow<'static, str> {
        if let Some(summary) = &self.summary {
            return summary.as_str().to_owned().into();
        }
        let own = self.collection.as_ref().or(self.stored_procedure.as_ref());
        let target = own.map(StringValue::as_str).or_else(|| endpoint.target());
        match (&self.operation, target) {
            (Some(operation), Some(target)) => [operation.as_str(), " ", target].concat().into(),
            (Some(operation), None) => operation.as_str().to_owned().into(),
            (None, Some(target)) => target.to_owned().into(),
            (None, None) => endpoint.system().into(),
        }
    }

    fn attributes(self, endpoint: &DatabaseEndpoint, has_old_names: bool) -> Vec<KeyValue> {
        // Room for these and for those of the end.
        let mut attributes = Vec::with_capacity(12);
        if has_old_names {
            attributes.extend(old_names(&self, endpoint));
        }
        endpoint.push_attributes(&mut attributes);
        attributes.extend(Identity::of(&self).attributes());
        attributes.extend(self.text.map(|text| KeyValue::new(TEXT, text)));
        let size = self.batch_size.filter(|&size| size != 1);
        let size = size.and_then(|size| i64::try_from(size).ok());
        attributes.extend(size.map(|size| KeyValue::new(BATCH_SIZE, size)));
        attributes
    }
}

/// What of a query is on the metric, too.
#[derive(Clone, Debug)]
struct Identity([Option<StringValue>; 4]);

impl Identity {
    const KEYS: [Key; 4] = [SUMMARY, OPERATION, COLLECTION, STORED_PROCEDURE];

    fn of(query: &Query) -> Self {
        Self([
            query.summary.clone(),
            query.operation.clone(),
            query.collection.clone(),
            query.stored_procedure.clone(),
        ])
    }

    fn attributes(self) -> impl Iterator<Item = KeyValue> {
        let attributes = Self::KEYS.into_iter().zip(self.0);
        attributes.filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
    }
}

/// What an operation on a database knows until it ends.
pub struct DatabaseCall {
    metrics: Option<Arc<DatabaseMetrics>>,
    endpoint: Arc<DatabaseEndpoint>,
    identity: Identity,
    records_rows: bool,
    slow_threshold: Option<Duration>,
    on_finish: Option<Arc<FinishHook>>,
    status_code: Option<StringValue>,
    rows: Option<u64>,
}

impl fmt::Debug for DatabaseCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseCall")
            .field("endpoint", &self.endpoint)
            .field("status_code", &self.status_code)
            .finish_non_exhaustive()
    }
}

impl DatabaseCall {
    /// Notes the code of the error that the database answered with: `db.response.status_code`, which is the `error.type`,
    /// too.
    pub fn answered_with(&mut self, status_code: impl Into<StringValue>) {
        self.status_code = Some(status_code.into()).filter(|code| !code.as_str().is_empty());
    }

    /// Notes that so many rows more came back. Recorded where that is [asked for](DatabaseSettings::returned_rows).
    pub fn returned(&mut self, rows: u64) {
        self.rows = Some(self.rows.unwrap_or_default().saturating_add(rows));
    }

    /// "The `error.type` SHOULD match the `db.response.status_code` returned by the database or the client library." An
    /// operation that was dropped before its answer is an error: nobody knows whether the database carried it out.
    fn error_type(&self, outcome: Outcome) -> Option<StringValue> {
        let own = match outcome {
            Outcome::Finished | Outcome::Upgraded => None,
            Outcome::Error(error_type) => Some(error_type),
            Outcome::Cancelled => Some("cancelled"),
            Outcome::Panicked => Some("panic"),
        };
        let code = self.status_code.clone();
        code.or_else(|| own.map(Into::into))
    }

    fn end_attributes(&self, error_type: Option<StringValue>) -> impl Iterator<Item = KeyValue> {
        let code = self.status_code.clone();
        let attributes = [
            code.map(|code| KeyValue::new(STATUS_CODE, code)),
            error_type.map(|error_type| KeyValue::new(ERROR_TYPE, error_type)),
        ];
        attributes.into_iter().flatten()
    }

    /// How many rows came back, where that is recorded.
    fn recorded_rows(&self) -> Option<u64> {
        self.rows.filter(|_| self.records_rows)
    }

    fn mark_slow(&self, elapsed: Duration, span: &RecordingSpan<'_>) {
        if let Some(threshold) = self.slow_threshold.filter(|&it| elapsed >= it) {
            let threshold = KeyValue::new(SLOW_THRESHOLD, threshold.as_secs_f64());
            span.add_event(SLOW, vec![threshold]);
        }
    }

    fn measure(
        &self,
        metrics: &DatabaseMetrics,
        elapsed: Duration,
        error_type: Option<StringValue>,
    ) {
        let mut attributes = Vec::with_capacity(12);
        self.endpoint.push_attributes(&mut attributes);
        attributes.extend(self.identity.clone().attributes());
        attributes.extend(self.end_attributes(error_type));
        metrics.duration.record(elapsed.as_secs_f64(), &attributes);
        if let Some(rows) = self.recorded_rows() {
            metrics.returned_rows.record(rows, &attributes);
        }
    }
}

impl Details for DatabaseCall {
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>) {
        let error_type = self.error_type(outcome);
        if let Some(span) = span {
            let rows = self.recorded_rows();
            let rows = rows.and_then(|rows| i64::try_from(rows).ok());
            let rows = rows.map(|rows| KeyValue::new(RETURNED_ROWS, rows));
            span.set_attributes(self.end_attributes(error_type.clone()).chain(rows));
            match outcome {
                _ if error_type.is_none() => {}
                Outcome::Cancelled => span.set_error("dropped before the answer"),
                Outcome::Panicked => span.set_error("panicked"),
                _ => span.set_error(""),
            }
            self.mark_slow(elapsed, &span);
            if let Some(hook) = &self.on_finish {
                let finish = DatabaseFinish {
                    outcome,
                    status_code: self.status_code.as_ref().map(StringValue::as_str),
                    error_type: error_type.as_ref().map(StringValue::as_str),
                    returned_rows: self.rows,
                    elapsed,
                };
                let _ = catch_unwind(AssertUnwindSafe(|| hook(&finish, &span)));
            }
        }
        if let Some(metrics) = &self.metrics {
            self.measure(metrics, elapsed, error_type);
        }
    }
}
