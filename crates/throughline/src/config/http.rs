//! What is recorded of HTTP.

use std::str::FromStr;

use throughline_core::http::{HeaderName, Method};
use throughline_core::http_semconv::{CapturedHeaders, HttpSettings, KnownMethods, PathPatterns};

use super::env::Env;

pub(super) fn settings(env: &Env<'_>) -> HttpSettings {
    let mut settings = HttpSettings::default();
    settings.known_methods = known_methods(env);
    settings.old_names = old_names(env);
    let headers = |side, message| {
        header_names(
            env,
            &format!("OTEL_INSTRUMENTATION_HTTP_{side}_CAPTURE_{message}_HEADERS"),
        )
    };
    settings.server_request_headers = CapturedHeaders::of_requests(headers("SERVER", "REQUEST"));
    settings.server_response_headers = CapturedHeaders::of_responses(headers("SERVER", "RESPONSE"));
    settings.client_request_headers = CapturedHeaders::of_requests(headers("CLIENT", "REQUEST"));
    settings.client_response_headers = CapturedHeaders::of_responses(headers("CLIENT", "RESPONSE"));
    settings.server_excluded_urls = excluded_urls(env);
    settings
}

/// What differs from the default, for people.
pub(super) fn describe(settings: &HttpSettings) -> Vec<(&'static str, String)> {
    let default = HttpSettings::default();
    let listed = |settings: &HttpSettings| {
        [
            ("known methods", settings.known_methods.to_string()),
            (
                "redacted query keys",
                settings.sensitive_query_keys.join(","),
            ),
            (
                "server request headers",
                settings.server_request_headers.to_string(),
            ),
            (
                "server response headers",
                settings.server_response_headers.to_string(),
            ),
            (
                "client request headers",
                settings.client_request_headers.to_string(),
            ),
            (
                "client response headers",
                settings.client_response_headers.to_string(),
            ),
            (
                "server excluded URLs",
                settings.server_excluded_urls.to_string(),
            ),
            ("old names", settings.old_names.to_string()),
        ]
    };
    let both = listed(settings).into_iter().zip(listed(&default));
    both.filter_map(|(set, default)| (set != default).then_some(set))
        .collect()
}

fn known_methods(env: &Env<'_>) -> KnownMethods {
    let methods = each::<Method>(
        env,
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        "is no HTTP method",
    );
    if methods.is_empty() {
        KnownMethods::default()
    } else {
        KnownMethods::new(methods)
    }
}

fn header_names(env: &Env<'_>, variable: &str) -> Vec<HeaderName> {
    each(env, variable, "is no header name")
}

/// The parsed items of a list; one that cannot be parsed is warned of and left out.
fn each<T: FromStr>(env: &Env<'_>, variable: &str, problem: &str) -> Vec<T> {
    let list = env.list(variable);
    let parsed = list.into_iter().filter_map(|item| {
        let parsed = item.parse().ok();
        if parsed.is_none() {
            env.warn(variable, &item, problem, "the others of the list");
        }
        parsed
    });
    parsed.collect()
}

/// Whether `http/dup` is opted into: "`http/dup` has higher precedence than `http`".
fn old_names(env: &Env<'_>) -> bool {
    const VARIABLE: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
    let mut old_names = false;
    for category in env.list(VARIABLE) {
        match category.to_ascii_lowercase().as_str() {
            "http/dup" => old_names = true,
            "http" | "database" => {}
            _ => {
                let used = "the names of semantic conventions 1.44";
                env.warn(VARIABLE, &category, "is not built in yet", used);
            }
        }
    }
    old_names
}

fn excluded_urls(env: &Env<'_>) -> PathPatterns {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS";
    let mut patterns = env.list(VARIABLE);
    patterns.retain(|pattern| {
        let is_pattern = pattern.starts_with('/')
            && !pattern.contains(['?', '#'])
            && !pattern.strip_suffix("/*").unwrap_or(pattern).contains('*');
        if !is_pattern {
            let problem = "is no path such as /health or /internal/*";
            env.warn(VARIABLE, pattern, problem, "the others of the list");
        }
        is_pattern
    });
    PathPatterns::new(patterns)
}
