//! Statements that come again.

use std::sync::Arc;
use std::thread;

use throughline_core::db_semconv::sql::StatementCache;

use super::*;

#[test]
fn a_statement_that_comes_again_is_the_same() {
    let cache = StatementCache::new();
    let first = cache.get("SELECT 'a' FROM t", PostgreSql);
    assert_eq!(&**first.sanitized(), "SELECT ? FROM t");
    assert_eq!(&**first.as_written(), "SELECT 'a' FROM t");
    assert_eq!(first.summary().map(|summary| &**summary), Some("SELECT t"));
    assert!(Arc::ptr_eq(
        &first,
        &cache.get("SELECT 'a' FROM t", PostgreSql)
    ));
    assert!(!Arc::ptr_eq(
        &first,
        &cache.get("SELECT 'b' FROM t", PostgreSql)
    ));
}

#[test]
fn dialects_are_kept_apart() {
    let cache = StatementCache::new();
    let sql = r#"SELECT "a" FROM t"#;
    for _ in 0..2 {
        assert_eq!(&**cache.get(sql, MySql).sanitized(), "SELECT ? FROM t");
        assert_eq!(&**cache.get(sql, PostgreSql).sanitized(), sql);
    }
}

#[test]
fn texts_that_do_not_differ_are_shared() {
    let statement = StatementCache::new().get("SELECT a FROM t", Sqlite);
    assert!(Arc::ptr_eq(statement.sanitized(), statement.as_written()));
}

#[test]
fn a_long_statement_is_read_each_time() {
    let cache = StatementCache::new();
    let sql = format!("SELECT '{}' FROM t", "a".repeat(10 * 1024));
    let first = cache.get(&sql, PostgreSql);
    assert_eq!(&**first.sanitized(), "SELECT ? FROM t");
    assert_eq!(&**first.as_written(), sql);
    assert!(!Arc::ptr_eq(&first, &cache.get(&sql, PostgreSql)));
}

#[test]
fn a_statement_with_a_secret_is_read_each_time() {
    let cache = StatementCache::new();
    let sql = "ALTER USER bob PASSWORD 'hunter2'";
    let first = cache.get(sql, PostgreSql);
    assert_eq!(&**first.as_written(), "ALTER USER bob PASSWORD ?");
    assert!(!Arc::ptr_eq(&first, &cache.get(sql, PostgreSql)));
}

#[test]
fn what_comes_again_outlives_what_does_not() {
    let cache = StatementCache::new();
    let first = cache.get("SELECT a FROM t", PostgreSql);
    for number in 0..20_000 {
        let found = cache.get(&format!("SELECT {number}"), PostgreSql);
        assert_eq!(&**found.sanitized(), "SELECT ?");
        let again = cache.get("SELECT a FROM t", PostgreSql);
        assert!(Arc::ptr_eq(&first, &again), "after {number} others");
    }
    // Only what the cache keeps is alive: old ones are dropped.
    let one = cache.get("SELECT -1", PostgreSql);
    let weak = Arc::downgrade(&one);
    drop(one);
    for number in 0..20_000 {
        let _ = cache.get(&format!("SELECT {number}"), PostgreSql);
    }
    assert!(weak.upgrade().is_none());
}

#[test]
fn threads_share_a_cache() {
    let cache = StatementCache::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope.spawn(move || {
                for number in 0..2000 {
                    let table = format!("t{}", (number * 7 + thread) % 1000);
                    let found = cache.get(&format!("SELECT 1 FROM {table}"), MySql);
                    let expected = format!("SELECT {table}");
                    assert_eq!(found.summary().map(|summary| &**summary), Some(&*expected));
                }
            });
        }
    });
}
