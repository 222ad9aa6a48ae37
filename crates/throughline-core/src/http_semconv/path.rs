//! Patterns of paths.

use std::fmt;

/// Paths: `/health` is that path and no other, `/internal/*` every path that begins with `/internal/`. Default: none.
///
/// Paths are compared as they are sent, without decoding; a `*` elsewhere than in the last `/*` stands for itself.
///
/// ```
/// use throughline_core::http_semconv::PathPatterns;
///
/// let patterns = PathPatterns::new(["/health", "/internal/*"]);
/// assert!(patterns.matches("/health") && patterns.matches("/internal/metrics"));
/// assert!(!patterns.matches("/healthy") && !patterns.matches("/internal"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PathPatterns(Vec<Box<str>>);

impl PathPatterns {
    /// Each of `patterns`.
    #[must_use]
    pub fn new<S: Into<Box<str>>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    /// Whether `text` is a pattern that a path can match: `/`, and a `*` in the last `/*` alone.
    #[must_use]
    pub fn is_pattern(text: &str) -> bool {
        let path = text.strip_suffix("/*").unwrap_or(text);
        text.starts_with('/') && !path.contains(['?', '#', '*'])
    }

    /// These, too.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `path` is one of them.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('/') => path.starts_with(prefix),
            _ => path == pattern,
        };
        self.0.iter().any(|pattern| matches(pattern))
    }
}

/// As they are written in a configuration: `/health,/internal/*`.
impl fmt::Display for PathPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl fmt::Debug for PathPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}
