//! What is recorded of a statement.

use std::sync::{Arc, LazyLock};

use opentelemetry::StringValue;
use throughline_core::db_semconv::sql::{Dialect, StatementCache};
use throughline_core::db_semconv::{DatabaseSettings, Query, QueryText};

/// The statements of all pools: those of one program come again, whichever it sends them through.
static STATEMENTS: LazyLock<StatementCache> = LazyLock::new(StatementCache::new);

/// Neither `db.operation.name` nor `db.collection.name`, which "SHOULD NOT be extracted from `db.query.text`" (conventions).
pub(crate) fn read(
    sql: &str,
    dialect: Dialect,
    has_arguments: bool,
    settings: &DatabaseSettings,
) -> Query {
    let statement = STATEMENTS.get(sql, dialect);
    let text = match settings.query_text {
        QueryText::Off => None,
        QueryText::RawWithSecrets => Some(sql.into()),
        QueryText::Parameterized if has_arguments => Some(Arc::clone(statement.as_written())),
        _ => Some(Arc::clone(statement.sanitized())),
    };
    let summary = statement.summary();
    Query {
        text: text.filter(|text| !text.is_empty()).map(Into::into),
        summary: summary.map(|summary| Arc::clone(summary).into()),
        stored_procedure: summary.and_then(|summary| stored_procedure(summary)),
        ..Query::default()
    }
}

/// What begins or ends a transaction, written by sqlx.
pub(crate) fn command(command: &'static str, settings: &DatabaseSettings) -> Query {
    Query {
        text: (settings.query_text != QueryText::Off).then(|| command.into()),
        summary: Some(command.into()),
        ..Query::default()
    }
}

/// The procedure of the summary `CALL place_order`.
fn stored_procedure(summary: &str) -> Option<StringValue> {
    let (command, name) = summary.split_once(' ')?;
    let is_call = command.eq_ignore_ascii_case("CALL") && !name.contains(' ');
    is_call.then(|| name.to_owned().into())
}

/// Whether something in it may change rows. What drivers tell of others is the rows that they read (PostgreSQL), or what the
/// connection changed before (SQLite).
pub(crate) fn changes_rows(query: &Query) -> bool {
    const CHANGES: [&str; 6] = ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "COPY"];
    let summary = query.summary.as_ref().map_or("", StringValue::as_str);
    (summary.split(' ')).any(|word| CHANGES.iter().any(|it| it.eq_ignore_ascii_case(word)))
}
