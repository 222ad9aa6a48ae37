//! Which literals are secrets, even where literals are kept.

use super::words::{Keyword, Word};

/// What the next literal is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Next {
    /// Looked at by itself.
    #[default]
    Unknown,
    /// A secret, if no other word comes between.
    Secret,
    /// A secret, and so is every other in the statement.
    AllSecret,
}

/// What a statement has said of secrets so far.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    next: Next,
    /// Whether the statement reads or writes rows. Else it may be one on accounts, with passwords anywhere.
    is_on_rows: bool,
    /// Whether it begins with PRAGMA or ATTACH, where a KEY is one of encryption.
    has_keys: bool,
    is_identified: bool,
    /// Whether a secret without quotes may come next.
    is_bare: bool,
}

impl Secrets {
    /// A name in quotes, or a part of one.
    pub(super) fn name(&mut self, name: Word) {
        self.word(name, None, false);
    }

    /// A word, which is not a part of a name. `is_first` of its statement.
    pub(super) fn word(&mut self, word: Word, keyword: Option<Keyword>, is_first: bool) {
        if is_first {
            self.has_keys =
                word.is(const { Word::new("PRAGMA") }) || word.is(const { Word::new("ATTACH") });
            self.is_on_rows = keyword.is_some_and(is_on_rows);
        }
        if self.names_a_secret(word) {
            self.next = match self.is_on_rows {
                true => Next::Secret,
                false => Next::AllSecret,
            };
            self.is_bare = self.has_keys;
        } else if word.is(const { Word::new("BY") }) && self.is_identified {
            self.is_bare = true;
        } else if self.next == Next::Secret && !is_between(word, keyword) {
            self.next = Next::Unknown;
        }
    }

    fn names_a_secret(&mut self, word: Word) -> bool {
        if word.length < 3 {
            return false;
        }
        // IDENTIFIED, by its last eight letters.
        let is_identified = word.length == 10 && word.ends_with(const { Word::new("entified") });
        self.is_identified |= is_identified;
        is_identified
            || word.ends_with(const { Word::new("password") })
            || word.ends_with(const { Word::new("secret") })
            || word.ends_with(const { Word::new("passwd") })
            || word.ends_with(const { Word::new("pwd") })
            || word.ends_with(const { Word::new("token") })
            || word.ends_with(const { Word::new("dentials") })
            || word.ends_with(const { Word::new("cess_key") })
            || (self.has_keys && word.ends_with(const { Word::new("key") }))
    }

    /// Whether a secret that is not a string may come next.
    pub(super) fn may_be_bare(&self) -> bool {
        self.is_bare
    }

    /// Whether this word or number is a secret without quotes.
    pub(super) fn take_bare(&mut self, word: Word) -> bool {
        if !self.is_bare {
            return false;
        }
        // IDENTIFIED BY RANDOM PASSWORD, BY PASSWORD '…', BY VALUES '…'.
        let is_keyword = word.is(const { Word::new("PASSWORD") })
            || word.is(const { Word::new("RANDOM") })
            || word.is(const { Word::new("VALUES") });
        self.is_bare = false;
        !is_keyword
    }

    /// Whether a string of these bytes is one.
    pub(super) fn is_secret(&self, string: &[u8]) -> bool {
        self.next != Next::Unknown || looks_secret(string)
    }
}

fn is_on_rows(keyword: Keyword) -> bool {
    use Keyword::{Call, Delete, Explain, Insert, Merge, Replace, Select, Update, Values, With};
    matches!(
        keyword,
        Select | Insert | Update | Delete | Merge | Replace | With | Values | Explain | Call
    )
}

/// Whether a literal may still be the value of the name before this word: `password LIKE '…'`.
fn is_between(word: Word, keyword: Option<Keyword>) -> bool {
    matches!(
        keyword,
        Some(Keyword::In | Keyword::Compare | Keyword::As | Keyword::Modifier)
    ) || word.is(const { Word::new("BY") })
        || word.is(const { Word::new("TO") })
}

/// Whether a text has a password in it: a connection string with one, or a statement on accounts.
pub(super) fn looks_secret(text: &[u8]) -> bool {
    const ENDINGS: &[&[u8]] = &[b"assword", b"asswd", b"wd=", b"assphrase"];
    let has = |at: usize, rest: &[u8]| {
        let here = text.get(at..at + rest.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(rest))
    };
    text.iter().enumerate().any(|(at, &byte)| match byte {
        b'p' | b'P' => ENDINGS.iter().any(|ending| has(at + 1, ending)),
        b's' | b'S' => has(at + 1, b"ecret"),
        b'i' | b'I' => has(at + 1, b"dentified by"),
        b':' => has(at + 1, b"//") && has_user(&text[at + 3..]),
        _ => false,
    })
}

/// Whether an authority (RFC 3986, section 3.2) begins with a user's information.
fn has_user(authority: &[u8]) -> bool {
    let ends = |byte: &u8| matches!(byte, b'@' | b'/' | b'?' | b'#' | b' ' | b'\n');
    authority.iter().find(|byte| ends(byte)) == Some(&b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(looks_secret(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn connection_strings_and_accounts_look_secret() {
        check("host=db user=app password=hunter2", true);
        check("Server=db;Uid=app;Pwd=hunter2", true);
        check("postgres://app:hunter2@db/shop", true);
        check("BEGIN; ALTER USER a IDENTIFIED BY 'b'", true);
        check("my Passphrase", true);
        check("host=db user=app", false);
        check("https://db/shop?to=a@b", false);
        check("12:30", false);
        check("p", false);
        check("://", false);
        check("", false);
    }
}
