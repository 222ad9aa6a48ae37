//! The memory that a line is built in, kept by each thread for its next line.

use std::cell::Cell;

use crate::fields::Fields;

/// A buffer that has grown beyond this many bytes is given back after the line.
const MAX_RETAINED: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

/// The line, and the fields of the event or span.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) line: Vec<u8>,
    pub(crate) fields: Fields,
}

impl Scratch {
    const fn new() -> Self {
        Self {
            line: Vec::new(),
            fields: Fields::new(),
        }
    }

    fn recycle(&mut self) {
        self.line.clear();
        self.fields.clear();
        if self.line.capacity() > MAX_RETAINED {
            self.line = Vec::new();
        }
        if self.fields.capacity() > MAX_RETAINED {
            self.fields = Fields::new();
        }
    }
}

/// Lends this thread's memory, empty, to `f`.
///
/// It is taken out of its place meanwhile. So a `Debug` that writes a log line of its own finds other memory there, and
/// a panic loses the memory, not the place.
pub(crate) fn with_scratch<T>(f: impl FnOnce(&mut Scratch) -> T) -> T {
    // Destructors of other thread-locals may log when this one is gone.
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut scratch);
    scratch.recycle();
    let _ = SCRATCH.try_with(|place| place.set(scratch));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity() -> usize {
        with_scratch(|scratch| scratch.line.capacity())
    }

    #[test]
    fn memory_is_empty_and_kept_for_the_next_line() {
        with_scratch(|scratch| scratch.line.extend_from_slice(b"a line"));
        with_scratch(|scratch| assert!(scratch.line.is_empty()));
        assert_ne!(capacity(), 0);
    }

    #[test]
    fn memory_beyond_the_bound_is_given_back() {
        with_scratch(|scratch| scratch.line.reserve_exact(MAX_RETAINED));
        assert_eq!(capacity(), MAX_RETAINED);
        with_scratch(|scratch| scratch.line.reserve_exact(MAX_RETAINED + 1));
        assert_eq!(capacity(), 0);
    }

    #[test]
    fn a_line_within_a_line_has_memory_of_its_own() {
        with_scratch(|outer| {
            outer.line.extend_from_slice(b"outer");
            with_scratch(|inner| assert!(inner.line.is_empty()));
            assert_eq!(outer.line, b"outer");
        });
    }
}
