//! The words that say something about the words around them.

use super::words::Word;

macro_rules! keywords {
    ($($(#[$doc:meta])* $keyword:ident = $($word:ident)+;)+) => {
        /// What a word says about the words around it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Keyword {
            $($(#[$doc])* $keyword,)+
        }

        /// Of eight letters at most.
        static KEYWORDS: &[(u64, Keyword)] = ALL;
        const ALL: &[(u64, Keyword)] =
            &[$($((Word::new(stringify!($word)).key, Keyword::$keyword),)+)+];
    };
}

impl Word {
    /// The keyword, of eight letters at most.
    #[inline]
    pub(super) fn keyword(self) -> Option<Keyword> {
        // Where no keyword has the place, the first one is compared.
        let (key, keyword) = KEYWORDS[usize::from(NUMBERS[place(self.key, MULTIPLIER)])];
        (key == self.key && self.length <= 8).then_some(keyword)
    }
}

/// Where a key is in [`NUMBERS`].
#[inline]
const fn place(key: u64, multiplier: u64) -> usize {
    (key.wrapping_mul(multiplier) >> (64 - PLACES.ilog2())) as usize
}

/// Enough for some multiplier to give each keyword a place of its own.
const PLACES: usize = 2048;

/// By place, the number of the only keyword that can be meant.
static NUMBERS: [u8; PLACES] = match numbers(MULTIPLIER) {
    Some(numbers) => numbers,
    None => unreachable!(),
};

/// Found by trying, when this is compiled.
const MULTIPLIER: u64 = {
    let mut multiplier = 1;
    while numbers(multiplier).is_none() {
        // Knuth's MMIX.
        multiplier = u64::wrapping_add(
            u64::wrapping_mul(multiplier, 6_364_136_223_846_793_005),
            1_442_695_040_888_963_407,
        );
    }
    multiplier
};

/// The table for a multiplier. None where two keywords would have one place.
const fn numbers(multiplier: u64) -> Option<[u8; PLACES]> {
    let mut numbers = [0; PLACES];
    let mut number = 1;
    while number < ALL.len() {
        let place = place(ALL[number].0, multiplier);
        if numbers[place] != 0 || place == self::place(ALL[0].0, multiplier) {
            return None;
        }
        numbers[place] = number as u8;
        number += 1;
    }
    Some(numbers)
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
}
