//! Classes of bytes: one look into a table instead of a comparison for each range.

/// Bytes that belong together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class(u8);

impl Class {
    /// What may stand in a word that is not quoted.
    pub(super) const WORD: Self = Self(1);
    /// What may stand in the tag of a dollar quote.
    pub(super) const TAG: Self = Self(1 << 1);
    /// What may stand in a number, but for the sign of its exponent.
    pub(super) const NUMBER: Self = Self(1 << 2);
    /// What stands between tokens. A brace, too: JDBC's escape, `{call procedure}`.
    pub(super) const SPACE: Self = Self(1 << 3);

    #[inline]
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }

    /// The end of those that follow each other from `at` on.
    #[inline]
    pub(super) fn end(self, bytes: &[u8], at: usize) -> usize {
        let length = bytes[at..].iter().position(|&byte| !self.has(byte));
        length.map_or(bytes.len(), |length| at + length)
    }
}

static CLASSES: [u8; 256] = {
    let (word, tag, number) = (Class::WORD.0, Class::TAG.0, Class::NUMBER.0);
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let it = byte as u8;
        table[byte] = match it {
            b' ' | b'\t' | b'\r' | b'\n' | b'{' => Class::SPACE.0,
            b'$' => word,
            b'.' => number,
            _ if it.is_ascii_alphanumeric() || it == b'_' || !it.is_ascii() => word | tag | number,
            _ => 0,
        };
        byte += 1;
    }
    table
};
