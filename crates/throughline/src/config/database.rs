//! What is recorded of databases.

use throughline_core::db_semconv::{DatabaseSettings, QueryText};

use super::env::{Env, Variables};
use super::opt_in::{self, Switch};
use super::stability;

const QUERY_TEXT: &str = "OTEL_RUST_INSTRUMENTATION_DB_QUERY_TEXT";
const OPT_IN: &str = "OTEL_RUST_INSTRUMENTATION_DB_OPT_IN";
const ONLY_UNDER_PARENT: &str = "OTEL_RUST_INSTRUMENTATION_DB_ONLY_UNDER_PARENT";
const SLOW_THRESHOLD: &str = "OTEL_RUST_INSTRUMENTATION_DB_SLOW_THRESHOLD";

const SWITCHES: &[Switch<DatabaseSettings>] = &[
    ("returned_rows", |database| &mut database.returned_rows),
    ("affected_rows", |database| &mut database.affected_rows),
    ("transaction_spans", |database| {
        &mut database.transaction_spans
    }),
    ("acquire_spans", |database| &mut database.acquire_spans),
];

pub(super) fn settings(env: &Env<'_>) -> DatabaseSettings {
    let mut settings = DatabaseSettings::default();
    settings.query_text = query_text(env);
    settings.old_names = stability::old_names(env, "database");
    settings.only_under_parent = env.boolean(ONLY_UNDER_PARENT);
    settings.slow_threshold = env.milliseconds_if_set(&[SLOW_THRESHOLD]);
    opt_in::read(env, OPT_IN, SWITCHES, &mut settings);
    settings
}

/// Code alone can ask for texts with their secrets.
fn query_text(env: &Env<'_>) -> QueryText {
    match env.keyword(QUERY_TEXT).as_deref() {
        None | Some("parameterized") => QueryText::Parameterized,
        Some("sanitized") => QueryText::Sanitized,
        Some("none") => QueryText::Off,
        Some(other) => {
            let problem = "is none of parameterized, sanitized, none";
            env.warn(QUERY_TEXT, other, problem, "parameterized");
            QueryText::Parameterized
        }
    }
}

/// Each setting, its variable and its value, for people.
pub(super) fn describe(settings: &DatabaseSettings) -> [(&'static str, Variables, String); 4] {
    let text = match settings.query_text {
        QueryText::Parameterized => "parameterized",
        QueryText::Sanitized => "sanitized",
        QueryText::Off => "none",
        _ => "raw, with secrets",
    };
    let slow = settings.slow_threshold.map(|it| format!("{it:?}"));
    [
        ("database query text", &[QUERY_TEXT], text.to_owned()),
        (
            "database opt-in",
            &[OPT_IN],
            opt_in::names(settings, SWITCHES),
        ),
        (
            "database spans only under a parent",
            &[ONLY_UNDER_PARENT],
            settings.only_under_parent.to_string(),
        ),
        (
            "database slow threshold",
            &[SLOW_THRESHOLD],
            slow.unwrap_or_default(),
        ),
    ]
}
