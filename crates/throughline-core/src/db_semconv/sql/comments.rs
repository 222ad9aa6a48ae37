//! Comments, and what only some servers take for one.

use super::bytes::Class;
use super::lexer::{Last, Lexer};
use super::literal::{End, block_comment, line_comment};
use super::secrets::looks_secret;
use super::statement::Dialect;

impl Lexer<'_> {
    /// Reads two dashes where they begin a comment, or may do so. Returns false where they are two signs.
    pub(super) fn double_dash(&mut self) -> bool {
        let after = self.bytes.get(self.at + 2);
        // "The -- comment style requires the second dash to be followed by at least one whitespace or control character"
        // (MySQL).
        let is_plain = after.is_none_or(|after| *after <= b' ' || *after == 0x7f);
        let dialect = self.dialect;
        match dialect {
            Dialect::MySql if !is_plain => return false,
            Dialect::Other if !is_plain && self.is_doubtful_line() => self.rest(self.at),
            _ => self.line_comment(),
        }
        true
    }

    /// MySQL's comment, an operator elsewhere.
    pub(super) fn hash(&mut self) {
        let dialect = self.dialect;
        match dialect {
            Dialect::MySql => self.line_comment(),
            Dialect::Other if self.is_doubtful_line() => self.rest(self.at),
            _ => self.other(),
        }
    }

    /// Whether it matters for what follows if the rest of the line is a comment.
    fn is_doubtful_line(&mut self) -> bool {
        if self.at < self.plain_end {
            return false;
        }
        let end = line_comment(self.bytes, self.at, self.dialect);
        let turns = |byte: &u8| matches!(byte, b'\'' | b'"' | b'`' | b'$' | b'/');
        let is_doubtful = self.bytes[self.at..end].iter().any(turns);
        if !is_doubtful {
            self.plain_end = end;
        }
        is_doubtful
    }

    pub(super) fn block_comment(&mut self) {
        let rest = &self.bytes[self.at + 2..];
        let depth = match self.dialect {
            Dialect::PostgreSql | Dialect::Other => usize::MAX,
            Dialect::MySql | Dialect::Sqlite => 1,
        };
        let version = match self.dialect {
            Dialect::MySql => rest.strip_prefix(b"!").or_else(|| rest.strip_prefix(b"M!")),
            _ => None,
        };
        let Some(version) = version else {
            return self.comment(block_comment(self.bytes, self.at, depth));
        };
        // What is in it is executed, or left out with the comments in it, as the version says, which is not a literal.
        if self.executable_end <= self.at {
            self.executable_end = block_comment(self.bytes, self.at, 2);
        }
        let digits = version.iter().take(6);
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        self.at = self.bytes.len() - version.len() + digits;
    }

    fn line_comment(&mut self) {
        self.comment(line_comment(self.bytes, self.at, self.dialect));
    }

    /// Leaves a comment out; the words around it stay two.
    fn comment(&mut self, end: usize) {
        let end = self.certain(End::closed(end)).at;
        let is_between = |at: Option<usize>| {
            let byte = at.and_then(|at| self.bytes.get(at));
            byte.is_some_and(|&byte| Class::WORD.has(byte))
        };
        let with = match is_between(self.at.checked_sub(1)) && is_between(Some(end)) {
            true => " ",
            false => "",
        };
        self.sanitized.replace(self.sql, self.at, end, with);
        if looks_secret(&self.bytes[self.at..end]) {
            self.as_written.replace(self.sql, self.at, end, with);
        }
        if self.last == Last::ListComma {
            self.last = Last::Comma;
        }
        self.at = end;
    }
}
