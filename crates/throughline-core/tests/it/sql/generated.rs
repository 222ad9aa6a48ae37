//! Statements that are made up: no literal survives, and nothing panics.

use std::fmt::Write;

use super::*;

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Literals of all dialects; `%` stands for the marker and is in no name.
const COMMON: &[&str] = &[
    "'%'",
    "'it''s %'",
    "'% ''%'''",
    "'-- %'",
    "'/* %'",
    "'\"%'",
    "'`%'",
    "'[%'",
    "'%\n%'",
    "'ü%ü'",
    "''",
    "' % '",
    "x'%'",
    "X'%'",
    "N'%'",
    "b'%'",
    "DATE '%'",
    "INTERVAL '%' DAY",
    "%",
    "-%",
    "+%",
    "%.%",
    "-%.%",
    ".%",
    "%e5",
    "%E-%",
    "0x%",
    "0X%",
    "1_%",
    "%.",
    "'$$%'",
    "'?%'",
    "'#%'",
    "'{%}'",
];

const POSTGRESQL: &[&str] = &[
    "E'%'",
    r"E'\'%'",
    r"e'%\\'",
    "E'%'\n'\\'%'",
    "E'%' -- it's %\n '\\'%'",
    "$1$$%$$",
    r"'%\'",
    "$$%$$",
    "$$it's %$$",
    "$a$ $$ % $b$ $a$",
    "$_1$%$_1$",
    "U&'%'",
    "B'%'",
    "'%'::text",
    "ARRAY['%', %]",
    "'{%}'::int[]",
    "$$\"%$$",
];

const MYSQL: &[&str] = &[
    r"'\'%'",
    r"'%\\'",
    r"'\\\'%'",
    "\"%\"",
    "\"it's %\"",
    "\"% \"\"%\"",
    r#""\"%""#,
    "_utf8'%'",
    "_utf8mb4 '%'",
    "_latin1\"%\"",
    "n'%'",
    "0b%",
    "'`%'",
    "\"`%\"",
    "/*!50000 '%', % */",
    "/*!50000 % /* it's % */ */",
    "/*!99999 it's */",
];

const SQLITE: &[&str] = &[
    r"'%\'",
    "'[%]'",
    "'`%`'",
    "x'%'",
    "$a(')||'%'",
    "f(\"%\", \"it's %\")",
    "1 BETWEEN \"%\" AND \"%\"",
];

const OTHER: &[&str] = &[
    "\"%\"",
    "$$%$$",
    "q'%'",
    "q'[it's %]'",
    "1 # it's\n + '%'",
    "ARRAY['%', %]",
    "\"it's %\"",
    "'%\\a'",
];

/// What stands around literals: `@` stands for one.
const SHAPES: &[&str] = &[
    "SELECT @, @ FROM t WHERE a = @",
    "SELECT a FROM t WHERE b=@ AND c<>@ OR d IN (@, @,@) AND e NOT IN (@)",
    "SELECT a FROM t WHERE b BETWEEN @ AND @ ORDER BY c LIMIT @ OFFSET @",
    "INSERT INTO t (a, b) VALUES (@, @), (@,@)",
    "INSERT INTO t VALUES(@, f(@), @+@) ON CONFLICT (a) DO UPDATE SET b = @",
    "UPDATE t SET a = @, b=@ WHERE c = @",
    "DELETE FROM t WHERE a LIKE @ AND b IS NOT NULL AND c IS DISTINCT FROM @",
    "SELECT CASE WHEN a = @ THEN @ ELSE @ END FROM t /* % @ */",
    "SELECT a -- it's %\n, @ FROM t",
    "SELECT coalesce(a, @), TRIM(BOTH @ FROM b) FROM t GROUP BY c HAVING count(*) > @",
    "WITH x AS (SELECT @ FROM t) SELECT * FROM x, u WHERE a = @; SELECT @",
    "CALL p(@, @)",
    "SELECT (@), a||@||b, @/@, @*@ FROM (SELECT @) AS s",
    "CREATE TABLE t (a INT DEFAULT @, b VARCHAR(@))",
    "ALTER USER bob PASSWORD @",
    "SELECT a FROM t WHERE b = @ AND",
    "SET a = @",
    "SELECT @",
];

/// What is named by a name in quotes with another quote in it.
fn name(dialect: Dialect, random: &mut Random) -> &'static str {
    match dialect {
        PostgreSql => random.of(&["\"n'\"", "\"n\"\"'\"", "\"n$$\"", "\"n/*\"", "s.n"]),
        MySql => random.of(&["`n'`", "`n``\"`", "`n#`", "`n--`", "s.n"]),
        Sqlite => random.of(&["[n']", "\"n\"", "`n'`", "[n\"]", "s.n"]),
        _ => random.of(&["`n'`", "[n]", "s.n"]),
    }
}

fn literals(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        PostgreSql => POSTGRESQL,
        MySql => MYSQL,
        Sqlite => SQLITE,
        _ => OTHER,
    }
}

/// A statement of one to three parts with a marker, of digits that stand nowhere else, in each literal.
fn statement(dialect: Dialect, random: &mut Random) -> String {
    let mut sql = String::new();
    for _ in 0..=random.below(3) {
        let shape = random.of(SHAPES);
        for (index, part) in shape.split('@').enumerate() {
            if index > 0 {
                let own = literals(dialect);
                let literal = match random.below(2) {
                    0 => random.of(COMMON),
                    _ => random.of(own),
                };
                sql.push_str(literal);
            }
            sql.push_str(part);
        }
        match random.below(3) {
            0 => sql.push_str(";\n"),
            1 => write!(sql, " UNION SELECT {} ", name(dialect, random)).unwrap(),
            _ => sql.push_str(" , "),
        }
    }
    sql.replace('%', MARKER)
}

/// Digits, since it is a number, too.
const MARKER: &str = "7070707";

#[test]
fn no_literal_survives() {
    for dialect in DIALECTS {
        let mut random = Random(7);
        for _ in 0..20_000 {
            let sql = statement(dialect, &mut random);
            let statement = Statement::read(&sql, dialect);
            let text = statement.sanitized();
            assert!(!text.contains(MARKER), "{dialect:?}: {sql}\n{text}");
            let summary = statement.summary().unwrap_or_default();
            assert!(!summary.contains(MARKER), "{dialect:?}: {sql}\n{summary}");
        }
    }
}

/// What begins, ends or turns something.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "[",
    "]",
    "$",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "#",
    "\\",
    "\n",
    " ",
    "(",
    ")",
    ",",
    ";",
    ".",
    "+",
    "-",
    "?",
    ":",
    "::",
    "@",
    "@@",
    "{",
    "}",
    "E'",
    "U&'",
    "_utf8'",
    "x'",
    "0x",
    "1",
    "9.9e-",
    "ü",
    "…",
    "\u{0}",
    "SELECT ",
    "FROM ",
    "JOIN ",
    "INSERT ",
    "INTO ",
    "UPDATE ",
    "DELETE ",
    "WITH ",
    "AS ",
    "IN ",
    "VALUES ",
    "CREATE ",
    "TABLE ",
    "DROP ",
    "TRUNCATE ",
    "USING ",
    "EXPLAIN ",
    "BEGIN ",
    "END ",
    "CALL ",
    "PASSWORD ",
    "IDENTIFIED ",
    "BY ",
    "PRAGMA ",
    "key ",
    "MERGE ",
    "ON ",
    "DISTINCT ",
    "name",
    "t.",
    "/*!5",
    "&",
];

#[test]
fn nothing_panics_at_random_inputs() {
    let mut random = Random(1);
    for _ in 0..100_000 {
        let mut sql = String::new();
        for _ in 0..random.below(24) {
            match random.below(8) {
                0 => sql.extend(char::from_u32(random.below(0x300) as u32)),
                _ => sql.push_str(random.of(PIECES)),
            }
        }
        for dialect in DIALECTS {
            let statement = Statement::read(&sql, dialect);
            let summary = statement.summary().unwrap_or_default();
            assert!(summary.chars().count() <= 255);
            assert!(statement.sanitized().len() <= sql.len() + 1);
        }
    }
}

#[test]
fn parentheses_may_be_deep() {
    let sql = format!(
        "SELECT 1 FROM {} t {} WHERE a = 1",
        "(".repeat(9000),
        ")".repeat(9000)
    );
    let expected = sql.replace('1', "?");
    texts(&sql, &expected);
    texts(&")".repeat(100), &")".repeat(100));
}
