//! `OTEL_SEMCONV_STABILITY_OPT_IN`: whose old names are recorded beside the stable ones.

use super::Config;
use super::env::Env;

pub(super) const STABILITY: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";

/// Whose old names are recorded, for people.
pub(super) fn describe(config: &Config) -> String {
    let categories = [
        ("http", config.http.old_names),
        ("database", config.database.old_names),
    ];
    let on = categories.iter().filter(|(_, is_on)| *is_on);
    on.map(|&(name, _)| name).collect::<Vec<_>>().join(",")
}

/// What may stand in it. Those without `/dup` are what holds anyway.
const KNOWN: [&str; 4] = ["http", "http/dup", "database", "database/dup"];

/// Whether `{category}/dup` is opted into: "`http/dup` has higher precedence than `http`".
pub(super) fn old_names(env: &Env<'_>, category: &str) -> bool {
    let wanted = format!("{category}/dup");
    let mut listed = env.list(STABILITY);
    listed.retain(|value| {
        let is_known = KNOWN.iter().any(|known| value.eq_ignore_ascii_case(known));
        if !is_known {
            let used = "the names of semantic conventions 1.44";
            env.warn(STABILITY, value, "is not built yet", used);
        }
        is_known
    });
    listed
        .iter()
        .any(|value| value.eq_ignore_ascii_case(&wanted))
}
