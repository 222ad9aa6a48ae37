//! Statements.

use std::hint::black_box;

use throughline_core::db_semconv::sql::{Dialect, Statement};

use super::Target;
use crate::random::mutated;

macro_rules! dialect {
    ($name:literal, $dialect:ident, [$($seed:literal),+ $(,)?]) => {
        Target {
            name: $name,
            // Behind those of the dialect what might be looked at again and again, were it read carelessly.
            seeds: &[
                $($seed,)+
                "sql: 'a",
                "sql: \"a\\'",
                "sql: (",
                "sql: /*",
                "sql: /*!",
                "sql: --",
                "sql: # ",
                "sql: $a",
                "sql: [a ",
                "sql: E'' -- a",
                "sql: a IN (1, 'b', ",
                "sql: FROM a.b, ",
                "sql: WITH a AS (SELECT ",
                "sql: p password identified BY secret://",
            ],
            input: mutated,
            check: |input| check(&statement(input), Dialect::$dialect),
            prepare: |input| {
                let sql = statement(input);
                Box::new(move || {
                    drop(black_box(Statement::read(
                        black_box(&sql),
                        Dialect::$dialect,
                    )))
                })
            },
            has_fixed_cost: false,
            is_dear: false,
        }
    };
}

pub(super) const TARGETS: [Target; 4] = [
    dialect!(
        "sql-postgresql",
        PostgreSql,
        [
            "sql: SELECT o.\"id\", 'it''s', E'\\'', $a$ $$ $a$ FROM s.orders o JOIN c ON c.id = o.c /* a /* b */ */ WHERE a = $1",
            "sql: WITH x AS (INSERT INTO t VALUES (1, -2.5e3)) SELECT * FROM x, u WHERE a IN (1, 2) -- end\n; DROP TABLE a, b",
            "sql: ALTER USER bob PASSWORD 'a'; COPY t FROM 'postgres://a:b@c/d'; DO $$ BEGIN END $$",
        ]
    ),
    dialect!(
        "sql-mysql",
        MySql,
        [
            "sql: UPDATE `a`.b, c SET d = \"e\", f = _utf8'g\\'' # end\nWHERE h IN (0x1f, b'01') /*!40101 AND i */",
            "sql: GRANT ALL ON *.* TO 'a'@'%' IDENTIFIED BY 'b'; CALL p(@a, 1)",
        ]
    ),
    dialect!(
        "sql-sqlite",
        Sqlite,
        [
            "sql: INSERT OR IGNORE INTO [a b] (\"c\", d) VALUES (?1, :e, @f, $g, \"h\", x'00') ON CONFLICT (c) DO NOTHING",
            "sql: PRAGMA key = 'a'; SELECT a FROM (b, c) WHERE d = \"e\" GROUP BY f",
        ]
    ),
    dialect!(
        "sql-other",
        Other,
        [
            "sql: MERGE INTO a USING b ON a.c = b.c WHEN MATCHED THEN UPDATE SET d = 'e\\f' -- g",
            "sql: {call a.b(:1, \"c\", [d], 'e')}",
        ]
    ),
];

/// The text behind the name.
fn statement(input: &[u8]) -> String {
    let text = input.strip_prefix(b"sql: ").unwrap_or(input);
    String::from_utf8_lossy(text).into_owned()
}

/// No text is longer than the statement and the mark of one that was cut.
fn check(sql: &str, dialect: Dialect) {
    const MARK: &str = "…";
    let statement = Statement::read(sql, dialect);
    for text in [statement.sanitized(), statement.as_written()] {
        assert!(text.len() <= sql.len() + MARK.len());
    }
    let summary = statement.summary().unwrap_or_default();
    assert!(summary.chars().count() <= 255);
}
