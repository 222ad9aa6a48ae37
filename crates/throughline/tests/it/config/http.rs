//! The variables of HTTP.

use throughline::Config;
use throughline_core::http_semconv::HttpSettings;

use super::changes::{check_change, check_rows};
use super::{check_warned, from};

#[test]
fn known_methods_replace_the_default() {
    const VARIABLE: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
    const DEFAULT: &str = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS,CONNECT,TRACE,QUERY";
    let check = |list, expected: &str, warnings: &[&str]| {
        let read = |c: &Config| c.http.known_methods.to_string();
        check_warned(&[(VARIABLE, list)], read, expected.to_owned(), warnings);
    };
    check("", DEFAULT, &[]);
    check(" , ", DEFAULT, &[]);
    check("GET", "GET", &[]);
    check(" PURGE, get ,POST,", "PURGE,get,POST", &[]);
    let warning =
        format!("{VARIABLE}: \"two words\" is no HTTP method; instead: the others of the list");
    check("GET,two words", "GET", &[&warning]);
    let warning = format!("{VARIABLE}: \"two words\" is no HTTP method; instead: the default");
    check("two words", DEFAULT, &[&warning]);

    // Of a process, so after all others of it.
    let many = (0..33).map(|n| format!("M{n}"));
    let config = from(&[(VARIABLE, &many.collect::<Vec<_>>().join(","))]).unwrap();
    let last = config.warnings.last().unwrap().to_string();
    let expected = format!(
        "{VARIABLE}: \"M32\" is one too many: a process has room for 32 that are not standard; instead: _OTHER"
    );
    assert_eq!(last, expected);
}

#[test]
fn a_list_of_wrong_parts_is_warned_of_a_few_times() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS";
    let wrong: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
    let config = from(&[(VARIABLE, &wrong.join(","))]).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    let rest = "instead: the others of the list";
    let named =
        |n: usize| format!("{VARIABLE}: \"{n}\" is no path such as /health or /internal/*; {rest}");
    let mut expected: Vec<_> = (0..8).map(named).collect();
    expected.push(format!(
        "{VARIABLE}: \"…\" has more parts like these; {rest}"
    ));
    assert_eq!(warnings, expected);
}

#[test]
fn headers_are_captured_by_name() {
    type Of = fn(&Config) -> String;
    let variables: [(&str, Of); 4] = [
        ("SERVER_CAPTURE_REQUEST_HEADERS", |c| {
            c.http.server_request_headers.to_string()
        }),
        ("SERVER_CAPTURE_RESPONSE_HEADERS", |c| {
            c.http.server_response_headers.to_string()
        }),
        ("CLIENT_CAPTURE_REQUEST_HEADERS", |c| {
            c.http.client_request_headers.to_string()
        }),
        ("CLIENT_CAPTURE_RESPONSE_HEADERS", |c| {
            c.http.client_response_headers.to_string()
        }),
    ];
    for (variable, own) in variables {
        let variable = format!("OTEL_INSTRUMENTATION_HTTP_{variable}");
        let of_all = |c: &Config| variables.map(|(_, of)| of(c)).concat();
        let check = |list, expected: &str, warnings: &[&str]| {
            check_warned(&[(&variable, list)], own, expected.to_owned(), warnings);
            // The other variables' are not touched.
            check_warned(&[(&variable, list)], of_all, expected.to_owned(), warnings);
        };
        check("", "", &[]);
        check("Accept", "accept", &[]);
        check(" x-tenant,ACCEPT,accept ,", "accept,x-tenant", &[]);
        let warning =
            format!("{variable}: \"a:b\" is no header name; instead: the others of the list");
        check("a:b,accept", "accept", &[&warning]);
    }
}

#[test]
fn excluded_urls_are_paths_and_prefixes() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS";
    let check = |list: &str, expected: &str, warnings: &[&str]| {
        let read = |c: &Config| c.http.server_excluded_urls.to_string();
        check_warned(&[(VARIABLE, list)], read, expected.to_owned(), warnings);
    };
    check("", "", &[]);
    check(" /health, /internal/*,", "/health,/internal/*", &[]);
    check("/*", "/*", &[]);
    for wrong in [
        "health",
        ".*/health",
        "/h*",
        "/a/*/b",
        "/a?b",
        "/a#b",
        "/a**",
        "http://a/b",
    ] {
        let warning = format!(
            "{VARIABLE}: {wrong:?} is no path such as /health or /internal/*; instead: the others of the list"
        );
        check(&format!("{wrong},/health"), "/health", &[&warning]);
    }
}

#[test]
fn proxies_are_trusted_by_networks() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_TRUSTED_PROXIES";
    let check = |list: &str, expected: &[&str], warnings: &[&str]| {
        let read = |c: &Config| {
            let networks = c.http.server_trusted_proxies.iter();
            networks.map(ToString::to_string).collect::<Vec<_>>()
        };
        let expected = expected.iter().map(ToString::to_string).collect();
        check_warned(&[(VARIABLE, list)], read, expected, warnings);
    };
    check("", &[], &[]);
    check("10.0.0.0/8, ::1,", &["10.0.0.0/8", "::1/128"], &[]);
    let warning = format!(
        "{VARIABLE}: \"10.0.0.1/8\" is no network such as 10.0.0.0/8 or fd00::/8; instead: the others of the list"
    );
    check("10.0.0.1/8,10.0.0.0/8", &["10.0.0.0/8"], &[&warning]);
}

#[test]
fn the_server_of_metrics_is_a_host() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_METRIC_SERVER";
    let check = |value: &str, expected: Option<(&str, Option<u16>)>, warnings: &[&str]| {
        let read = |c: &Config| c.http.server_metric_endpoint.clone();
        let expected = expected.map(|(address, port)| (address.into(), port));
        check_warned(&[(VARIABLE, value)], read, expected, warnings);
    };
    check("", None, &[]);
    check("api.example.com", Some(("api.example.com", None)), &[]);
    check("[::1]:8080", Some(("::1", Some(8080))), &[]);
    for wrong in ["https://api.example.com", "api.example.com:http", "a b"] {
        let warning = format!(
            "{VARIABLE}: {wrong:?} is no host such as api.example.com or api.example.com:443; \
             instead: no server on metrics"
        );
        check(wrong, None, &[&warning]);
    }
}

#[test]
fn query_keys_of_ones_own_are_sensitive_beside_the_default() {
    let list = "token, code";
    let config = from(&[("OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS", list)]);
    let keys = config.unwrap().http.sensitive_query_keys;
    let default = Config::from_variables(|_| None).unwrap();
    let default = default.http.sensitive_query_keys;
    assert_eq!(keys[..default.len()], default[..]);
    assert_eq!(keys[default.len()..], ["token".into(), "code".into()]);
}

#[test]
fn each_opt_in_is_one_of_a_list() {
    type Read = fn(&HttpSettings) -> bool;
    const ALL: [(&str, &str, Read); 8] = [
        ("SERVER", "active_requests", |c| c.server_active_requests),
        ("SERVER", "body_sizes", |c| c.server_body_sizes),
        ("SERVER", "network_details", |c| c.server_network_details),
        ("SERVER", "synthetic_user_agents", |c| {
            c.server_synthetic_user_agents
        }),
        ("CLIENT", "url_scheme", |c| c.client_url_scheme),
        ("CLIENT", "user_agent", |c| c.client_user_agent),
        ("CLIENT", "body_sizes", |c| c.client_body_sizes),
        ("CLIENT", "active_requests", |c| c.client_active_requests),
    ];
    let on = |c: &Config| ALL.map(|(_, _, read)| read(&c.http));
    for (at, (side, name, _)) in ALL.into_iter().enumerate() {
        let variable = format!("OTEL_RUST_INSTRUMENTATION_HTTP_{side}_OPT_IN");
        let mut expected = [false; ALL.len()];
        expected[at] = true;
        check_warned(&[(&variable, name)], on, expected, &[]);
        let known = ALL.iter().filter(|(of, ..)| *of == side);
        let known: Vec<_> = known.map(|&(_, name, _)| name).collect();
        let warning = format!(
            "{variable}: \"all\" is none of {}; instead: the others of the list",
            known.join(", ")
        );
        let list = format!("all, {} ,", name.to_uppercase());
        check_warned(&[(&variable, &list)], on, expected, &[&warning]);
    }
}

#[test]
fn each_variable_changes_its_line() {
    let header = |name: &str| format!("{name:?} is no header name; instead: the default");
    for (variable, what) in [
        ("SERVER_CAPTURE_REQUEST", "server request"),
        ("SERVER_CAPTURE_RESPONSE", "server response"),
        ("CLIENT_CAPTURE_REQUEST", "client request"),
        ("CLIENT_CAPTURE_RESPONSE", "client response"),
    ] {
        let variable = format!("OTEL_INSTRUMENTATION_HTTP_{variable}_HEADERS");
        let line = format!("http {what} headers: accept,x-tenant");
        check_rows(&[(&variable, "Accept,x-tenant", &line, "a b", &header("a b"))]);
    }
    check_rows(&[
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET,PURGE",
            "http known methods: GET,PURGE",
            "G T",
            r#""G T" is no HTTP method; instead: the default"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS",
            "/health",
            "http server excluded URLs: /health",
            "health",
            r#""health" is no path such as /health or /internal/*; instead: the others of the list"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_TRUSTED_PROXIES",
            "10.0.0.0/8",
            "http server trusted proxies: 10.0.0.0/8",
            "10.0.0.0/99",
            r#""10.0.0.0/99" is no network such as 10.0.0.0/8 or fd00::/8; instead: the default"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_METRIC_SERVER",
            "api.example.com:443",
            "http server of metrics: api.example.com port 443",
            "a b",
            r#""a b" is no host such as api.example.com or api.example.com:443; instead: no server on metrics"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_OPT_IN",
            "Body_Sizes",
            "http server opt-in: body_sizes",
            "all",
            r#""all" is none of active_requests, body_sizes, network_details, synthetic_user_agents; instead: the others of the list"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_HTTP_CLIENT_OPT_IN",
            "url_scheme",
            "http client opt-in: url_scheme",
            "all",
            r#""all" is none of url_scheme, user_agent, body_sizes, active_requests; instead: the others of the list"#,
        ),
    ]);
    let keys = "OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS";
    let default = from(&[]).unwrap().to_string();
    let default = default
        .lines()
        .find_map(|line| line.strip_prefix("http redacted query keys: "));
    let default = default.unwrap().trim_end_matches(" (default)");
    let line = format!("http redacted query keys: {default},session");
    check_change(&[], (keys, "session"), &[&line], &[]);
}
