//! Words, each compared as one number.

/// A word by its last eight bytes, without regard to the case of its letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) key: u64,
    pub(super) length: usize,
}

impl Word {
    /// The word of so many bytes that these end with.
    #[inline]
    pub(super) fn at_end(bytes: &[u8], length: usize) -> Self {
        let Some(last) = bytes.last_chunk() else {
            let all = bytes.iter();
            let all = all.fold(Self::default(), |word, &byte| word.with(byte));
            return Self { length, ..all }.shortened();
        };
        let key = u64::from_be_bytes(*last) | u64::from_be_bytes([0x20; 8]);
        Self { key, length }.shortened()
    }

    /// The word with one more byte. Letters alone become letters by their bit of case, and no byte of a word becomes
    /// another's that a keyword has.
    #[inline]
    const fn with(self, byte: u8) -> Self {
        Self {
            key: (self.key << 8) | (byte | 0x20) as u64,
            length: self.length + 1,
        }
    }

    /// Without the bytes of before the word.
    #[inline]
    fn shortened(self) -> Self {
        match self.length {
            0..8 => Self {
                key: self.key & ((1 << (8 * self.length)) - 1),
                ..self
            },
            _ => self,
        }
    }

    /// Its last two bytes, letters as small ones, and zeros where there are none.
    #[inline]
    pub(super) const fn last_two(self) -> u16 {
        self.key as u16
    }

    /// In constants: it costs a loop.
    pub(super) const fn new(word: &str) -> Self {
        let bytes = word.as_bytes();
        let mut new = Self { key: 0, length: 0 };
        while new.length < bytes.len() {
            new = new.with(bytes[new.length]);
        }
        new
    }

    /// Whether it ends with these letters, eight at most.
    #[inline]
    pub(super) const fn ends_with(self, end: Self) -> bool {
        let shift = 64 - 8 * end.length as u32;
        self.length >= end.length && self.key << shift == end.key << shift
    }

    /// Whether it is this word of eight bytes at most.
    #[inline]
    pub(super) const fn is(self, word: Self) -> bool {
        self.length == word.length && self.key == word.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_by_their_ends() {
        assert!(Word::new("MASTER_PASSWORD").ends_with(Word::new("password")));
        assert!(Word::new("pwd").ends_with(Word::new("PWD")));
        assert!(!Word::new("wd").ends_with(Word::new("pwd")));
        assert!(!Word::new("password_hash").ends_with(Word::new("password")));
        assert!(Word::new("by").is(Word::new("BY")));
        assert!(!Word::new("bby").is(Word::new("BY")));
    }
}
