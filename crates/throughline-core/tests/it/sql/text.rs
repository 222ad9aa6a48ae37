//! The sanitized text (conventions, "Sanitization of `db.query.text`").

use super::*;

#[test]
fn literals_of_the_standard_are_replaced() {
    texts("SELECT 'a', 'it''s', ''", "SELECT ?, ?, ?");
    texts(
        "SELECT X'ff', b'01', N'a', x'', B'1'",
        "SELECT ?, ?, ?, ?, ?",
    );
    texts(
        "SELECT 1, 1.5, .5, 5., 1e5, 1E-5, 1.5e+5",
        "SELECT ?, ?, ?, ?, ?, ?, ?",
    );
    texts("SELECT 0xFF, 0b01, 0o17, 1_000_000", "SELECT ?, ?, ?, ?");
    texts("SELECT TRUE, false, NULL", "SELECT ?, ?, NULL");
    texts(
        "WHERE a IS TRUE AND b IS NOT NULL",
        "WHERE a IS ? AND b IS NOT NULL",
    );
    texts(
        "SELECT DATE '2020-01-01', INTERVAL '1' DAY",
        "SELECT DATE ?, INTERVAL ? DAY",
    );
    texts("SELECT 'a' 'b'", "SELECT ? ?");
    texts("LIMIT 10 OFFSET 20", "LIMIT ? OFFSET ?");
    texts("SELECT 'ü', 'ü'", "SELECT ?, ?");
}

#[test]
fn a_sign_belongs_to_a_number_unless_it_is_an_operator_of_a_name() {
    texts("WHERE a=-1 AND b = +1.5", "WHERE a=? AND b = ?");
    texts("SELECT a-1, a - 1, f(a)-1", "SELECT a-?, a - ?, f(a)-?");
    texts("THEN-1", "THEN?");
    texts("SELECT 1-1", "SELECT ??");
    text(PostgreSql, "SELECT $1-1", "SELECT $1-?");
}

#[test]
fn names_are_kept() {
    texts(
        "SELECT c3po, r2_d2, größe FROM covid19",
        "SELECT c3po, r2_d2, größe FROM covid19",
    );
    texts(
        "SELECT t.true, t.c1 FROM t1.t2",
        "SELECT t.true, t.c1 FROM t1.t2",
    );
    text(
        PostgreSql,
        r#"SELECT "a 1", "it's", "a""b" FROM "T""#,
        r#"SELECT "a 1", "it's", "a""b" FROM "T""#,
    );
    text(
        MySql,
        "SELECT `a 1`, `it's`, `a``b` FROM `T`",
        "SELECT `a 1`, `it's`, `a``b` FROM `T`",
    );
    text(
        Sqlite,
        "SELECT [a 1], [it's], `b'`, \"c 1\" FROM [T]",
        "SELECT [a 1], [it's], `b'`, \"c 1\" FROM [T]",
    );
    text(
        Other,
        "SELECT [a 1], `b'` FROM [T]",
        "SELECT [a 1], `b'` FROM [T]",
    );
    text(
        PostgreSql,
        "SELECT a$1, a$b$c FROM t",
        "SELECT a$1, a$b$c FROM t",
    );
}

#[test]
fn placeholders_are_kept() {
    texts("WHERE a = ? AND b IN (?, ?)", "WHERE a = ? AND b IN (?, ?)");
    text(
        PostgreSql,
        "WHERE a = $1 AND b = $23::int",
        "WHERE a = $1 AND b = $23::int",
    );
    text(
        Sqlite,
        "VALUES (?1, :name, @p1, $v, ?)",
        "VALUES (?1, :name, @p1, $v, ?)",
    );
    text(
        Other,
        "VALUES (?1, :name, @p1, $1, :1)",
        "VALUES (?1, :name, @p1, $1, :1)",
    );
    text(MySql, "SELECT @a, @@version, ?", "SELECT @a, @@version, ?");
}

#[test]
fn lists_of_literals_collapse() {
    texts("WHERE a IN (1, 2, 3)", "WHERE a IN (?)");
    texts(
        "WHERE a IN ('x','y') AND b NOT IN ( -1 , 2.5 )",
        "WHERE a IN (?) AND b NOT IN ( ? )",
    );
    texts("WHERE a IN (1) OR a = 2", "WHERE a IN (?) OR a = ?");
    texts("WHERE a IN (1, b, 2, 3)", "WHERE a IN (?, b, ?, ?)");
    texts("WHERE a IN (1, /* two */ 2)", "WHERE a IN (?,  ?)");
    texts(
        "WHERE (a, b) IN ((1, 2), (3, 4))",
        "WHERE (a, b) IN ((?, ?), (?, ?))",
    );
    texts("WHERE a IN (SELECT 1, 2)", "WHERE a IN (SELECT ?, ?)");
    texts(
        "INSERT INTO t VALUES (1, 2), (3, 4)",
        "INSERT INTO t VALUES (?, ?), (?, ?)",
    );
}

#[test]
fn comments_are_left_out() {
    texts("SELECT a -- 'b\nFROM t", "SELECT a \nFROM t");
    texts("SELECT/* b */a FROM t -- end", "SELECT a FROM t ");
    texts(
        "SELECT a FROM t /*traceparent='00-1-2-01'*/",
        "SELECT a FROM t ",
    );
    texts("SELECT /*+ INDEX(t i1) */ a FROM t", "SELECT  a FROM t");
    texts("SELECT 8/2", "SELECT ?/?");
    texts("SELECT a /* never closed 'x' FROM t", "SELECT a ");
}

#[test]
fn postgresql_has_escapes_dollars_and_comments_within_comments() {
    let check = |sql, expected| text(PostgreSql, sql, expected);
    check(r"SELECT E'a\'b', 'a\', c", "SELECT ?, ?, c");
    check(
        r"SELECT e'\\', c, U&'d\0061t' UESCAPE '!'",
        "SELECT ?, c, ? UESCAPE ?",
    );
    check(r#"SELECT U&"d\0061t""#, r#"SELECT U&"d\0061t""#);
    check("SELECT $$it's$$, $a$ $$ $b$ $a$, c", "SELECT ?, ?, c");
    check("SELECT $1, $2a$", "SELECT $1, $2a$");
    check("DO $$ BEGIN PERFORM 1; END $$", "DO ?");
    check("SELECT $a$ never closed", "SELECT ?");
    check("SELECT /* a /* b */ 'c' */ d", "SELECT  d");
    check(
        "SELECT a #> '{b,1}', c @> '{}', d ?| e, f->1, g->>'h'",
        "SELECT a #> ?, c @> ?, d ?| e, f->?, g->>?",
    );
    check(
        "SELECT a[1:2], ARRAY[1, 'b'], @ -5, c::int4",
        "SELECT a[?:?], ARRAY[?, ?], @ ?, c::int4",
    );
    check("SELECT a--b 'c'\n, 'd'", "SELECT a\n, ?");
    check("SELECT `'a`", "SELECT `?");
}

#[test]
fn postgresql_strings_go_on_in_the_next_line() {
    let check = |sql, expected| text(PostgreSql, sql, expected);
    check("SELECT E'a'\n'b\\'c', d", "SELECT ?, d");
    check("SELECT e'a' -- it's\n -- b\n 'c\\'d', e", "SELECT ?, e");
    check("SELECT 'a'\n'b\\', c", "SELECT ?\n?, c");
    check("SELECT E'a' -- b\n, c", "SELECT ? \n, c");
    check("SELECT 1 -- it's\r, 'a'", "SELECT ? \r, ?");
    check("SELECT $1$a$b$a$, $2$$b$$", "SELECT $1?, $2?");
}

#[test]
fn data_of_copy_are_one_literal() {
    let data = "COPY t (a) FROM stdin;\nb\tc\n\\.\nSELECT 1;\n";
    text(PostgreSql, data, "COPY t (a) FROM stdin;?");
    texts("COPY t FROM STDIN; SELECT a", "COPY t FROM STDIN; SELECT a");
    texts("SELECT a;\nSELECT b", "SELECT a;\nSELECT b");
}

#[test]
fn mysql_reads_some_comments_or_leaves_them_out() {
    let check = |sql, expected| text(MySql, sql, expected);
    check(
        "SELECT /*!40101SQL_NO_CACHE*/ a",
        "SELECT /*!40101SQL_NO_CACHE*/ a",
    );
    check("SELECT /*!501009*/", "SELECT /*!501009*/");
    check("SELECT /*!5010099*/", "SELECT /*!501009?*/");
    check(
        "SELECT /*! 'a', /* 'b' */ 'c' */, 'd'",
        "SELECT /*! ?,  ? */, ?",
    );
    // Whether these are strings depends on the version, and so does what follows.
    check("SELECT 1 /*!99999 it's */, 'a', b", "SELECT ? /*!99999 ?");
    check("SELECT 1 /*!99999 \"it */, 'a', b", "SELECT ? /*!99999 ?");
    check("SELECT 1 /*!99999 `it */, 'a`, b", "SELECT ? /*!99999 ?");
    check("SELECT 1 /*M! # it */, 'a'\n, b'", "SELECT ? /*M! ");
    check("SELECT 1 /*! /* /* */ */, 'a'", "SELECT ? /*!  */, ?");
}

#[test]
fn mysql_has_backslashes_double_quotes_hashes_and_introducers() {
    let check = |sql, expected| text(MySql, sql, expected);
    check(r"SELECT 'a\'b', '\\', c", "SELECT ?, ?, c");
    check(r#"SELECT "a", "it's", "a\"b", "a""b""#, "SELECT ?, ?, ?, ?");
    check(
        "SELECT _utf8'a', _utf8mb4 'b', _latin1\"c\", N'd'",
        "SELECT ?, _utf8mb4 ?, _latin1?, ?",
    );
    check("SELECT 1 # it's\n, 2", "SELECT ? \n, ?");
    check("SELECT 5--1, 2 -- 'x\n, 3", "SELECT ?-?, ? \n, ?");
    check("SELECT /* a /* b */ 'c'", "SELECT  ?");
    check("/*!40101 SET NAMES 'a' */", "/*!40101 SET NAMES ? */");
    check("SELECT 1 /*M!100100 , 'a' */", "SELECT ? /*M!100100 , ? */");
    check("SELECT 'a'@'b', $c FROM `d`", "SELECT ?@?, $c FROM `d`");
}

#[test]
fn sqlite_takes_double_quotes_for_strings_where_there_is_no_such_name() {
    let check = |sql, expected| text(Sqlite, sql, expected);
    check(
        r#"SELECT "a" FROM "t" WHERE "b" = 1"#,
        r#"SELECT "a" FROM "t" WHERE "b" = ?"#,
    );
    check(
        r#"SELECT a FROM t WHERE b = "c""#,
        "SELECT a FROM t WHERE b = ?",
    );
    check(
        r#"SELECT a FROM t JOIN u ON t."b" = u."c" AND "t"."d" = "u"."e""#,
        r#"SELECT a FROM t JOIN u ON t."b" = u."c" AND "t"."d" = "u"."e""#,
    );
    check(
        r#"INSERT INTO "t" ("a", "b") VALUES ("c", lower("d")) ON CONFLICT ("a") DO NOTHING RETURNING "b""#,
        r#"INSERT INTO "t" ("a", "b") VALUES (?, lower(?)) ON CONFLICT ("a") DO NOTHING RETURNING "b""#,
    );
    check(
        r#"WHERE a IN ("b", "c") AND d LIKE "e""#,
        "WHERE a IN (?) AND d LIKE ?",
    );
    check(r#"SELECT strftime("%Y", d)"#, "SELECT strftime(?, d)");
    check(
        r#"WHERE a BETWEEN "b" AND "c" AND "d" = 1"#,
        r#"WHERE a BETWEEN ? AND ? AND "d" = ?"#,
    );
    check(
        r#"SELECT f("a", b), CASE c WHEN "d" THEN "e" END, max(t."g")"#,
        r#"SELECT f(?, b), CASE c WHEN ? THEN ? END, max(t."g")"#,
    );
    check(
        r#"CREATE TABLE t ("a" TEXT DEFAULT "b", PRIMARY KEY("a"))"#,
        r#"CREATE TABLE t ("a" TEXT DEFAULT ?, PRIMARY KEY(?))"#,
    );
    check(
        "VALUES ($a('), 'b', :c::d(e), $f(g h), i)",
        "VALUES (?, ?, ?, ?",
    );
    check(r"SELECT 'a\', b", "SELECT ?, b");
    check("SELECT x'ff', 1e5", "SELECT ?, ?");
}

#[test]
fn what_may_be_a_literal_of_an_unknown_dialect_is_replaced() {
    let check = |sql, expected| text(Other, sql, expected);
    check(r"SELECT 'a\'b', c, 'd'", "SELECT ?");
    check(r"SELECT 'a\b', c", "SELECT ?, c");
    check(
        r#"SELECT "a", t."b", "t".c FROM "t""#,
        r#"SELECT ?, t."b", "t".c FROM "t""#,
    );
    check(
        "SELECT $$a$$, ARRAY['b', 1], c[1]",
        "SELECT ?, ARRAY[?, ?], c[?]",
    );
    check("SELECT /* a /* b */ 'c' */ d", "SELECT  d");
    check("SELECT q'[it's]', nq'{b}'", "SELECT ?");
    check("SELECT a # it's\n, 'b'", "SELECT a ?");
    check("SELECT a #- b, 'c", "SELECT a ?");
    check("SELECT a # b\n, 'c'", "SELECT a # b\n, ?");
    check("SELECT 5--'a\n, b'", "SELECT ??");
    check("SELECT 5 --a\n, 'b'", "SELECT ? \n, ?");
}

#[test]
fn what_is_never_closed_is_replaced_until_the_end() {
    texts("SELECT 'a FROM t", "SELECT ?");
    text(PostgreSql, "SELECT \"a FROM 'b'", "SELECT ?");
    text(MySql, "SELECT `a FROM 'b'", "SELECT ?");
    text(Sqlite, "SELECT [a FROM 'b'", "SELECT ?");
    texts("", "");
    texts("'", "?");
    texts("/*", "");
    texts("--", "");
    text(PostgreSql, "$", "$");
}

#[test]
fn a_text_without_literals_is_not_copied() {
    for dialect in DIALECTS {
        let sql = "SELECT a FROM t WHERE b = ?";
        let statement = Statement::read(sql, dialect);
        assert!(std::ptr::eq(statement.sanitized(), sql));
        assert!(std::ptr::eq(statement.as_written(), sql));
    }
}

#[test]
fn only_32_kib_are_looked_at() {
    for dialect in DIALECTS {
        let exact = format!("SELECT {}", "a".repeat(32 * 1024 - 7));
        assert_eq!(Statement::read(&exact, dialect).sanitized(), exact);
        let longer = exact.clone() + "b";
        assert_eq!(
            Statement::read(&longer, dialect).sanitized(),
            exact.clone() + "…"
        );
        assert_eq!(Statement::read(&longer, dialect).as_written(), exact + "…");

        let string = format!("SELECT '{}', 5", "ü".repeat(20_000));
        assert_eq!(Statement::read(&string, dialect).sanitized(), "SELECT ?…");
    }
}
