//! The pass over a statement: tokens, and what becomes of each in the texts.

use super::edits::Edits;
use super::literal::{
    Backslash, block_comment, dollar_quoted, line_comment, number, quoted, quoted_name,
};
use super::secrets::{Secrets, looks_secret};
use super::statement::Dialect;
use super::summary::Summary;
use super::words::{Keyword, Word, is_word};

/// The token before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Last {
    /// A word, a name or a placeholder: a value may end with it.
    Word,
    In,
    As,
    Distinct,
    Point,
    Open,
    /// The parenthesis after IN.
    OpenList,
    Close,
    Comma,
    Literal,
    /// A literal of a list that has had nothing but literals.
    ListLiteral,
    ListComma,
    Other,
}

/// What takes the place of a literal.
const PLACEHOLDER: &str = "?";

/// Reads a statement, or the beginning of one that was cut: the sanitized text, the text as written and the summary.
pub(super) fn read(sql: &str, is_cut: bool, dialect: Dialect) -> (Edits, Edits, Option<String>) {
    let mut lexer = Lexer {
        sql,
        bytes: sql.as_bytes(),
        at: 0,
        dialect,
        last: Last::Other,
        sanitized: Edits::default(),
        as_written: Edits::default(),
        secrets: Secrets::default(),
        summary: Summary::new(sql, is_cut, dialect),
    };
    while let Some(&byte) = lexer.bytes.get(lexer.at) {
        lexer.token(byte);
    }
    (lexer.sanitized, lexer.as_written, lexer.summary.finish())
}

struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    /// The byte that is looked at. Each token moves it on.
    at: usize,
    dialect: Dialect,
    last: Last,
    sanitized: Edits,
    as_written: Edits,
    secrets: Secrets,
    summary: Summary<'a>,
}

impl Lexer<'_> {
    #[inline]
    fn token(&mut self, byte: u8) {
        match byte {
            // The brace is JDBC's escape: `{call procedure}`.
            b' ' | b'\t' | b'\r' | b'\n' | b'{' => self.at += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
            b'0'..=b'9' => self.number(self.at),
            b'\'' => self.string(self.at, self.at, Backslash::of(self.dialect)),
            b'"' | b'`' | b'[' => self.name(byte),
            b'(' => self.open(),
            b')' => self.close(),
            b',' => self.comma(),
            b';' => self.end_statement(),
            b'.' => self.point(),
            b'+' | b'-' => self.sign(byte),
            b'/' if self.next() == Some(b'*') => self.block_comment(),
            b'#' if self.dialect == Dialect::MySql => self.line_comment(),
            b'$' => self.dollar(),
            b'?' | b':' | b'@' => self.placeholder(byte),
            _ => self.other(),
        }
    }

    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied()
    }

    fn word(&mut self) {
        let from = self.at;
        let rest = &self.bytes[from..];
        let mut word = Word::default();
        for &byte in rest {
            if !is_word(byte) {
                break;
            }
            word = word.with(byte);
        }
        self.at += word.length;
        match self.bytes.get(self.at) {
            Some(b'\'') if is_prefix(word, self.bytes[from]) => {
                let backslash = match word.is(const { Word::new("E") })
                    && self.dialect == Dialect::PostgreSql
                {
                    true => Backslash::Escapes,
                    false => Backslash::of(self.dialect),
                };
                return self.string(from, self.at, backslash);
            }
            Some(b'&') if word.is(const { Word::new("U") }) && self.next() == Some(b'\'') => {
                return self.string(from, self.at + 1, Backslash::of(self.dialect));
            }
            _ => {}
        }
        if self.last == Last::Point {
            self.secrets.name(word);
            self.last = Last::Word;
        } else {
            self.whole_word(from, word);
        }
    }

    /// A word that is not a part of a name.
    fn whole_word(&mut self, from: usize, word: Word) {
        let keyword = word.keyword();
        if self.secrets.take_bare(word) {
            self.as_written
                .replace(self.sql, from, self.at, PLACEHOLDER);
            return self.literal(from, self.at);
        }
        if keyword == Some(Keyword::Boolean) && !self.summary.expects_name() {
            return self.literal(from, self.at);
        }
        self.secrets.word(word, keyword, self.summary.begins());
        let last = self.last;
        self.last = match keyword {
            Some(Keyword::In) => Last::In,
            Some(Keyword::As) => Last::As,
            Some(Keyword::Distinct) => Last::Distinct,
            Some(Keyword::Compare) => Last::Other,
            _ => Last::Word,
        };
        self.at = self.summary.word(from..self.at, word, keyword, last);
    }

    /// The number that begins at `self.at`, with its sign at `from`.
    fn number(&mut self, from: usize) {
        let end = number(self.bytes, self.at);
        if self.secrets.take_bare(Word::default()) {
            self.as_written.replace(self.sql, from, end, PLACEHOLDER);
        }
        self.literal(from, end);
    }

    /// The string whose quote is at `quote`, with its prefix at `from`.
    fn string(&mut self, from: usize, quote: usize, backslash: Backslash) {
        let byte = self.bytes[quote];
        let end = quoted(self.bytes, quote + 1, byte, backslash);
        let is_name = end.is_closed
            && byte == b'\''
            && from == quote
            && matches!(self.last, Last::Word | Last::Comma)
            && matches!(self.dialect, Dialect::Sqlite | Dialect::Other)
            && self.summary.expects_source();
        if is_name {
            self.summary.quoted(from..end.at);
        }
        self.secret(from, end.at);
        self.literal(from, end.at);
    }

    /// Keeps a string out of the text as written, too, where it is a secret.
    fn secret(&mut self, from: usize, to: usize) {
        let is_bare = self.secrets.take_bare(Word::default());
        if is_bare || self.secrets.is_secret(&self.bytes[from..to]) {
            self.as_written.replace(self.sql, from, to, PLACEHOLDER);
        }
    }

    fn literal(&mut self, from: usize, to: usize) {
        if self.last == Last::ListComma {
            self.sanitized.extend(to);
        } else {
            self.sanitized.replace(self.sql, from, to, PLACEHOLDER);
        }
        self.last = match self.last {
            Last::OpenList | Last::ListComma => Last::ListLiteral,
            _ => Last::Literal,
        };
        self.at = to;
        self.summary.other();
    }

    /// What may be a name in quotes: a string, in some dialects and places.
    fn name(&mut self, open: u8) {
        let Some(end) = quoted_name(self.bytes, self.at, self.dialect) else {
            return match open {
                b'"' => self.string(self.at, self.at, Backslash::of(self.dialect)),
                _ => self.other(),
            };
        };
        let is_literal = !end.is_closed
            || self.secrets.may_be_bare()
            || (open == b'"' && self.is_doubtful(end.at));
        if is_literal {
            self.secret(self.at, end.at);
            return self.literal(self.at, end.at);
        }
        let inside = &self.bytes[self.at + 1..end.at - 1];
        self.secrets.name(
            inside
                .iter()
                .fold(Word::default(), |word, &byte| word.with(byte)),
        );
        self.at = match self.last {
            Last::Point => end.at,
            _ => self.summary.quoted(self.at..end.at),
        };
        self.last = Last::Word;
    }

    /// Whether `"…"`, until `end`, may be a string: SQLite takes it for one where there is no such name, and what another
    /// database does is not known.
    fn is_doubtful(&self, end: usize) -> bool {
        let is_alone = !self.summary.expects_name()
            && self.last != Last::Point
            && self.bytes.get(end) != Some(&b'.');
        let is_odd = |byte: &u8| !is_word(*byte) && !matches!(byte, b' ' | b'-');
        is_alone
            && match self.dialect {
                Dialect::Sqlite => {
                    self.last == Last::Other
                        || self.summary.is_in_values()
                        || self.bytes[self.at + 1..end - 1].iter().any(is_odd)
                }
                Dialect::Other => true,
                Dialect::PostgreSql | Dialect::MySql => false,
            }
    }

    fn open(&mut self) {
        self.summary.open(self.last);
        self.last = match self.last {
            Last::In => Last::OpenList,
            _ => Last::Open,
        };
        self.at += 1;
    }

    fn close(&mut self) {
        self.summary.close();
        self.last = Last::Close;
        self.at += 1;
    }

    fn comma(&mut self) {
        self.summary.comma();
        self.last = match self.last {
            Last::ListLiteral => Last::ListComma,
            _ => Last::Comma,
        };
        self.at += 1;
    }

    fn end_statement(&mut self) {
        self.summary.end_statement();
        self.secrets = Secrets::default();
        self.last = Last::Other;
        self.at += 1;
    }

    fn point(&mut self) {
        if self.next().is_some_and(|next| next.is_ascii_digit()) && !self.follows_value() {
            return self.number(self.at);
        }
        self.last = Last::Point;
        self.at += 1;
    }

    fn sign(&mut self, byte: u8) {
        let next = self.next();
        let after = self.bytes.get(self.at + 2);
        if byte == b'-' && next == Some(b'-') {
            // "The -- comment style requires the second dash to be followed by at least one whitespace or control character."
            let is_comment = self.dialect != Dialect::MySql
                || after
                    .is_none_or(|after| after.is_ascii_whitespace() || after.is_ascii_control());
            if is_comment {
                return self.line_comment();
            }
        }
        let is_number = match next {
            Some(b'.') => after.is_some_and(u8::is_ascii_digit),
            Some(next) => next.is_ascii_digit(),
            None => false,
        };
        if !is_number || self.follows_value() {
            return self.other();
        }
        self.at += 1;
        self.number(self.at - 1);
    }

    /// Whether a name or a parenthesis stands directly before: a sign is an operator there.
    fn follows_value(&self) -> bool {
        matches!(self.last, Last::Word | Last::Close)
            && !self.bytes[self.at - 1].is_ascii_whitespace()
    }

    fn block_comment(&mut self) {
        let rest = &self.bytes[self.at + 2..];
        let is_mysql = self.dialect == Dialect::MySql;
        if is_mysql && (rest.starts_with(b"!") || rest.starts_with(b"M!")) {
            // What is in it is executed. Its version is not a literal.
            let version = |byte: &u8| matches!(byte, b'M' | b'!' | b'0'..=b'9');
            self.at += 2 + rest.iter().take_while(|byte| version(byte)).count();
            return;
        }
        let nests = matches!(self.dialect, Dialect::PostgreSql | Dialect::Other);
        self.comment(block_comment(self.bytes, self.at, nests));
    }

    fn line_comment(&mut self) {
        self.comment(line_comment(self.bytes, self.at));
    }

    /// Leaves a comment out; the words around it stay two.
    fn comment(&mut self, end: usize) {
        let is_between = |at: Option<usize>| {
            let byte = at.and_then(|at| self.bytes.get(at));
            byte.is_some_and(|&byte| is_word(byte))
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

    fn dollar(&mut self) {
        let has_quotes = matches!(self.dialect, Dialect::PostgreSql | Dialect::Other);
        match has_quotes.then(|| dollar_quoted(self.bytes, self.at)) {
            Some(Some(end)) => {
                self.secret(self.at, end.at);
                self.literal(self.at, end.at);
            }
            _ => self.parameter(),
        }
    }

    fn placeholder(&mut self, byte: u8) {
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
        self.at += 1;
        let rest = self.bytes[self.at..].iter();
        self.at += rest.take_while(|byte| is_word(**byte)).count();
        self.last = Last::Word;
        self.summary.other();
    }

    fn other(&mut self) {
        self.last = Last::Other;
        self.summary.other();
        self.at += 1;
    }
}

/// Whether a word directly before a quote belongs to the string: `E'…'`, `N'…'`, `X'…'`, `_utf8'…'`.
fn is_prefix(word: Word, first: u8) -> bool {
    word.length <= 2 || first == b'_'
}
