//! Hexadecimal digits, handled eight at a time, each in a byte of a `u64`: a digit at a time costs several times the
//! instructions, for the three numbers of every request.

/// Writes sixteen digits.
#[inline]
pub(super) fn write_hex<const LENGTH: usize>(number: u64, fields: &mut [u8; LENGTH], start: usize) {
    fields[start..start + 8].copy_from_slice(&encode_digits((number >> 32) as u32));
    fields[start + 8..start + 16].copy_from_slice(&encode_digits(number as u32));
}

/// The number of one to 32 lower-case digits.
#[inline(never)]
pub(super) fn number(digits: &[u8]) -> Option<u128> {
    const MOST: usize = 32;
    let zeros = MOST.checked_sub(digits.len())?;
    let mut all = [b'0'; MOST];
    all[zeros..].copy_from_slice(digits);
    let (high, low) = all.split_at(MOST / 2);
    let number = u128::from(decode(high)?) << 64 | u128::from(decode(low)?);
    (zeros < MOST).then_some(number)
}

/// The number of sixteen lower-case digits. Inlined, since `traceparent` has three.
#[inline(always)]
pub(super) fn decode(digits: &[u8]) -> Option<u64> {
    let (first, rest) = digits.split_first_chunk()?;
    let (high, wrong_high) = decode_digits(*first);
    let (low, wrong_low) = decode_digits(*rest.first_chunk()?);
    (wrong_high | wrong_low == 0).then_some(u64::from(high) << 32 | u64::from(low))
}

/// `0x01` in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The number of eight lower-case digits, and a number that is 0 if that is what they are.
#[inline]
fn decode_digits(digits: [u8; 8]) -> (u32, u64) {
    let digits = u64::from_be_bytes(digits);
    let is_letter = (digits >> 6) & EACH;
    let nibbles = (digits & (0x0f * EACH)) + 9 * is_letter;
    // What is no digit does not come back as it was.
    let wrong = nibbles & (0xf0 * EACH) | ascii(nibbles) ^ digits;
    let pairs = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    ((quads | quads >> 16) as u32, wrong)
}

#[inline]
fn encode_digits(number: u32) -> [u8; 8] {
    let quads = u64::from(number);
    let quads = (quads | quads << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (quads | quads << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | pairs << 4) & (0x0f * EACH);
    ascii(nibbles).to_be_bytes()
}

/// The digits of eight numbers below 16.
#[inline]
fn ascii(nibbles: u64) -> u64 {
    let is_letter = ((nibbles + 6 * EACH) >> 4) & EACH;
    nibbles + u64::from(b'0') * EACH + u64::from(b'a' - b'0' - 10) * is_letter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_digit_or_not() {
        for byte in u8::MIN..=u8::MAX {
            let expected = char::from(byte)
                .to_digit(16)
                .filter(|_| !byte.is_ascii_uppercase());
            for place in 0..8 {
                let mut digits = *b"00000000";
                digits[place] = byte;
                let (number, wrong) = decode_digits(digits);
                let number = (wrong == 0).then_some(number);
                assert_eq!(
                    number,
                    expected.map(|n| n << (28 - 4 * place)),
                    "{digits:?}"
                );
            }
        }
    }

    #[test]
    fn a_number_has_one_to_32_digits() {
        let check = |digits: &str, expected| assert_eq!(number(digits.as_bytes()), expected);
        check("", None);
        check("0", Some(0));
        check("f", Some(15));
        check("a3ce929d0e0e4736", Some(0xa3ce_929d_0e0e_4736));
        check(&"f".repeat(32), Some(u128::MAX));
        check(&"0".repeat(33), None);
        check("F", None);
        check("+1", None);
        check("0x1", None);
    }
}
