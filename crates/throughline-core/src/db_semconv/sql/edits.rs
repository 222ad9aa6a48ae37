//! A text that is copied only where it changes.

use std::borrow::Cow;

/// Replacements in a text, in the order of their places. Without one there is no copy.
#[derive(Debug, Default)]
pub(super) struct Edits {
    written: String,
    /// How much of the text is written, or replaced.
    done: usize,
}

impl Edits {
    /// Replaces the bytes of `text` from `from` to `to`, which are boundaries of characters.
    pub(super) fn replace(&mut self, text: &str, from: usize, to: usize, with: &str) {
        if self.written.capacity() == 0 {
            // No replacement is longer than what it replaces.
            self.written.reserve_exact(text.len());
        }
        self.written.push_str(&text[self.done..from]);
        self.written.push_str(with);
        self.done = to;
    }

    /// Leaves out what comes before `to` and is not written yet: it belongs to the last replacement.
    pub(super) fn extend(&mut self, to: usize) {
        self.done = to;
    }

    /// The text with all replacements, and `mark` where one is given.
    pub(super) fn finish<'a>(mut self, text: &'a str, mark: Option<&str>) -> Cow<'a, str> {
        if self.done == 0 && mark.is_none() {
            return Cow::Borrowed(text);
        }
        self.written.push_str(&text[self.done..]);
        self.written.push_str(mark.unwrap_or_default());
        Cow::Owned(self.written)
    }
}
