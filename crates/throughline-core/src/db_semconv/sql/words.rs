//! The words that matter, each compared as one number.

/// A word by its last eight bytes, without regard to the case of its letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    key: u64,
    pub(super) length: usize,
}

impl Word {
    /// The word of so many bytes that these end with.
    #[inline]
    pub(super) fn at_end(bytes: &[u8], length: usize) -> Self {
        let key = match bytes.last_chunk() {
            Some(last) => u64::from_be_bytes(*last) | u64::from_be_bytes([0x20; 8]),
            None => {
                bytes
                    .iter()
                    .fold(Self::default(), |word, &byte| word.with(byte))
                    .key
            }
        };
        let before = 64_u32.saturating_sub(8 * length.min(8) as u32);
        Self {
            key: key & u64::MAX.checked_shr(before).unwrap_or(0),
            length,
        }
    }

    /// The word with one more byte. Letters alone become letters by their bit of case, and no byte of a word becomes
    /// another's that a keyword has.
    #[inline]
    const fn with(self, byte: u8) -> Self {
        Self {
            key: (self.key << 8) | (byte | 0x20) as u64,
            length: self.length + 1,
        }
    }

    /// Its last byte, a letter as a small one. None where there is no byte.
    #[inline]
    pub(super) fn last(self) -> u8 {
        self.key as u8
    }

    /// In constants: it costs a loop.
    pub(super) const fn new(word: &str) -> Self {
        let bytes = word.as_bytes();
        let mut new = Self { key: 0, length: 0 };
        while new.length < bytes.len() {
            new = new.with(bytes[new.length]);
        }
        new
    }

    /// Whether it ends with these letters, eight at most.
    #[inline]
    pub(super) const fn ends_with(self, end: Self) -> bool {
        let shift = 64 - 8 * end.length as u32;
        self.length >= end.length && self.key << shift == end.key << shift
    }

    /// Whether it is this word of eight bytes at most.
    #[inline]
    pub(super) const fn is(self, word: Self) -> bool {
        self.length == word.length && self.key == word.key
    }
}

macro_rules! keywords {
    ($($(#[$doc:meta])* $keyword:ident = $($word:ident)+;)+) => {
        /// What a word says about the words around it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Keyword {
            $($(#[$doc])* $keyword,)+
        }

        impl Word {
            /// The keyword, of eight letters at most.
            pub(super) fn keyword(self) -> Option<Keyword> {
                $($(const $word: u64 = Word::new(stringify!($word)).key;)+)+
                if self.length > 8 {
                    return None;
                }
                match self.key {
                    $($($word)|+ => Some(Keyword::$keyword),)+
                    _ => None,
                }
            }
        }
    };
}

keywords! {
    /// A literal.
    Boolean = TRUE FALSE;
    Select = SELECT;
    /// It has a target, and maybe words in front of it.
    Insert = INSERT;
    Replace = REPLACE;
    Update = UPDATE;
    Delete = DELETE;
    Merge = MERGE UPSERT;
    /// A list of tables.
    From = FROM;
    Join = JOIN;
    Into = INTO;
    Using = USING;
    /// What ends a list of tables.
    Clause = WHERE GROUP ORDER HAVING LIMIT UNION EXCEPT SET OFFSET FETCH FOR WINDOW QUALIFY MINUS OUTFILE DUMPFILE;
    /// In front of `FROM` it makes a comparison.
    Distinct = DISTINCT;
    Values = VALUES;
    In = IN;
    /// What stands between two values, as an operator does.
    Compare = LIKE ILIKE GLOB MATCH REGEXP WHEN THEN ELSE IS;
    /// A comparison whose AND is a part of it.
    Between = BETWEEN;
    And = AND;
    With = WITH;
    As = AS;
    /// What makes something of a kind, and then its name.
    Define = CREATE ALTER DROP REFRESH;
    Truncate = TRUNCATE;
    /// A command with the name of a procedure.
    Call = CALL EXEC EXECUTE;
    /// A command with the name of a table or a database.
    About = COPY USE;
    /// Where data come from that follow the statement.
    Stdin = STDIN;
    /// A command on the command that follows.
    Explain = EXPLAIN DESCRIBE DESC;
    Begin = BEGIN;
    End = END;
    /// A command around another one.
    Around = DECLARE PREPARE;
    /// A command whose words say nothing more.
    Command = ANALYZE ATTACH CLOSE CLUSTER COMMENT COMMIT DETACH DISCARD DO FLUSH GRANT HANDLER IMPORT INSTALL KILL
        LISTEN LOAD LOCK MOVE NOTIFY OPTIMIZE PRAGMA REASSIGN REINDEX RELEASE RENAME REPAIR RESET REVOKE ROLLBACK
        SHOW START TABLE UNLISTEN UNLOAD UNLOCK VACUUM XA;
    /// What may stand before a table's name without being one.
    Before = ONLY LATERAL;
    /// What may stand before the name of what a command is about.
    Modifier = OR IGNORE ABORT FAIL IF NOT EXISTS QUICK DELAYED ON;
    /// A kind of things with names that are worth being known.
    Named = VIEW INDEX DATABASE SCHEMA SEQUENCE FUNCTION TRIGGER TYPE DOMAIN;
    /// A kind of things whose names are those of people, or no names.
    Unnamed = USER ROLE LOGIN SERVER POLICY RULE EVENT CAST OPERATOR LANGUAGE SYSTEM SESSION PROFILE;
    /// A value follows, or a kind of privileges.
    Default = DEFAULT;
}

/// Commands and kinds that are longer.
const LONG_COMMANDS: &[&str] = &["CHECKPOINT", "DEALLOCATE", "SAVEPOINT"];
const LONG_NAMED: &[&str] = &["PROCEDURE", "EXTENSION"];
const LONG_UNNAMED: &[&str] = &[
    "SUBSCRIPTION",
    "PUBLICATION",
    "TABLESPACE",
    "COLLATION",
    "AGGREGATE",
];
const LONG_MODIFIERS: &[&str] = &[
    "CONCURRENTLY",
    "LOW_PRIORITY",
    "HIGH_PRIORITY",
    "OVERWRITE",
    "RECURSIVE",
];

/// The keyword where a statement, a kind or a name is expected: of any length.
pub(super) fn long_keyword(word: &str) -> Option<Keyword> {
    let is_one_of = |words: &[&str]| words.iter().any(|it| it.eq_ignore_ascii_case(word));
    if is_one_of(LONG_COMMANDS) {
        Some(Keyword::Command)
    } else if is_one_of(LONG_NAMED) {
        Some(Keyword::Named)
    } else if is_one_of(LONG_UNNAMED) {
        Some(Keyword::Unnamed)
    } else {
        is_one_of(LONG_MODIFIERS).then_some(Keyword::Modifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<Keyword>) {
        assert_eq!(Word::new(word).keyword(), expected, "{word}");
    }

    #[test]
    fn keywords_are_known_in_any_case_and_as_a_whole() {
        check("select", Some(Keyword::Select));
        check("SeLeCt", Some(Keyword::Select));
        check("selects", None);
        check("xselect", None);
        check("DATABASE", Some(Keyword::Named));
        check("xDATABASE", None);
        check("s\u{c5}lect", None);
    }

    #[test]
    fn words_are_told_by_their_ends() {
        assert!(Word::new("MASTER_PASSWORD").ends_with(Word::new("password")));
        assert!(Word::new("pwd").ends_with(Word::new("PWD")));
        assert!(!Word::new("wd").ends_with(Word::new("pwd")));
        assert!(!Word::new("password_hash").ends_with(Word::new("password")));
        assert!(Word::new("by").is(Word::new("BY")));
        assert!(!Word::new("bby").is(Word::new("BY")));
    }
}
