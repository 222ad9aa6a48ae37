//! Classes of bytes: one look into a table instead of a comparison for each range.

/// Whether a byte may stand in a word that is not quoted.
#[inline]
pub(super) fn is_word(byte: u8) -> bool {
    CLASSES[byte as usize] & WORD != 0
}

/// Whether a byte may stand in a number or in the tag of a dollar quote.
#[inline]
pub(super) fn is_tag(byte: u8) -> bool {
    CLASSES[byte as usize] & TAG != 0
}

/// The end of a word whose bytes from `at` on are looked at.
#[inline]
pub(super) fn word_end(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..].iter().position(|&byte| !is_word(byte));
    length.map_or(bytes.len(), |length| at + length)
}

const WORD: u8 = 1;
const TAG: u8 = 1 << 1;

static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let it = byte as u8;
        if it.is_ascii_alphanumeric() || it == b'_' || !it.is_ascii() {
            table[byte] = WORD | TAG;
        }
        byte += 1;
    }
    table[b'$' as usize] = WORD;
    table
};
