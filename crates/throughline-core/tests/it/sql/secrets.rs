//! Secrets that leave neither text.

use throughline_core::db_semconv::sql::StatementCache;

use super::*;

/// The text as written.
#[track_caller]
fn check(dialects: &[Dialect], sql: &str, expected: &str) {
    for &dialect in dialects {
        let statement = Statement::read(sql, dialect);
        assert_eq!(statement.as_written(), expected, "{dialect:?}: {sql}");
        assert!(
            !statement.sanitized().contains("hunter2"),
            "{dialect:?}: {sql}"
        );
        let summary = statement.summary().unwrap_or_default();
        assert!(!summary.contains("hunter2"), "{dialect:?}: {sql}");
    }
}

#[test]
fn passwords_of_accounts_are_replaced() {
    let all = &DIALECTS;
    check(
        all,
        "ALTER USER bob PASSWORD 'hunter2'",
        "ALTER USER bob PASSWORD ?",
    );
    check(
        all,
        "CREATE ROLE bob LOGIN ENCRYPTED PASSWORD 'hunter2' VALID UNTIL '2030-01-01'",
        "CREATE ROLE bob LOGIN ENCRYPTED PASSWORD ? VALID UNTIL ?",
    );
    check(
        all,
        "alter user bob with password 'hunter2'",
        "alter user bob with password ?",
    );
    check(
        all,
        "CREATE USER 'bob'@'%' IDENTIFIED BY 'hunter2'",
        "CREATE USER 'bob'@'%' IDENTIFIED BY ?",
    );
    check(
        all,
        "ALTER USER 'bob' IDENTIFIED WITH caching_sha2 BY 'hunter2' REPLACE 'hunter2'",
        "ALTER USER 'bob' IDENTIFIED WITH caching_sha2 BY ? REPLACE ?",
    );
    check(
        all,
        "GRANT ALL ON *.* TO 'bob' IDENTIFIED BY PASSWORD '*hunter2'",
        "GRANT ALL ON *.* TO 'bob' IDENTIFIED BY PASSWORD ?",
    );
    check(all, "SET PASSWORD = 'hunter2'", "SET PASSWORD = ?");
    check(
        all,
        "SET PASSWORD FOR 'bob' = PASSWORD('hunter2')",
        "SET PASSWORD FOR ? = PASSWORD(?)",
    );
    check(
        all,
        "CHANGE MASTER TO MASTER_HOST='db', MASTER_PASSWORD='hunter2'",
        "CHANGE MASTER TO MASTER_HOST='db', MASTER_PASSWORD=?",
    );
    check(&[MySql], r#"SET PASSWORD = "hunter2""#, "SET PASSWORD = ?");
    check(
        &[PostgreSql],
        "ALTER USER bob PASSWORD $$hunter2$$",
        "ALTER USER bob PASSWORD ?",
    );
    check(
        &[PostgreSql],
        r"ALTER USER bob PASSWORD E'a\'hunter2'",
        "ALTER USER bob PASSWORD ?",
    );
    check(
        &[Other],
        "CREATE USER bob IDENTIFIED BY hunter2 ACCOUNT UNLOCK",
        "CREATE USER bob IDENTIFIED BY ? ACCOUNT UNLOCK",
    );
    check(
        &[Other, PostgreSql],
        r#"CREATE USER bob IDENTIFIED BY "hunter2""#,
        "CREATE USER bob IDENTIFIED BY ?",
    );
    check(
        all,
        "ALTER USER bob PASSWORD 'hunter2",
        "ALTER USER bob PASSWORD ?",
    );
    check(
        all,
        "CREATE USER a PASSWORD 'hunter2'; SELECT 'b'",
        "CREATE USER a PASSWORD ?; SELECT 'b'",
    );
}

#[test]
fn passwords_of_accounts_are_replaced_even_where_their_quotes_are_wrong() {
    check(
        &DIALECTS,
        "ALTER USER bob PASSWORD hunter2",
        "ALTER USER bob PASSWORD ?",
    );
    check(
        &[PostgreSql, Sqlite, Other],
        r#"CREATE ROLE bob PASSWORD "hunter2" LOGIN"#,
        "CREATE ROLE bob PASSWORD ? LOGIN",
    );
    check(
        &[MySql],
        "ALTER USER bob PASSWORD EXPIRE",
        "ALTER USER bob PASSWORD EXPIRE",
    );
    check(
        &DIALECTS,
        "CREATE LOGIN bob WITH PASSWORD = 0x70 HASHED",
        "CREATE LOGIN bob WITH PASSWORD = ? HASHED",
    );
    for sql in [
        "CREATE TABLE t (password TEXT)",
        "SELECT identified FROM t ORDER BY a",
    ] {
        check(&DIALECTS, sql, sql);
        texts(sql, sql);
    }
}

#[test]
fn keys_of_functions_and_settings_are_replaced() {
    check(
        &[PostgreSql],
        "SELECT pgp_sym_decrypt(a, 'hunter2') FROM t WHERE b = $1",
        "SELECT pgp_sym_decrypt(a, ?) FROM t WHERE b = $1",
    );
    check(
        &[MySql],
        "INSERT INTO t VALUES (?, AES_ENCRYPT(?, 'hunter2'))",
        "INSERT INTO t VALUES (?, AES_ENCRYPT(?, ?))",
    );
    check(
        &[PostgreSql],
        "SELECT a FROM t WHERE encrypt(b, 'hunter2') = token AND c = 'd'",
        "SELECT a FROM t WHERE encrypt(b, ?) = token AND c = ?",
    );
    check(
        &[PostgreSql],
        "SELECT set_config('app.token', 'hunter2', true), 'a'",
        "SELECT set_config('app.token', ?, true), ?",
    );
    check(
        &DIALECTS,
        "UPDATE t SET api_key = 'hunter2', a = 'b' WHERE pin_token = 70",
        "UPDATE t SET api_key = ?, a = 'b' WHERE pin_token = ?",
    );
    check(
        &[MySql],
        r#"CREATE SERVER s OPTIONS ("a" 'b', "passphrase" 'hunter2')"#,
        r#"CREATE SERVER s OPTIONS ("a" 'b', ? ?)"#,
    );
}

#[test]
fn connection_strings_are_replaced() {
    let all = &DIALECTS;
    check(
        all,
        "CREATE SUBSCRIPTION s CONNECTION 'host=db password=hunter2' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION p",
    );
    check(
        all,
        "SELECT * FROM dblink('host=db password=hunter2', 'SELECT 1') t",
        "SELECT * FROM dblink(?, 'SELECT 1') t",
    );
    check(
        all,
        "CREATE TABLE t (a INT) CONNECTION='mysql://app:hunter2@db/d/t'",
        "CREATE TABLE t (a INT) CONNECTION=?",
    );
    check(
        all,
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'b', password 'hunter2')",
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'b', password ?)",
    );
    check(
        all,
        "COPY t FROM 's3://a' CREDENTIALS 'key=hunter2'",
        "COPY t FROM 's3://a' CREDENTIALS ?",
    );
}

#[test]
fn keys_of_encryption_are_replaced() {
    check(&[Sqlite], "PRAGMA key = 'hunter2'", "PRAGMA key = ?");
    check(&[Sqlite], "PRAGMA key = hunter2", "PRAGMA key = ?");
    check(&[Sqlite], r#"PRAGMA key = "x'hunter2'""#, "PRAGMA key = ?");
    check(&[Sqlite], r#"PRAGMA rekey("hunter2")"#, "PRAGMA rekey(?)");
    check(
        &[Sqlite],
        "ATTACH DATABASE 'a.db' AS b KEY 'hunter2'",
        "ATTACH DATABASE 'a.db' AS b KEY ?",
    );
    check(
        &[Sqlite],
        "ATTACH 'file:a.db?key=hunter2' AS b",
        "ATTACH ? AS b",
    );
    check(
        &[Sqlite],
        "PRAGMA foreign_keys = ON",
        "PRAGMA foreign_keys = ON",
    );
}

#[test]
fn secrets_within_strings_and_comments_are_replaced() {
    let all = &DIALECTS;
    check(
        all,
        "EXECUTE IMMEDIATE 'ALTER USER a IDENTIFIED BY hunter2'",
        "EXECUTE IMMEDIATE ?",
    );
    check(
        &[PostgreSql],
        "DO $$ BEGIN ALTER USER a PASSWORD 'hunter2'; END $$",
        "DO ?",
    );
    check(
        all,
        "SELECT a /* password: hunter2 */ FROM t",
        "SELECT a  FROM t",
    );
    check(
        all,
        "SELECT a FROM t -- postgres://a:hunter2@db\n",
        "SELECT a FROM t \n",
    );
}

#[test]
fn a_literal_next_to_a_secret_name_is_replaced() {
    let all = &DIALECTS;
    check(
        all,
        "SELECT a FROM t WHERE password = 'hunter2' AND b = 'c'",
        "SELECT a FROM t WHERE password = ? AND b = 'c'",
    );
    check(
        all,
        "UPDATE t SET user_password = 'hunter2', b = 'c'",
        "UPDATE t SET user_password = ?, b = 'c'",
    );
    check(
        all,
        "SELECT a FROM t WHERE password = OLD_PASSWORD('hunter2')",
        "SELECT a FROM t WHERE password = OLD_PASSWORD(?)",
    );
}

#[test]
fn names_with_points_and_quotes_are_names_of_secrets_too() {
    check(
        &DIALECTS,
        "SELECT a FROM t WHERE t.password = 'hunter2'",
        "SELECT a FROM t WHERE t.password = ?",
    );
    check(
        &[PostgreSql, Sqlite],
        r#"UPDATE "t" SET "password" = 'hunter2'"#,
        r#"UPDATE "t" SET "password" = ?"#,
    );
    check(
        &[MySql],
        "UPDATE `t` SET `t`.`password` = 'hunter2'",
        "UPDATE `t` SET `t`.`password` = ?",
    );
    check(
        &[Sqlite],
        "PRAGMA main.key = 'hunter2'",
        "PRAGMA main.key = ?",
    );
}

#[test]
fn debug_output_holds_no_secret() {
    let sql = "SELECT 'hunter2'";
    let statement = Statement::read(sql, PostgreSql);
    let cached = StatementCache::new().get(sql, PostgreSql);
    let shown = format!("{statement:?} {cached:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn anything_else_is_kept_as_it_was_written() {
    for sql in [
        "SELECT 'a', 1 /* b */ FROM t -- c",
        "SELECT a FROM t WHERE b = ? /*traceparent='00-1-2-01'*/",
        "ALTER TABLE t ADD a TEXT DEFAULT 'b'",
        "SELECT password FROM t WHERE a = 'b'",
        "SELECT 'https://example.com/a?b=c@d'",
    ] {
        check(&DIALECTS, sql, sql);
    }
}
