//! The border between the application's code and ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`, and ends a panic in it here: a log line must not harm whoever writes it.
///
/// What unwinding could leave half done is either local to `f` or put right by the caller, so nothing broken is seen
/// afterwards. The panic hook has run by then. With `panic = "abort"` there is nothing to end.
pub(crate) fn contained<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}
