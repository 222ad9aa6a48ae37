//! Variables that nothing reads and that are written almost like one that is read.

use std::collections::BTreeSet;

use super::env::HIDDEN;
use super::{Config, ConfigWarning};

/// So many unknown variables are looked at. Another SDK's are among them.
const MOST: usize = 64;

/// Two letters that differ are still a typo.
const FARTHEST: usize = 2;

/// Warns of the variables among `names` that begin with `OTEL_`, are not read, and are almost one that is.
///
/// Their values are not shown: a credential may be among them.
pub(super) fn warnings(names: impl IntoIterator<Item = String>) -> Vec<ConfigWarning> {
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with("OTEL_"))
        .collect();
    let known = Config::variables();
    names.retain(|name| !known.contains(name));
    names.sort_unstable();
    let warnings = names.into_iter().take(MOST).filter_map(|variable| {
        let meant = nearest(&variable, &known)?;
        Some(ConfigWarning {
            problem: format!("is the value of a variable that is not read: write {meant}"),
            variable,
            value: HIDDEN.to_owned(),
            used: None,
        })
    });
    warnings.collect()
}

fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let near = known.iter().filter_map(|known| {
        let is_near = known.len().abs_diff(name.len()) <= FARTHEST;
        let distance = is_near.then(|| distance(name.as_bytes(), known.as_bytes()))?;
        (distance <= FARTHEST).then_some((distance, known.as_str()))
    });
    near.min().map(|(_, known)| known)
}

/// How many letters must be added, left out, replaced or swapped with the next.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_the_least_number_of_changes() {
        let check = |one: &str, other: &str, expected| {
            assert_eq!(
                distance(one.as_bytes(), other.as_bytes()),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                distance(other.as_bytes(), one.as_bytes()),
                expected,
                "{other} {one}"
            );
        };
        check("", "", 0);
        check("", "ab", 2);
        check("abc", "abc", 0);
        check("abc", "abd", 1);
        check("abc", "acb", 1);
        check("abc", "ac", 1);
        check("ENDPONT", "ENDPOINT", 1);
        check("kitten", "sitting", 3);
    }

    #[test]
    fn what_is_almost_a_variable_is_told_its_name() {
        let check = |name: &str, meant: Option<&str>| {
            let warnings = warnings([name.to_owned()]);
            let messages: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            let expected = meant.map(|meant| {
                format!("{name}: \"…\" is the value of a variable that is not read: write {meant}")
            });
            assert_eq!(messages, Vec::from_iter(expected));
        };
        check(
            "OTEL_EXPORTER_OTLP_ENDPONT",
            Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
        );
        check("OTEL_TRACE_SAMPLER", Some("OTEL_TRACES_SAMPLER"));
        check("OTEL_LOG_EXPORTER", Some("OTEL_LOGS_EXPORTER"));
        check(
            "OTEL_METRICS_EXPORT_INTERVAL",
            Some("OTEL_METRIC_EXPORT_INTERVAL"),
        );
        check("OTEL_SERVCIE_NAME", Some("OTEL_SERVICE_NAME"));
        check(
            "OTEL_EXPORTER_OTLP_HEADER",
            Some("OTEL_EXPORTER_OTLP_HEADERS"),
        );
        check("OTEL_SERVICE_NAME", None);
        check("OTEL_PYTHON_LOG_CORRELATION", None);
        check("OTEL_", None);
        check("OTEL_SERVICE_NÄME", Some("OTEL_SERVICE_NAME"));
        check("SERVICE_NAME", None);
        check(&format!("OTEL_{}", "A".repeat(100_000)), None);
    }
}
