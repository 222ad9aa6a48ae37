//! Redaction of URLs and queries.

use throughline_core::http_semconv::{SENSITIVE_QUERY_KEYS, redact_query, redact_url};

use crate::support::cases;

#[track_caller]
fn check(redact: fn(&str) -> String, input: &str, expected: &str) {
    assert_eq!(redact(input), expected, "{input:?}");
}

fn url(input: &str) -> String {
    redact_url(input, SENSITIVE_QUERY_KEYS).into_owned()
}

fn query(input: &str) -> String {
    redact_query(input, SENSITIVE_QUERY_KEYS).into_owned()
}

#[test]
fn every_public_case_is_redacted_alike() {
    for case in cases("url_redaction_java.json") {
        let own: Vec<_> = case["sensitive"].as_array().map_or_else(Vec::new, |keys| {
            keys.iter().map(|key| key.as_str().unwrap()).collect()
        });
        let sensitive = match case["sensitive"].as_str() {
            Some("default") => SENSITIVE_QUERY_KEYS,
            Some(other) => panic!("{other}"),
            None => &own,
        };
        let input = case["input"].as_str().unwrap();
        let redacted = match case["kind"].as_str().unwrap() {
            "url" => redact_url(input, sensitive),
            "query" => redact_query(input, sensitive),
            other => panic!("{other}"),
        };
        assert_eq!(redacted, case["expect"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn user_information_is_redacted() {
    check(
        url,
        "https://u:p@host/a",
        "https://REDACTED:REDACTED@host/a",
    );
    check(url, "https://u@host", "https://REDACTED:REDACTED@host");
    check(url, "https://u:p@ss@host", "https://REDACTED:REDACTED@host");
    check(
        url,
        "https://u:p@[::1]:80/",
        "https://REDACTED:REDACTED@[::1]:80/",
    );
    check(
        url,
        "https://host/p@th?a=b@c#d@e",
        "https://host/p@th?a=b@c#d@e",
    );
    check(
        url,
        "//u:p@host/a?u=c://d",
        "//REDACTED:REDACTED@host/a?u=c://d",
    );
    check(url, "//host/a?sig=1", "//host/a?sig=REDACTED");
    check(url, "/relative?sig=1", "/relative?sig=REDACTED");
}

#[test]
fn values_of_sensitive_keys_are_redacted() {
    for key in SENSITIVE_QUERY_KEYS {
        check(query, &format!("{key}=secret"), &format!("{key}=REDACTED"));
        check(
            query,
            &format!("a=1&{key}=se=cret&b=2"),
            &format!("a=1&{key}=REDACTED&b=2"),
        );
    }
    check(query, "sig=", "sig=REDACTED");
    check(query, "sig=1&sig=2", "sig=REDACTED&sig=REDACTED");
    check(query, "sig", "sig");
    check(query, "SIG=1&design=2&a=sig", "SIG=1&design=2&a=sig");
    check(query, "&&sig=1&", "&&sig=REDACTED&");
    check(query, "sig=é", "sig=REDACTED");
    check(query, "", "");
    check(
        url,
        "https://u:p@h/x?sig=1#sig=2",
        "https://REDACTED:REDACTED@h/x?sig=REDACTED#sig=2",
    );
}

#[test]
fn what_holds_no_secret_is_not_copied() {
    use std::borrow::Cow::Borrowed;
    let query = redact_query("a=1&b=2", SENSITIVE_QUERY_KEYS);
    assert!(matches!(query, Borrowed("a=1&b=2")));
    let url = redact_url("https://host/?a=1", SENSITIVE_QUERY_KEYS);
    assert!(matches!(url, Borrowed("https://host/?a=1")));
}
