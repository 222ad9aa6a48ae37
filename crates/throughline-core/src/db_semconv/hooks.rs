//! What an application decides and adds at the operations of one client.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::Query;
use crate::operation::{Outcome, RecordingSpan};

/// What an application decides and adds at the operations of one client. Default: nothing. A panic in a hook reaches nobody.
#[derive(Clone, Default)]
pub struct DatabaseHooks {
    filter: Option<Arc<Filter>>,
    on_start: Option<Arc<StartHook>>,
    on_finish: Option<Arc<FinishHook>>,
}

type Filter = dyn Fn(&Query) -> bool + Send + Sync;
type StartHook = dyn Fn(&Query, &RecordingSpan<'_>) + Send + Sync;
pub(super) type FinishHook = dyn Fn(&DatabaseFinish<'_>, &RecordingSpan<'_>) + Send + Sync;

/// How an operation on a database ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DatabaseFinish<'a> {
    /// The outcome.
    pub outcome: Outcome,
    /// What the database calls its error: `db.response.status_code`.
    pub status_code: Option<&'a str>,
    /// The `error.type`, where it failed.
    pub error_type: Option<&'a str>,
    /// How many rows came back, where the client counts them.
    pub returned_rows: Option<u64>,
    /// How long it took.
    pub elapsed: Duration,
}

impl DatabaseHooks {
    /// Traces and measures only the operations for which `predicate` is true. Whatever they do is their parent's else. One
    /// that panics has said yes.
    pub fn set_filter(&mut self, predicate: impl Fn(&Query) -> bool + Send + Sync + 'static) {
        self.filter = Some(Arc::new(predicate));
    }

    /// Calls `hook` when an operation has started whose span records. It may rename the span.
    pub fn set_on_start(
        &mut self,
        hook: impl Fn(&Query, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) {
        self.on_start = Some(Arc::new(hook));
    }

    /// Calls `hook` when an operation has ended whose span records, right before that ends. It may run in a destructor.
    pub fn set_on_finish(
        &mut self,
        hook: impl Fn(&DatabaseFinish<'_>, &RecordingSpan<'_>) + Send + Sync + 'static,
    ) {
        self.on_finish = Some(Arc::new(hook));
    }

    pub(super) fn leaves_out(&self, query: &Query) -> bool {
        let says_yes =
            |filter: &Arc<Filter>| catch_unwind(AssertUnwindSafe(|| filter(query))).unwrap_or(true);
        self.filter.as_ref().is_some_and(|filter| !says_yes(filter))
    }

    /// What the start hook is shown, kept only where anybody looks at it.
    pub(super) fn kept(&self, query: &Query) -> Option<(Query, &Arc<StartHook>)> {
        let hook = self.on_start.as_ref()?;
        Some((query.clone(), hook))
    }

    pub(super) fn on_finish(&self) -> Option<Arc<FinishHook>> {
        self.on_finish.clone()
    }
}

impl fmt::Debug for DatabaseHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseHooks")
            .field("filter", &self.filter.is_some())
            .field("on_start", &self.on_start.is_some())
            .field("on_finish", &self.on_finish.is_some())
            .finish()
    }
}
