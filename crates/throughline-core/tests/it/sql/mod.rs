//! Text and summary of SQL.

mod cache;
mod generated;
mod secrets;
mod summary;
mod text;

use serde_json::Value as Json;
use throughline_core::db_semconv::sql::Dialect::{MySql, Other, PostgreSql, Sqlite};
use throughline_core::db_semconv::sql::{Dialect, Statement};

use crate::support::cases;

const DIALECTS: [Dialect; 4] = [PostgreSql, MySql, Sqlite, Other];

/// The sanitized text of a statement.
#[track_caller]
fn text(dialect: Dialect, sql: &str, expected: &str) {
    let statement = Statement::read(sql, dialect);
    assert_eq!(statement.sanitized(), expected, "{dialect:?}: {sql}");
}

/// The sanitized text in each dialect.
#[track_caller]
fn texts(sql: &str, expected: &str) {
    for dialect in DIALECTS {
        text(dialect, sql, expected);
    }
}

/// The summary in each of these dialects, empty where there is none.
#[track_caller]
fn summary(dialects: &[Dialect], sql: &str, expected: &str) {
    for &dialect in dialects {
        let statement = Statement::read(sql, dialect);
        let summary = statement.summary().unwrap_or_default();
        assert_eq!(summary, expected, "{dialect:?}: {sql}");
    }
}

#[test]
fn the_conventions_cases_hold_in_each_dialect() {
    for case in cases("sql_semconv_official.json") {
        let sql = case["input"]["query"].as_str().unwrap();
        let expected = &case["expected"];
        for dialect in DIALECTS {
            let statement = Statement::read(sql, dialect);
            let name = format!("{dialect:?}: {}", case["name"]);
            let texts = expected["db.query.text"].as_array().unwrap();
            let text = Json::from(statement.sanitized());
            assert!(texts.contains(&text), "{name}: {text}");
            let summary = expected["db.query.summary"].as_str();
            assert_eq!(statement.summary(), summary, "{name}");
        }
    }
}
