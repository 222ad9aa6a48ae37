//! Which literals are secrets, even where literals are kept.

use super::keywords::Keyword;
use super::words::Word;

/// What the next literal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Whether it begins with CREATE, ALTER or the like.
    defines: bool,
    /// Whether what it defines is an account, whose password somebody may have written without quotes.
    is_on_account: bool,
    is_identified: bool,
    /// Whether a secret without quotes may come next.
    is_bare: bool,
}

impl Secrets {
    /// A name in quotes, or a part of one.
    #[inline]
    pub(super) fn name(&mut self, name: Word) {
        self.word(name, None, false);
    }

    /// A word, which is not a part of a name. `is_first` of its statement.
    #[inline]
    pub(super) fn word(&mut self, word: Word, keyword: Option<Keyword>, is_first: bool) {
        let named = self.named_by(word);
        if named != Next::Unknown || self.next != Next::Unknown || !self.is_on_rows {
            self.telling_word(word, keyword, is_first, named);
        }
    }

    /// A word that says something, or comes where each word does.
    fn telling_word(&mut self, word: Word, keyword: Option<Keyword>, is_first: bool, named: Next) {
        if is_first {
            self.has_keys =
                word.is(const { Word::new("PRAGMA") }) || word.is(const { Word::new("ATTACH") });
            self.is_on_rows = keyword.is_some_and(is_on_rows);
            self.defines = keyword == Some(Keyword::Define);
        }
        match named {
            Next::Unknown if self.is_on_rows => {
                if self.next == Next::Secret && !is_between(word, keyword) {
                    self.next = Next::Unknown;
                }
            }
            Next::Unknown => {
                self.is_on_account |= self.defines && is_account(word);
                self.is_bare = self.is_identified && word.is(const { Word::new("BY") });
            }
            Next::Secret if self.is_on_rows => self.next = self.next.max(Next::Secret),
            Next::Secret | Next::AllSecret => {
                self.next = Next::AllSecret;
                let is_password = word.is(const { Word::new("PASSWORD") });
                self.is_bare = self.has_keys || self.is_on_account && is_password;
            }
        }
    }

    /// What follows a name.
    #[inline]
    fn named_by(&mut self, word: Word) -> Next {
        const fn end(word: &str) -> u16 {
            Word::new(word).last_two()
        }
        // Most words end with other letters. Short arrays are compared at once.
        const D: [u16; 3] = [end("password"), end("passwd"), end("identified")];
        const E_N_Y: [u16; 3] = [end("passphrase"), end("token"), end("key")];
        const S_T: [u16; 3] = [end("credentials"), end("secret"), end("crypt")];
        let last = word.last_two();
        match D.contains(&last) || E_N_Y.contains(&last) || S_T.contains(&last) {
            true => self.named_by_end(word),
            false => Next::Unknown,
        }
    }

    fn named_by_end(&mut self, word: Word) -> Next {
        macro_rules! ends_with {
            ($($end:literal)+) => { $(word.ends_with(const { Word::new($end) }))||+ };
        }
        if word.length == 10 && ends_with!("entified") {
            self.is_identified = !self.is_on_rows;
            return match self.is_identified {
                true => Next::Secret,
                false => Next::Unknown,
            };
        }
        if ends_with!("crypt") {
            return Next::AllSecret;
        }
        let is_secret = ends_with!("password" "passwd" "pwd" "ssphrase" "secret")
            || ends_with!("token" "dentials" "_key" "apikey")
            || self.has_keys && ends_with!("key");
        match is_secret {
            true => Next::Secret,
            false => Next::Unknown,
        }
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
        // And PASSWORD EXPIRE, PASSWORD NULL.
        let is_keyword = word.is(const { Word::new("PASSWORD") })
            || word.is(const { Word::new("RANDOM") })
            || word.is(const { Word::new("VALUES") })
            || word.is(const { Word::new("EXPIRE") })
            || word.is(const { Word::new("NULL") });
        self.is_bare = false;
        !is_keyword
    }

    /// Whether a number is one.
    pub(super) fn is_secret_number(&mut self) -> bool {
        self.take_bare(Word::default()) || self.next != Next::Unknown
    }

    /// Whether a string of these bytes, with its quotes, is one. It may name one, too: `set_config('a.password', '…')`.
    pub(super) fn is_secret(&mut self, string: &[u8]) -> bool {
        let is_secret = self.is_secret_number() || looks_secret(string);
        let inside = &string[..string.len() - 1];
        if self.next == Next::Unknown {
            self.next = self.named_by(Word::at_end(inside, inside.len()));
        }
        is_secret
    }
}

fn is_on_rows(keyword: Keyword) -> bool {
    use Keyword::{Call, Delete, Insert, Merge, Replace, Select, Update, Values, With};
    matches!(
        keyword,
        Select | Insert | Update | Delete | Merge | Replace | With | Values | Call
    )
}

fn is_account(word: Word) -> bool {
    word.is(const { Word::new("USER") })
        || word.is(const { Word::new("ROLE") })
        || word.is(const { Word::new("LOGIN") })
}

/// Whether a literal may still be the value of the name before this word: `password LIKE '…'`.
fn is_between(word: Word, keyword: Option<Keyword>) -> bool {
    matches!(
        keyword,
        Some(Keyword::In | Keyword::Compare | Keyword::Between | Keyword::As | Keyword::Modifier)
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
        b'k' | b'K' => has(at + 1, b"ey="),
        b't' | b'T' => has(at + 1, b"oken="),
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
