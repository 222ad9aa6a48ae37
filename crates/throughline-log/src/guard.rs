//! The border between the application's code and ours.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, and ends a panic in it here: a log line must not harm whoever writes it.
///
/// What unwinding could leave half done is either local to `f` or put right by the caller, so nothing broken is seen
/// afterwards. The panic hook has run by then. With `panic = "abort"` there is nothing to end.
pub(crate) fn contained<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).map_err(discard).ok()
}

/// What was thrown may panic when it is dropped. What that throws is leaked, since it may do the same.
fn discard(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        Box::leak(again);
    }
}
