//! Where strings, numbers, names and comments end. What is never closed ends with the text.

use super::bytes::Class;
use super::statement::Dialect;

/// What a backslash in a string does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Backslash {
    /// Nothing, as the standard says.
    Plain,
    /// It takes the next character's meaning away.
    Escapes,
    /// Nobody knows: the string with a quote behind one is taken to go on until the end, lest half of it is left.
    Doubtful,
}

impl Backslash {
    /// In `'…'` without a prefix.
    pub(super) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::PostgreSql | Dialect::Sqlite => Self::Plain,
            Dialect::MySql => Self::Escapes,
            Dialect::Other => Self::Doubtful,
        }
    }
}

/// Where a quoted thing ends, and whether by its quote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct End {
    pub(super) at: usize,
    pub(super) is_closed: bool,
}

impl End {
    pub(super) fn closed(at: usize) -> Self {
        Self {
            at,
            is_closed: true,
        }
    }

    /// Ends with the text.
    pub(super) fn open(bytes: &[u8]) -> Self {
        Self {
            at: bytes.len(),
            is_closed: false,
        }
    }
}

/// What begins before `at` and ends with `quote`; two of them are one of its characters.
pub(super) fn quoted(bytes: &[u8], mut at: usize, quote: u8, backslash: Backslash) -> End {
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        if byte == quote {
            if next != Some(quote) {
                return End::closed(at + 1);
            }
            at += 1;
        } else if byte == b'\\' {
            match backslash {
                Backslash::Escapes => at += 1,
                Backslash::Doubtful if next == Some(quote) => break,
                Backslash::Doubtful | Backslash::Plain => {}
            }
        }
        at += 1;
    }
    End::open(bytes)
}

/// The end of PostgreSQL's `E'…'`, of which something begins before `at`. It may go on in another line, with backslashes
/// that escape there, too ("String Constants").
pub(super) fn escaped(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let end = quoted(bytes, at, b'\'', Backslash::Escapes).at;
        at = end;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                _ if byte.is_ascii_whitespace() => at += 1,
                b'-' if bytes[at..].starts_with(b"--") => {
                    at = line_comment(bytes, at, Dialect::PostgreSql);
                }
                _ => break,
            }
        }
        if bytes.get(at) != Some(&b'\'') {
            return end;
        }
        at += 1;
    }
}

/// PostgreSQL's `$tag$…$tag$`, whose first dollar is at `at`.
pub(super) fn dollar_quoted(bytes: &[u8], at: usize) -> Option<End> {
    let length = Class::TAG.end(bytes, at + 1) + 1 - at;
    let quote = bytes.get(at..at + length)?;
    if !quote.ends_with(b"$") || quote[1].is_ascii_digit() {
        return None;
    }
    let mut from = at + length;
    // A tag has no dollar in it, so that no byte is compared twice.
    while let Some(dollar) = bytes[from..].iter().position(|&byte| byte == b'$') {
        from += dollar;
        if bytes[from..].starts_with(quote) {
            return Some(End::closed(from + length));
        }
        from += 1;
    }
    Some(End::open(bytes))
}

/// The number that begins at `at`, with its base, point, exponent and underscores, and whatever stands at its end.
pub(super) fn number(bytes: &[u8], mut at: usize) -> usize {
    let is_decimal = !matches!(bytes.get(at + 1), Some(b'x' | b'X'));
    loop {
        at = Class::NUMBER.end(bytes, at);
        let is_exponent = is_decimal
            && matches!(bytes[at - 1], b'e' | b'E')
            && matches!(bytes.get(at), Some(b'+' | b'-'))
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !is_exponent {
            return at;
        }
        at += 1;
    }
}

/// The end of a comment until the end of the line, which is not a part of it.
pub(super) fn line_comment(bytes: &[u8], at: usize, dialect: Dialect) -> usize {
    let ends = |byte: &u8| *byte == b'\n' || *byte == b'\r' && dialect == Dialect::PostgreSql;
    let line = bytes[at..].iter().position(ends);
    line.map_or(bytes.len(), |length| at + length)
}

/// The end of a comment that begins with two bytes at `at`, and may have others in it until they are so deep.
pub(super) fn block_comment(bytes: &[u8], at: usize, most: usize) -> usize {
    let mut depth = 1_usize;
    let mut at = at + 2;
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"*/" => depth -= 1,
            b"/*" if depth < most => depth += 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// The quote that ends a name which begins with `open`, where the dialect has such names.
pub(super) fn name_quote(dialect: Dialect, open: u8) -> Option<u8> {
    match (open, dialect) {
        (b'"', Dialect::PostgreSql | Dialect::Sqlite | Dialect::Other) => Some(b'"'),
        (b'`', Dialect::MySql | Dialect::Sqlite | Dialect::Other) => Some(b'`'),
        (b'[', Dialect::Sqlite | Dialect::Other) => Some(b']'),
        _ => None,
    }
}

/// The end of the name in quotes that begins at `at`. None where there is none: an array of an unknown dialect begins
/// with a bracket, too.
pub(super) fn quoted_name(bytes: &[u8], at: usize, dialect: Dialect) -> Option<End> {
    let open = *bytes.get(at)?;
    let close = name_quote(dialect, open)?;
    if open != b'[' {
        return Some(quoted(bytes, at + 1, close, Backslash::Plain));
    }
    let is_inside =
        |byte: u8| Class::TAG.has(byte) || matches!(byte, b' ' | b'$' | b'#' | b'-' | b'.');
    let inside = &bytes[at + 1..];
    let length = match dialect {
        Dialect::Sqlite => inside.iter().position(|&byte| byte == b']'),
        _ => inside.iter().position(|&byte| !is_inside(byte)),
    };
    let end = length.map(|length| at + 1 + length);
    match end {
        None if dialect == Dialect::Sqlite => Some(End::open(bytes)),
        Some(end) if bytes[end] == b']' && !inside[0].is_ascii_digit() => {
            Some(End::closed(end + 1))
        }
        _ => None,
    }
}
