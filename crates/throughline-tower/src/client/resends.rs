//! How often a request was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// In the extensions of a request: counts how often it is sent, for `http.request.resend_count`.
///
/// Put it there outside of what sends requests again, such as `tower::retry`: the request's clones count together.
/// Without it nobody knows that two requests are one.
///
/// ```
/// use throughline_tower::Resends;
///
/// let request = http::Request::get("http://orders.internal/").extension(Resends::default());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Resends(Arc<AtomicU32>);

impl Resends {
    /// How often it was sent before, once more from now on.
    pub(super) fn count(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
