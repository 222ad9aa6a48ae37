//! `db.query.summary` (conventions, "Generating a summary of the query"): operations and what they are about, in order.

use std::ops::Range;

use super::bytes::Class;
use super::keywords::{Keyword, long_keyword};
use super::lexer::Last;
use super::literal::{name_quote, quoted_name};
use super::shortened::Shortened;
use super::statement::Dialect;
use super::words::Word;

/// How deep parentheses may be for what is in them to count.
const MAX_DEPTH: usize = 64;

/// How many names of common table expressions are told from tables.
const MAX_CTES: usize = 16;

/// What the next word is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// The beginning of a statement.
    Command,
    /// The beginning of one within another, after words that say nothing.
    Inner,
    /// Nothing that is known before.
    Anything,
    /// The kind of what is defined; `is_optional` where the name may come at once.
    Kind { is_optional: bool },
    /// A table of a list, or a parenthesis with a list or a query.
    Source,
    /// The name of what the operation is about.
    Target,
    /// The name of a common table expression.
    Cte,
    /// Nothing until the end of the statement.
    End,
}

/// What is known of what stands in a parenthesis, or in none.
mod level {
    /// It is a query, in which FROM begins a list of tables.
    pub(super) const QUERY: u8 = 1;
    /// Commas are followed by tables.
    pub(super) const SOURCES: u8 = 1 << 1;
    /// Commas are followed by names of common table expressions.
    pub(super) const CTES: u8 = 1 << 2;
    /// USING is followed by a table.
    pub(super) const USING: u8 = 1 << 3;
    /// Parentheses in it are lists of values.
    pub(super) const LISTS: u8 = 1 << 4;
    /// It is a list of values.
    pub(super) const VALUES: u8 = 1 << 5;
}

/// A summary that is being written.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    sql: &'a str,
    is_cut: bool,
    dialect: Dialect,
    text: Shortened,
    expect: Expect,
    /// Whether the statement defines something, and may have a body of statements.
    defines: bool,
    levels: [u8; MAX_DEPTH],
    depth: usize,
    ctes: Vec<&'a str>,
}

impl<'a> Summary<'a> {
    /// Of `sql`, or of its beginning.
    pub(super) fn new(sql: &'a str, is_cut: bool, dialect: Dialect) -> Self {
        Self {
            sql,
            is_cut,
            dialect,
            text: Shortened::default(),
            expect: Expect::Command,
            defines: false,
            levels: [0; MAX_DEPTH],
            depth: 0,
            ctes: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Option<String> {
        self.text.finish()
    }

    /// Whether a statement begins.
    pub(super) fn begins(&self) -> bool {
        matches!(self.expect, Expect::Command | Expect::Inner)
    }

    /// Whether a name is expected.
    pub(super) fn expects_name(&self) -> bool {
        matches!(self.expect, Expect::Source | Expect::Target | Expect::Cte)
    }

    /// Whether a name would be one of a list of tables.
    pub(super) fn expects_source(&self) -> bool {
        self.expect == Expect::Source
    }

    /// Whether what comes is one of a list of values.
    pub(super) fn is_in_values(&self) -> bool {
        self.has(level::VALUES)
    }

    /// A word at `place` that is not a part of a name. Returns where what it begins ends: a name goes on behind a point.
    #[inline]
    pub(super) fn word(
        &mut self,
        place: Range<usize>,
        word: Word,
        keyword: Option<Keyword>,
        last: Last,
    ) -> usize {
        let end = place.end;
        let keyword = match self.expect {
            Expect::Anything if keyword.is_none() => return end,
            Expect::Anything => keyword,
            Expect::End => return end,
            _ => keyword.or_else(|| self.long_keyword(&place, word)),
        };
        match self.expect {
            Expect::Kind { is_optional } => {
                if self.kind(&place, word, keyword, is_optional) {
                    return end;
                }
                self.name(place)
            }
            Expect::Source | Expect::Target | Expect::Cte if self.is_name(keyword) => {
                self.name(place)
            }
            Expect::Source | Expect::Target | Expect::Cte if is_before(keyword) => end,
            _ => {
                self.other();
                self.keyword(&place, keyword, last);
                end
            }
        }
    }

    fn long_keyword(&self, place: &Range<usize>, word: Word) -> Option<Keyword> {
        let is_long = (9..=13).contains(&word.length);
        is_long
            .then(|| long_keyword(&self.sql[place.clone()]))
            .flatten()
    }

    /// Whether a word is a name where one is expected. FROM can be followed by any but a query; what an operation is about
    /// may have modifiers in front of it.
    fn is_name(&self, keyword: Option<Keyword>) -> bool {
        use Keyword::{
            Before, Clause, Delete, From, Insert, Into, Modifier, Replace, Select, Update, Values,
        };
        match keyword {
            Some(Select | Insert | Update | Delete | Before | Values | Clause) => false,
            Some(From | Into | Modifier | Replace) => self.expect == Expect::Source,
            _ => true,
        }
    }

    /// A name in quotes, or a string, at `place`. Returns where the name ends.
    pub(super) fn quoted(&mut self, place: Range<usize>) -> usize {
        match self.expects_name() {
            true => self.name(place),
            false => place.end,
        }
    }

    /// The name that begins at `place`, with its other parts.
    fn name(&mut self, place: Range<usize>) -> usize {
        let (start, mut end) = (place.start, place.end);
        let bytes = self.sql.as_bytes();
        while bytes.get(end) == Some(&b'.') {
            let Some(part) = part_end(bytes, end + 1, self.dialect) else {
                break;
            };
            end = part;
        }
        let name = &self.sql[start..end];
        let is_call = self.expect == Expect::Source && self.next(end) == Some(b'(');
        let is_half = self.is_cut && end == self.sql.len();
        if self.expect == Expect::Cte {
            if self.ctes.len() < MAX_CTES {
                self.ctes.push(name);
            }
        } else if !is_call && !is_half && !self.is_cte(name) {
            self.text.push(name);
        }
        self.expect = Expect::Anything;
        end
    }

    fn is_cte(&self, name: &str) -> bool {
        let mut ctes = self.ctes.iter();
        ctes.any(|cte| cte.eq_ignore_ascii_case(name))
    }

    /// The next byte that is no white space.
    fn next(&self, at: usize) -> Option<u8> {
        let rest = self.sql.as_bytes()[at..].iter();
        rest.copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// A word after CREATE and the like. Whether it was none of what is expected after TRUNCATE: then it is a name.
    fn kind(
        &mut self,
        place: &Range<usize>,
        word: Word,
        keyword: Option<Keyword>,
        is_optional: bool,
    ) -> bool {
        match keyword {
            Some(Keyword::Unnamed | Keyword::Default) if !is_optional => {
                self.text.push(&self.sql[place.clone()]);
                self.expect = Expect::End;
            }
            Some(Keyword::Named) if !is_optional => {
                self.text.push(&self.sql[place.clone()]);
                self.expect = Expect::Target;
            }
            _ if word.is(const { Word::new("TABLE") }) => {
                self.text.push(&self.sql[place.clone()]);
                self.expect = Expect::Target;
            }
            Some(Keyword::Before) => {}
            _ => return !is_optional,
        }
        true
    }

    fn keyword(&mut self, place: &Range<usize>, keyword: Option<Keyword>, last: Last) {
        let Some(keyword) = keyword else {
            return self.unknown();
        };
        let begins = self.begins();
        match keyword {
            Keyword::Select => {
                self.operation(place, Expect::Anything);
                self.set_level(level::QUERY);
            }
            Keyword::Insert | Keyword::Update | Keyword::Delete | Keyword::Merge
                if begins || follows_parenthesis(last) =>
            {
                self.change(place, keyword);
            }
            Keyword::Replace if begins => self.change(place, keyword),
            Keyword::From if self.has(level::QUERY) && last != Last::Distinct => {
                self.expect(Expect::Source, level::SOURCES);
            }
            Keyword::Join if self.has(level::QUERY) => self.expect(Expect::Source, 0),
            Keyword::Using if self.has(level::USING) => self.expect(Expect::Target, 0),
            Keyword::Into if self.has(level::QUERY) => self.expect(Expect::Target, 0),
            Keyword::With if begins || last == Last::As || follows_parenthesis(last) => {
                self.expect(Expect::Cte, level::CTES);
            }
            Keyword::Values => {
                if begins {
                    self.text.push(&self.sql[place.clone()]);
                }
                self.clear(level::SOURCES);
                self.expect(Expect::Anything, level::LISTS);
            }
            Keyword::Clause if !begins => self.clear(level::SOURCES | level::LISTS),
            Keyword::Modifier => self.clear(level::LISTS),
            Keyword::Begin if self.defines => self.expect = Expect::Inner,
            _ if begins => self.command(place, keyword),
            _ => {}
        }
    }

    /// INSERT, UPDATE, DELETE and the like, unless it is a function's name.
    fn change(&mut self, place: &Range<usize>, keyword: Keyword) {
        if self.next(place.end) == Some(b'(') {
            return;
        }
        self.operation(place, Expect::Target);
        match keyword {
            Keyword::Update => self.set_level(level::QUERY | level::SOURCES),
            Keyword::Delete => {
                self.expect = Expect::Anything;
                self.set_level(level::QUERY | level::USING);
            }
            Keyword::Merge => self.set_level(level::USING),
            _ => self.set_level(0),
        }
    }

    /// The first word of a statement that is not on rows.
    fn command(&mut self, place: &Range<usize>, keyword: Keyword) {
        let after = match keyword {
            Keyword::Define | Keyword::Truncate => Expect::Kind {
                is_optional: keyword == Keyword::Truncate,
            },
            Keyword::Call | Keyword::About => Expect::Target,
            // EXPLAIN ANALYZE, BEGIN READ ONLY.
            _ if self.expect == Expect::Inner => return,
            Keyword::Explain | Keyword::Begin => Expect::Inner,
            Keyword::Around => Expect::Anything,
            Keyword::Command | Keyword::Clause => Expect::End,
            Keyword::End if self.text.is_empty() => Expect::End,
            _ => return self.unknown(),
        };
        self.operation(place, after);
        self.defines = keyword == Keyword::Define;
        let text = &self.sql[place.clone()];
        if keyword == Keyword::Truncate || text.eq_ignore_ascii_case("DROP") {
            self.set_level(level::SOURCES);
        }
    }

    /// A word that says nothing. A statement that begins with one is not understood.
    fn unknown(&mut self) {
        if self.expect == Expect::Command {
            self.expect = Expect::End;
        }
    }

    /// `is_call` where a word stands directly before: what is in the parenthesis are values.
    pub(super) fn open(&mut self, last: Last, is_call: bool) {
        let inside = match self.expect {
            Expect::Source => level::QUERY | level::SOURCES,
            _ if last == Last::In || is_call => level::VALUES,
            _ if self.has(level::LISTS | level::VALUES) => level::VALUES,
            _ => 0,
        };
        if matches!(self.expect, Expect::Target | Expect::Cte) {
            self.expect = Expect::Anything;
        }
        self.depth += 1;
        self.set_level(inside);
    }

    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.expects_name() {
            self.expect = Expect::Anything;
        }
    }

    pub(super) fn comma(&mut self) {
        match self.expect {
            Expect::End => {}
            _ if self.has(level::SOURCES) => self.expect = Expect::Source,
            _ if self.has(level::CTES) => self.expect = Expect::Cte,
            _ => {}
        }
    }

    /// A literal, a placeholder or an operator: no name.
    pub(super) fn other(&mut self) {
        if self.expects_name() {
            self.expect = Expect::Anything;
        }
    }

    pub(super) fn end_statement(&mut self) {
        self.depth = 0;
        self.set_level(0);
        self.expect = Expect::Command;
        self.ctes.clear();
    }

    fn operation(&mut self, place: &Range<usize>, after: Expect) {
        self.text.push(&self.sql[place.clone()]);
        self.expect = after;
    }

    fn expect(&mut self, expect: Expect, flags: u8) {
        self.expect = expect;
        let known = self.levels.get(self.depth).copied();
        self.set_level(known.unwrap_or_default() | flags);
    }

    fn has(&self, flags: u8) -> bool {
        let known = self.levels.get(self.depth);
        known.is_some_and(|known| known & flags != 0)
    }

    fn set_level(&mut self, flags: u8) {
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = flags;
        }
    }

    fn clear(&mut self, flags: u8) {
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level &= !flags;
        }
    }
}

fn follows_parenthesis(last: Last) -> bool {
    matches!(last, Last::Open | Last::OpenList | Last::Close)
}

/// Whether names may still come after a word that is none.
fn is_before(keyword: Option<Keyword>) -> bool {
    use Keyword::{Before, Into, Modifier, Replace};
    matches!(keyword, Some(Before | Into | Modifier | Replace))
}

/// The end of the part of a name that begins at `at`, empty where there is another point.
fn part_end(bytes: &[u8], at: usize, dialect: Dialect) -> Option<usize> {
    let first = *bytes.get(at)?;
    if name_quote(dialect, first).is_some() {
        let end = quoted_name(bytes, at, dialect)?;
        return end.is_closed.then_some(end.at);
    }
    let end = Class::WORD.end(bytes, at);
    (end > at || first == b'.').then_some(end)
}
