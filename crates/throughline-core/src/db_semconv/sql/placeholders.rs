//! What stands for a value that comes apart from the text, and what looks like it.

use super::bytes::Class;
use super::lexer::{Last, Lexer};
use super::literal::dollar_quoted;
use super::statement::Dialect;

impl Lexer<'_> {
    pub(super) fn dollar(&mut self) {
        let has_quotes = matches!(self.dialect, Dialect::PostgreSql | Dialect::Other);
        match has_quotes.then(|| dollar_quoted(self.bytes, self.at)) {
            Some(Some(end)) => {
                self.secret(self.at, end.at);
                self.literal(self.at, end.at);
            }
            _ => self.parameter(),
        }
    }

    pub(super) fn placeholder(&mut self, byte: u8) {
        let has_name = match byte {
            b'@' => self.dialect != Dialect::PostgreSql,
            _ => matches!(self.dialect, Dialect::Sqlite | Dialect::Other),
        };
        match has_name && self.next() != Some(byte) {
            true => self.parameter(),
            false if byte == b'?' => {
                self.other();
                self.last = Last::Word;
            }
            // A cast, a system variable.
            false => {
                self.other();
                if self.bytes.get(self.at) == Some(&byte) {
                    self.at += 1;
                }
            }
        }
    }

    /// A placeholder: a byte, and a name or number.
    fn parameter(&mut self) {
        let from = self.at;
        self.at += 1;
        match self.dialect {
            // `$1$$a$$` is a placeholder and a string.
            Dialect::PostgreSql => {
                let name = self.bytes[self.at..].iter();
                self.at += name.take_while(|byte| byte.is_ascii_digit()).count();
            }
            _ => self.at = Class::WORD.end(self.bytes, self.at),
        }
        self.last = Last::Word;
        self.summary.other();
        if self.dialect == Dialect::Sqlite && self.at > from + 1 {
            self.tcl(from);
        }
    }

    /// The rest of SQLite's placeholder, which is a variable of Tcl's: `$a::b(c)`. There may be quotes in its index.
    fn tcl(&mut self, from: usize) {
        while self.bytes[self.at..].starts_with(b"::") {
            self.at = Class::WORD.end(self.bytes, self.at + 2);
        }
        if self.bytes.get(self.at) != Some(&b'(') {
            return;
        }
        let inside = self.bytes[self.at..].iter();
        let ends = |byte: &u8| *byte == b')' || byte.is_ascii_whitespace();
        match inside.clone().position(ends) {
            Some(end) if self.bytes[self.at + end] == b')' => self.literal(from, self.at + end + 1),
            _ => self.rest(from),
        }
    }
}
