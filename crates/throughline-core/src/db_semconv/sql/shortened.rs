//! A text of bounded length.

/// "SHOULD truncate the summary to 255 characters".
const MAX_CHARS: usize = 255;

/// Parts with a space between them, until one does not fit: "ensuring truncation does not occur within an operation name or
/// target".
#[derive(Debug, Default)]
pub(super) struct Shortened {
    text: String,
    is_full: bool,
}

impl Shortened {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn push(&mut self, part: &str) {
        if self.is_full {
            return;
        }
        let is_first = self.text.is_empty();
        // No character takes less than a byte: most summaries need not be counted.
        let fits = self.text.len() + part.len() < MAX_CHARS
            || self.text.chars().count() + usize::from(!is_first) + part.chars().count()
                <= MAX_CHARS;
        if !fits {
            self.is_full = true;
            return;
        }
        if is_first {
            // Most fit, and are allocated once.
            self.text.reserve(64);
        } else {
            self.text.push(' ');
        }
        self.text.push_str(part);
    }

    /// None where there is nothing.
    pub(super) fn finish(self) -> Option<String> {
        Some(self.text).filter(|text| !text.is_empty())
    }
}
