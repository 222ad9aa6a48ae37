//! The names before the conventions were stable, those of 1.24:
//! <https://opentelemetry.io/docs/specs/semconv/non-normative/db-migration/>.

use opentelemetry::{KeyValue, StringValue};

use super::{DatabaseEndpoint, Query};

/// What an operation recorded when it began. `server.address` and `server.port` were called so already.
pub(super) fn old_names(query: &Query, endpoint: &DatabaseEndpoint) -> Vec<KeyValue> {
    let mut old = endpoint.old_attributes();
    let mut add = |name, value: Option<StringValue>| {
        old.extend(value.map(|value| KeyValue::new(name, value)));
    };
    let summary = query.summary.as_ref().map(StringValue::as_str);
    let parts = summary.and_then(only_parts);
    let owned = |text: &str| StringValue::from(text.to_owned());
    let operation = || parts.map(|(operation, _)| owned(operation));
    let table = || parts.and_then(|(_, table)| table).map(owned);
    add("db.statement", query.text.clone());
    add("db.operation", query.operation.clone().or_else(operation));
    add("db.sql.table", query.collection.clone().or_else(table));
    old
}

/// The operation and the table of a summary that has one of each at most: `SELECT orders`. One with more "may be omitted".
fn only_parts(summary: &str) -> Option<(&str, Option<&str>)> {
    const OPERATIONS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
    let is_operation = |word: &str| OPERATIONS.iter().any(|it| it.eq_ignore_ascii_case(word));
    let (operation, table) = match summary.split_once(' ') {
        Some((operation, table)) => (operation, Some(table)),
        None => (summary, None),
    };
    let is_one = table.is_none_or(|table| !table.contains(' ') && !is_operation(table));
    (is_operation(operation) && is_one).then_some((operation, table))
}

#[cfg(test)]
mod tests {
    use super::only_parts;

    #[test]
    fn a_summary_of_one_operation_has_parts() {
        for (summary, expected) in [
            ("SELECT orders", Some(("SELECT", Some("orders")))),
            ("delete a.b", Some(("delete", Some("a.b")))),
            ("SELECT", Some(("SELECT", None))),
            ("SELECT SELECT", None),
            ("SELECT orders items", None),
            ("CREATE USER", None),
            ("DROP TABLE a", None),
            ("", None),
        ] {
            assert_eq!(only_parts(summary), expected, "{summary}");
        }
    }
}
