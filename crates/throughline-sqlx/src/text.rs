//! The text and the summary of a statement.

use throughline_core::db_semconv::Query;

/// What is recorded of a statement.
///
/// A stand-in for the lexer of core, which takes this function's place: the text is recorded where values come apart from it,
/// and else not at all; the summary knows the first word and plain names of tables.
pub(crate) fn read(sql: &str, has_arguments: bool) -> Query {
    Query {
        text: has_arguments.then(|| sql.to_owned().into()),
        summary: summary(sql).map(Into::into),
        ..Query::default()
    }
}

fn summary(sql: &str) -> Option<String> {
    const BEFORE_A_NAME: [&str; 5] = ["FROM", "INTO", "JOIN", "TABLE", "UPDATE"];
    let is_name = |word: &str| {
        let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word.chars().all(may_be)
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';');
    let mut words = sql.split(ends).filter(|word| !word.is_empty());
    let first = words.next().filter(|word| is_name(word))?;
    let mut summary = first.to_owned();
    let mut before = first.to_ascii_uppercase();
    for word in words.take(100) {
        if BEFORE_A_NAME.contains(&before.as_str()) && is_name(word) && summary.len() < 200 {
            summary.push(' ');
            summary.push_str(word);
        }
        before = word.to_ascii_uppercase();
    }
    Some(summary)
}
