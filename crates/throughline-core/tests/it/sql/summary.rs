//! `db.query.summary` (conventions, "Generating a summary of the query").

use super::*;

/// In each dialect.
#[track_caller]
fn check(sql: &str, expected: &str) {
    summary(&DIALECTS, sql, expected);
}

#[test]
fn the_conventions_examples_hold() {
    check(
        "SELECT *\nFROM   wuser_table\nWHERE  username = ?",
        "SELECT wuser_table",
    );
    check(
        "SELECT * FROM songs, artists WHERE songs.artist_id == artists.id",
        "SELECT songs artists",
    );
    summary(
        &[Other, Sqlite],
        "SELECT * FROM \"song list\", 'artists'",
        "SELECT \"song list\" 'artists'",
    );
    check("{call some_stored_procedure}", "call some_stored_procedure");
    check(
        "EXECUTE some_stored_procedure @a = 1",
        "EXECUTE some_stored_procedure",
    );
}

#[test]
fn rows_are_read_and_changed() {
    check(
        "select a, b from s.t as x where c = 1 order by d, e",
        "select s.t",
    );
    check("SELECT 1", "SELECT");
    check(
        "INSERT INTO orders (a, b) VALUES (1, 2), (3, 4)",
        "INSERT orders",
    );
    check(
        "INSERT INTO orders (a) SELECT b FROM order_items",
        "INSERT orders SELECT order_items",
    );
    check(
        "UPDATE orders SET a = 1, b = 2 WHERE c = 3",
        "UPDATE orders",
    );
    check("UPDATE a SET b = c.d FROM c WHERE a.e = c.e", "UPDATE a c");
    check("DELETE FROM orders WHERE a = 1", "DELETE orders");
    check("DELETE FROM a USING b WHERE a.c = b.c", "DELETE a b");
    check(
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)",
        "MERGE t s",
    );
    check(
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING c, d",
        "INSERT t",
    );
    check(
        "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE b = 1, c = 2",
        "INSERT t",
    );
    check("SELECT a FROM t WHERE b = 1 FOR UPDATE", "SELECT t");
    check("INSERT OR IGNORE INTO t VALUES (1)", "INSERT t");
    check("REPLACE INTO t VALUES (1)", "REPLACE t");
    check(
        "UPDATE LOW_PRIORITY IGNORE t SET a = REPLACE(b, 'c', 'd')",
        "UPDATE t",
    );
    check("UPDATE ONLY t SET a = 1", "UPDATE t");
    check("SELECT a INTO u FROM t", "SELECT u t");
    check("SELECT a INTO OUTFILE '/a' FROM t", "SELECT t");
}

#[test]
fn joins_and_lists_have_many_tables() {
    check(
        "SELECT * FROM a JOIN b ON a.x = b.x LEFT OUTER JOIN c USING (x, y), d",
        "SELECT a b c d",
    );
    check("SELECT * FROM (a CROSS JOIN b), c", "SELECT a b c");
    check("SELECT * FROM a AS x (p, q), b y", "SELECT a b");
    check(
        "SELECT * FROM a JOIN LATERAL (SELECT 1 FROM b) l ON true",
        "SELECT a SELECT b",
    );
    check("SELECT * FROM generate_series(1, 10) g, t", "SELECT t");
    check("SELECT * FROM ONLY t", "SELECT t");
    check("UPDATE a, b SET a.x = b.x", "UPDATE a b");
    check(
        "UPDATE a JOIN b ON a.x = b.x SET a.y = 1, b.y = 2",
        "UPDATE a b",
    );
}

#[test]
fn queries_stand_within_queries() {
    check(
        "SELECT a, (SELECT max(b) FROM u) FROM t",
        "SELECT SELECT u t",
    );
    check(
        "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = 1) AND e = 2",
        "SELECT t SELECT u",
    );
    check(
        "SELECT a FROM t UNION ALL SELECT b FROM u",
        "SELECT t SELECT u",
    );
    check(
        "(SELECT a FROM t) UNION (SELECT b FROM u)",
        "SELECT t SELECT u",
    );
    check("SELECT EXISTS (SELECT 1 FROM t)", "SELECT SELECT t");
}

#[test]
fn names_of_common_table_expressions_are_not_tables() {
    check(
        "WITH x AS (SELECT a FROM b) SELECT c FROM x",
        "SELECT b SELECT",
    );
    check(
        "WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM X), y AS (SELECT 2) SELECT * FROM x, y, z",
        "SELECT SELECT SELECT SELECT z",
    );
    check(
        "WITH x AS MATERIALIZED (SELECT a FROM b) DELETE FROM t USING x",
        "SELECT b DELETE t",
    );
    check(
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) UPDATE u SET b = 1 FROM x",
        "INSERT t UPDATE u",
    );
    check(
        "INSERT INTO t (a) WITH x AS (SELECT b FROM u) SELECT b FROM x",
        "INSERT t SELECT u SELECT",
    );
    check(
        "CREATE VIEW v AS WITH x AS (SELECT b FROM u) SELECT b FROM x",
        "CREATE VIEW v SELECT u SELECT",
    );
}

#[test]
fn from_is_not_always_followed_by_a_table() {
    check("SELECT EXTRACT(YEAR FROM created) FROM t", "SELECT t");
    check(
        "SELECT TRIM(BOTH 'x' FROM name), SUBSTRING(name FROM 2) FROM t",
        "SELECT t",
    );
    check(
        "SELECT a FROM t WHERE b IS DISTINCT FROM 'secret'",
        "SELECT t",
    );
    check("SELECT a FROM t WHERE b IS NOT DISTINCT FROM c", "SELECT t");
    check("SELECT DISTINCT a FROM t", "SELECT t");
    check("COPY t (a, b) FROM '/tmp/file'", "COPY t");
    check("REVOKE SELECT ON t FROM bob", "REVOKE");
    check("GRANT SELECT, INSERT ON t TO bob", "GRANT");
    check("SELECT t.from, t.join, u.select FROM t", "SELECT t");
}

#[test]
fn names_in_quotes_are_as_they_were_written() {
    summary(
        &[PostgreSql, Sqlite, Other],
        r#"SELECT * FROM "a b"."C" JOIN d."e""f" ON 1 = 1"#,
        r#"SELECT "a b"."C" d."e""f""#,
    );
    summary(
        &[MySql, Sqlite, Other],
        "SELECT * FROM `a b`.`C`, d.`e`",
        "SELECT `a b`.`C` d.`e`",
    );
    summary(
        &[Sqlite, Other],
        "SELECT * FROM [a b].[C], dbo..e",
        "SELECT [a b].[C] dbo..e",
    );
    summary(&[PostgreSql, MySql], "SELECT * FROM 'a'", "SELECT");
    check("INSERT INTO größe VALUES (1)", "INSERT größe");
}

#[test]
fn definitions_have_a_kind_and_a_name() {
    check(
        "CREATE TABLE IF NOT EXISTS s.t (a INT REFERENCES u (b) ON DELETE CASCADE ON UPDATE SET NULL)",
        "CREATE TABLE s.t",
    );
    check(
        "CREATE TABLE t AS SELECT a FROM u",
        "CREATE TABLE t SELECT u",
    );
    check(
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t USING btree (a, b)",
        "CREATE INDEX i",
    );
    check("CREATE INDEX ON t (a)", "CREATE INDEX t");
    check(
        "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
        "CREATE VIEW v SELECT",
    );
    check("DROP TABLE IF EXISTS a, b CASCADE", "DROP TABLE a b");
    check("ALTER TABLE ONLY t ADD a INT, ADD b INT", "ALTER TABLE t");
    check("TRUNCATE TABLE a, b", "TRUNCATE TABLE a b");
    check("TRUNCATE a", "TRUNCATE a");
    check("CREATE DATABASE d", "CREATE DATABASE d");
    check("CREATE PROCEDURE p() SELECT 1", "CREATE PROCEDURE p SELECT");
    check(
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE u SET a = 1; END",
        "CREATE TRIGGER g UPDATE u",
    );
    check("REFRESH MATERIALIZED VIEW v", "REFRESH VIEW v");
    check("CREATE USER bob PASSWORD 'x'", "CREATE USER");
    check("DROP ROLE bob", "DROP ROLE");
}

#[test]
fn other_commands_are_named() {
    check("CALL s.p(1, 'a')", "CALL s.p");
    check("BEGIN", "BEGIN");
    check("begin transaction", "begin");
    check("COMMIT", "COMMIT");
    check("ROLLBACK TO SAVEPOINT a", "ROLLBACK");
    check("SAVEPOINT a", "SAVEPOINT");
    check("SET search_path = a, b", "SET");
    check("SHOW TABLES FROM d", "SHOW");
    check("PRAGMA table_info(t)", "PRAGMA");
    check("EXPLAIN ANALYZE SELECT a FROM t", "EXPLAIN SELECT t");
    check("EXPLAIN (FORMAT JSON) DELETE FROM t", "EXPLAIN DELETE t");
    check("EXPLAIN QUERY PLAN UPDATE t SET a = 1", "EXPLAIN UPDATE t");
    check("VALUES (1, 2)", "VALUES");
    check("VACUUM t", "VACUUM");
    check("USE d", "USE d");
    check("COPY s.t FROM STDIN", "COPY s.t");
    check("COPY (SELECT a FROM t) TO STDOUT", "COPY SELECT t");
    check("DECLARE c CURSOR FOR SELECT a FROM t", "DECLARE SELECT t");
}

#[test]
fn statements_follow_each_other() {
    check("SELECT a FROM t; DELETE FROM u;", "SELECT t DELETE u");
    check(
        "BEGIN; INSERT INTO t VALUES (1); COMMIT",
        "BEGIN INSERT t COMMIT",
    );
    check("GRANT SELECT ON t TO a; SELECT b FROM u", "GRANT SELECT u");
    check("-- a comment\n  SELECT a FROM t", "SELECT t");
}

#[test]
fn what_is_not_understood_has_none() {
    for sql in [
        "",
        " ",
        "hello world",
        "'SELECT'",
        "/* SELECT */",
        "42",
        "my.select a FROM t",
        "?",
        ";;",
    ] {
        check(sql, "");
    }
}

#[test]
fn a_name_that_was_cut_is_none() {
    let sql = format!(
        "SELECT {} FROM {}",
        "a".repeat(32 * 1024 - 20),
        "b".repeat(20)
    );
    check(&sql, "SELECT");
}

#[test]
fn a_summary_ends_before_the_name_that_does_not_fit() {
    let name = "a".repeat(62);
    let sql = format!("SELECT 1 FROM {name}, {name}, {name}, {name}, b");
    check(&sql, &format!("SELECT {name} {name} {name}"));
    let exact = format!(
        "SELECT 1 FROM {name}, {name}, {name}, {}, b",
        "ü".repeat(58)
    );
    let expected = format!("SELECT {name} {name} {name} {}", "ü".repeat(58));
    assert_eq!(expected.chars().count(), 254);
    check(&exact, &expected);
    let full = exact.replace(", b", "ü, b");
    check(&full, &(expected + "ü"));
}
