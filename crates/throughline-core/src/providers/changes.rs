//! What one instrumentation changes of the settings for all.

use std::fmt;
use std::sync::Arc;

/// Changes of settings, in their order.
pub(super) struct Changes<S>(Vec<Arc<Change<S>>>);

type Change<S> = dyn Fn(&mut S) + Send + Sync;

impl<S: Clone> Changes<S> {
    pub(super) fn add(&mut self, change: impl Fn(&mut S) + Send + Sync + 'static) {
        self.0.push(Arc::new(change));
    }

    pub(super) fn made_to(&self, mut settings: Arc<S>) -> Arc<S> {
        for change in &self.0 {
            change(Arc::make_mut(&mut settings));
        }
        settings
    }
}

impl<S> Default for Changes<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> Clone for Changes<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> fmt::Debug for Changes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes", self.0.len())
    }
}
