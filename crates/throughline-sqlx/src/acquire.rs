//! The wait for a connection, as a span.

use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use sqlx::Error;
use throughline_core::db_semconv::{DatabaseMetrics, WatchedPool};
use throughline_core::{Details, Operation, Outcome, Parent, RecordingSpan, Resolved, SpanRequest};

use crate::errors::error_type;

/// The conventions know no such span: it is INTERNAL, since nothing need be asked of the database.
pub(crate) struct Acquire;

/// Where such spans are wanted, and there is one above where it must be.
pub(crate) fn start(
    resolved: &Resolved<DatabaseMetrics>,
    pool: &WatchedPool,
) -> Option<Operation<Acquire>> {
    let settings = resolved.database();
    if !settings.acquire_spans {
        return None;
    }
    let parent = Context::current();
    if settings.only_under_parent && !parent.span().span_context().is_valid() {
        return None;
    }
    let request = SpanRequest {
        kind: SpanKind::Internal,
        name: "acquire".into(),
        parent: Parent::Local(parent),
    };
    let attributes = || pool.attributes().to_vec();
    Some(resolved.start(request, attributes, Acquire))
}

/// Awaits `wait` as what was started.
pub(crate) async fn within<T>(
    mut span: Operation<Acquire>,
    wait: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let result = span.within(wait).await;
    span.finish(match &result {
        Ok(_) => Outcome::Finished,
        Err(error) => Outcome::Error(error_type(error)),
    });
    result
}

impl Details for Acquire {
    fn finish(self, outcome: Outcome, _: Duration, span: Option<RecordingSpan<'_>>) {
        let error_type = match outcome {
            Outcome::Error(error_type) => error_type,
            Outcome::Cancelled => "cancelled",
            Outcome::Panicked => "panic",
            _ => return,
        };
        if let Some(span) = span {
            span.set_attributes([KeyValue::new("error.type", error_type)]);
            span.set_error("");
        }
    }
}
