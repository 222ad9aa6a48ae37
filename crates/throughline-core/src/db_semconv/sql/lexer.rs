//! The pass over a statement: tokens, and what becomes of each in the texts.

use std::mem::take;

use super::bytes::Class;
use super::edits::Edits;
use super::keywords::Keyword;
use super::literal::{Backslash, End, escaped, number, quoted, quoted_name};
use super::secrets::Secrets;
use super::statement::Dialect;
use super::summary::Summary;
use super::words::Word;

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
        is_between: false,
        reads_data: false,
        executable_end: 0,
        plain_end: 0,
        sanitized: Edits::default(),
        as_written: Edits::default(),
        secrets: Secrets::default(),
        summary: Summary::new(sql, is_cut, dialect),
    };
    lexer.tokens();
    (lexer.sanitized, lexer.as_written, lexer.summary.finish())
}

pub(super) struct Lexer<'a> {
    pub(super) sql: &'a str,
    pub(super) bytes: &'a [u8],
    /// The byte that is looked at. Each token moves it on.
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    pub(super) last: Last,
    /// Whether the next AND stands between two values.
    is_between: bool,
    /// Whether the statement is followed by data of COPY.
    reads_data: bool,
    /// Until where a comment goes that is executed, or left out by a server of another version.
    pub(super) executable_end: usize,
    /// Until where nothing begins or ends that a comment could hide.
    pub(super) plain_end: usize,
    pub(super) sanitized: Edits,
    pub(super) as_written: Edits,
    secrets: Secrets,
    pub(super) summary: Summary<'a>,
}

impl Lexer<'_> {
    fn tokens(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            // It is most of what is no word.
            if Class::SPACE.has(byte) {
                self.at += 1;
                continue;
            }
            match byte {
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
                b'#' => self.hash(),
                b'$' => self.dollar(),
                b'?' | b':' | b'@' => self.placeholder(byte),
                _ => self.other(),
            }
        }
    }

    pub(super) fn next(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied()
    }

    fn word(&mut self) {
        let from = self.at;
        self.at = Class::WORD.end(self.bytes, from + 1);
        let word = Word::at_end(&self.bytes[..self.at], self.at - from);
        match self.bytes.get(self.at) {
            Some(b'\'') if is_prefix(word, self.bytes[from]) => return self.prefixed(from, word),
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

    /// A string behind a word that belongs to it.
    fn prefixed(&mut self, from: usize, prefix: Word) {
        if self.dialect == Dialect::PostgreSql && prefix.is(const { Word::new("E") }) {
            let end = escaped(self.bytes, self.at + 1);
            self.secret(from, end);
            self.literal(from, end);
        } else if self.dialect == Dialect::Other && prefix.ends_with(const { Word::new("q") }) {
            // Oracle's `q'[it's]'`.
            self.rest(from);
        } else {
            self.string(from, self.at, Backslash::of(self.dialect));
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
            Some(Keyword::Compare | Keyword::Default) => Last::Other,
            Some(Keyword::Between) => {
                self.is_between = true;
                Last::Other
            }
            Some(Keyword::And) if take(&mut self.is_between) => Last::Other,
            Some(Keyword::Stdin) => {
                self.reads_data = true;
                Last::Word
            }
            _ => Last::Word,
        };
        self.at = self.summary.word(from..self.at, word, keyword, last);
    }

    /// The number that begins at `self.at`, with its sign at `from`.
    fn number(&mut self, from: usize) {
        let end = number(self.bytes, self.at);
        if self.secrets.is_secret_number() {
            self.as_written.replace(self.sql, from, end, PLACEHOLDER);
        }
        self.literal(from, end);
    }

    /// The string whose quote is at `quote`, with its prefix at `from`.
    fn string(&mut self, from: usize, quote: usize, backslash: Backslash) {
        let byte = self.bytes[quote];
        let end = self.certain(quoted(self.bytes, quote + 1, byte, backslash));
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
    pub(super) fn secret(&mut self, from: usize, to: usize) {
        if self.secrets.is_secret(&self.bytes[from..to]) {
            self.as_written.replace(self.sql, from, to, PLACEHOLDER);
        }
    }

    pub(super) fn literal(&mut self, from: usize, to: usize) {
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

    /// From here on nobody knows what is a literal.
    pub(super) fn rest(&mut self, from: usize) {
        self.secret(from, self.bytes.len());
        self.literal(from, self.bytes.len());
    }

    /// Where something ends for sure: what goes beyond a comment that may be left out does not begin in all versions.
    pub(super) fn certain(&self, end: End) -> End {
        match self.at < self.executable_end && self.executable_end < end.at {
            true => End::open(self.bytes),
            false => end,
        }
    }

    /// What may be a name in quotes: a string, in some dialects and places.
    fn name(&mut self, open: u8) {
        let Some(end) = quoted_name(self.bytes, self.at, self.dialect) else {
            return match open {
                b'"' => self.string(self.at, self.at, Backslash::of(self.dialect)),
                _ => self.other(),
            };
        };
        let end = self.certain(end);
        let is_literal = !end.is_closed
            || self.secrets.may_be_bare()
            || (open == b'"' && self.is_doubtful(end.at));
        if is_literal {
            self.secret(self.at, end.at);
            return self.literal(self.at, end.at);
        }
        let length = end.at - self.at - 2;
        self.secrets
            .name(Word::at_end(&self.bytes[..end.at - 1], length));
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
        let is_odd = |byte: &u8| !Class::WORD.has(*byte) && !matches!(byte, b' ' | b'-');
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
        let is_call = self.at > 0 && Class::WORD.has(self.bytes[self.at - 1]);
        self.summary.open(self.last, is_call);
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
        self.is_between = false;
        self.at += 1;
        if take(&mut self.reads_data) && matches!(self.bytes.get(self.at), Some(b'\r' | b'\n')) {
            self.rest(self.at);
        }
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
        if byte == b'-' && next == Some(b'-') && self.double_dash() {
            return;
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

    pub(super) fn other(&mut self) {
        self.last = Last::Other;
        self.summary.other();
        self.at += 1;
    }
}

/// Whether a word directly before a quote belongs to the string: `E'…'`, `N'…'`, `X'…'`, `_utf8'…'`.
fn is_prefix(word: Word, first: u8) -> bool {
    word.length <= 2 || first == b'_'
}
