//! Escaping: whatever a value holds, a line stays one line and JSON stays JSON.

use std::fmt;

/// Nothing to do for this byte, in any mode.
const PLAIN: u8 = 0;
/// A control character without a short form.
const CONTROL: u8 = 1;
/// The first byte of a character beyond ASCII that may break lines or steer a terminal.
const LEAD: u8 = 2;

/// What to do with a byte: one of the above, or the letter of its short form (`\n`, `\"`).
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [PLAIN; 256];
    let mut control = 0;
    while control < 0x20 {
        classes[control] = CONTROL;
        control += 1;
    }
    classes[0x7f] = CONTROL;
    classes[0x08] = b'b';
    classes[0x09] = b't';
    classes[0x0a] = b'n';
    classes[0x0c] = b'f';
    classes[0x0d] = b'r';
    classes[b'"' as usize] = b'"';
    classes[b'\\' as usize] = b'\\';
    classes[0xc2] = LEAD;
    classes[0xe2] = LEAD;
    classes
}

/// Appends `text` with JSON's escapes (RFC 8259 §7) for all that ends a line or steers a terminal: U+0000 to U+001F,
/// U+007F to U+009F, U+2028 and U+2029. `quoted` text stands between quotes, so that `"` and `\` are escaped as well.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str, quoted: bool) {
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while let Some(plain) = bytes[at..].iter().position(|byte| class(*byte) != PLAIN) {
        at += plain;
        let class = class(bytes[at]);
        let width = escaped_width(class, &bytes[at..], quoted);
        if width > 0 {
            out.extend_from_slice(&bytes[copied..at]);
            push_escape(out, class, &bytes[at..at + width]);
            copied = at + width;
        }
        at += width.max(1);
    }
    out.extend_from_slice(&bytes[copied..]);
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Appends `text` between quotes.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text, true);
    out.push(b'"');
}

/// The length of the character at the start of `rest` if it needs an escape, else 0.
fn escaped_width(class: u8, rest: &[u8], quoted: bool) -> usize {
    match (class, rest) {
        (b'"' | b'\\', _) => usize::from(quoted),
        (LEAD, [0xc2, 0x80..=0x9f, ..]) => 2,
        (LEAD, [0xe2, 0x80, 0xa8 | 0xa9, ..]) => 3,
        (LEAD, _) => 0,
        _ => 1,
    }
}

#[cold]
fn push_escape(out: &mut Vec<u8>, class: u8, character: &[u8]) {
    let code: u16 = match (class, character) {
        (CONTROL, [byte]) | (LEAD, [0xc2, byte]) => u16::from(*byte),
        // U+2028 ends in A8, U+2029 in A9.
        (LEAD, [_, _, byte]) => 0x2000 | u16::from(byte & 0x7f),
        _ => return out.extend_from_slice(&[b'\\', class]),
    };
    out.extend_from_slice(b"\\u");
    for byte in code.to_be_bytes() {
        out.extend_from_slice(&hex(byte));
    }
}

/// The two lower-case hexadecimal digits of `byte`.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    HEX[usize::from(byte)]
}

static HEX: [[u8; 2]; 256] = hex_digits();

const fn hex_digits() -> [[u8; 2]; 256] {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 0xf]];
        byte += 1;
    }
    pairs
}

/// Escapes what is formatted into it.
pub(crate) struct Escaped<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) quoted: bool,
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.out, text, self.quoted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, quoted: bool) -> String {
        let mut out = Vec::new();
        escape(&mut out, text, quoted);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_breaks_a_line_is_escaped_in_both_modes() {
        #[track_caller]
        fn check(input: &str, expected: &str) {
            assert_eq!(escaped(input, true), expected, "{input:?} quoted");
            assert_eq!(escaped(input, false), expected, "{input:?} raw");
        }
        check("", "");
        check("plain", "plain");
        check("a\nb", r"a\nb");
        check("\r\n\t\u{8}\u{c}", r"\r\n\t\b\f");
        check("\0\u{1b}[31m\u{7f}", r"\u0000\u001b[31m\u007f");
        check("\u{80}\u{85}\u{9f}x", r"\u0080\u0085\u009fx");
        check("\u{2028}\u{2029}", r"\u2028\u2029");
        check("£ ¿ é ü – — “ ” 日本 🦀", "£ ¿ é ü – — “ ” 日本 🦀");
        check("\u{a0}\u{2027}\u{202a}", "\u{a0}\u{2027}\u{202a}");
    }

    #[test]
    fn quotes_and_backslashes_are_escaped_between_quotes_only() {
        assert_eq!(escaped(r#"say "C:\""#, true), r#"say \"C:\\\""#);
        assert_eq!(escaped(r#"say "C:\""#, false), r#"say "C:\""#);
    }

    #[test]
    fn every_character_below_u_2100_survives_a_json_parser_and_keeps_the_line_whole() {
        for character in ('\0'..'\u{2100}').chain(['\u{fffd}', '🦀']) {
            let text = format!("<{character}>");
            let mut line = Vec::new();
            quote(&mut line, &text);
            let line = String::from_utf8(line).unwrap();
            assert!(!line.contains(char::is_control), "{character:?}");
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
