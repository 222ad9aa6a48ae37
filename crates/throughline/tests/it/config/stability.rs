//! `OTEL_SEMCONV_STABILITY_OPT_IN`.

use throughline::Config;

use super::changes::check_rows;
use super::check_warned;

#[test]
fn old_names_are_opted_into() {
    const VARIABLE: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
    let check = |list, http, database, unknown: &[&str]| {
        let warnings: Vec<_> = (unknown.iter())
            .map(|category| {
                format!(
                    "{VARIABLE}: {category:?} is not built yet; instead: the names of semantic conventions 1.44"
                )
            })
            .collect();
        let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
        let read = |c: &Config| (c.http.old_names, c.database.old_names);
        check_warned(&[(VARIABLE, list)], read, (http, database), &warnings);
    };
    check("", false, false, &[]);
    check("http", false, false, &[]);
    check("database, HTTP", false, false, &[]);
    check("http/dup", true, false, &[]);
    check("http, HTTP/Dup", true, false, &[]);
    check("http/dup,http", true, false, &[]);
    check("database/dup", false, true, &[]);
    check("Database/DUP,database,http/dup", true, true, &[]);
    check("rpc/dup", false, false, &["rpc/dup"]);
    check(
        "rpc/dup,databases,database/dup",
        false,
        true,
        &["rpc/dup", "databases"],
    );
}

#[test]
fn the_variable_changes_its_line() {
    let bad = r#""rpc/dup" is not built yet; instead: the names of semantic conventions 1.44"#;
    for (list, line) in [
        ("http/dup", "old names: http"),
        ("database/dup", "old names: database"),
        ("database/dup,http/dup", "old names: http,database"),
    ] {
        check_rows(&[("OTEL_SEMCONV_STABILITY_OPT_IN", list, line, "rpc/dup", bad)]);
    }
}
