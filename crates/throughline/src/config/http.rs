//! What is recorded of HTTP.

use std::str::FromStr;
use std::sync::Arc;

use throughline_core::http::{HeaderName, Method};
use throughline_core::http_semconv::{
    CapturedHeaders, HttpSettings, IpNetwork, KnownMethods, PathPatterns, split_host,
};

use super::env::{Env, MOST, Variables, items};
use super::opt_in::{self, Switch};
use super::stability;

const SERVER_REQUEST: &str = "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS";
const SERVER_RESPONSE: &str = "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS";
const CLIENT_REQUEST: &str = "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS";
const CLIENT_RESPONSE: &str = "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS";

pub(super) fn settings(env: &Env<'_>) -> HttpSettings {
    let mut settings = HttpSettings::default();
    settings.known_methods = known_methods(env);
    settings.old_names = stability::old_names(env, "http");
    let headers = |variable| each::<HeaderName>(env, variable, "is no header name");
    settings.server_request_headers = CapturedHeaders::of_requests(headers(SERVER_REQUEST));
    settings.server_response_headers = CapturedHeaders::of_responses(headers(SERVER_RESPONSE));
    settings.client_request_headers = CapturedHeaders::of_requests(headers(CLIENT_REQUEST));
    settings.client_response_headers = CapturedHeaders::of_responses(headers(CLIENT_RESPONSE));
    settings.server_excluded_urls = excluded_urls(env);
    settings.server_trusted_proxies = trusted_proxies(env);
    settings.server_metric_endpoint = metric_server(env);
    let sensitive = env.list("OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS");
    (settings.sensitive_query_keys).extend(sensitive.into_iter().map(Into::into));
    for (variable, switches) in OPT_IN {
        opt_in::read(env, variable, switches, &mut settings);
    }
    settings
}

const SERVER_OPT_IN: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_OPT_IN";
const CLIENT_OPT_IN: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_CLIENT_OPT_IN";

const OPT_IN: [(&str, &[Switch<HttpSettings>]); 2] = [
    (
        SERVER_OPT_IN,
        &[
            ("active_requests", |http| &mut http.server_active_requests),
            ("body_sizes", |http| &mut http.server_body_sizes),
            ("network_details", |http| &mut http.server_network_details),
            ("synthetic_user_agents", |http| {
                &mut http.server_synthetic_user_agents
            }),
        ],
    ),
    (
        CLIENT_OPT_IN,
        &[
            ("url_scheme", |http| &mut http.client_url_scheme),
            ("user_agent", |http| &mut http.client_user_agent),
            ("body_sizes", |http| &mut http.client_body_sizes),
            ("active_requests", |http| &mut http.client_active_requests),
        ],
    ),
];

/// Each setting, its variable and its value, for people.
pub(super) fn describe(settings: &HttpSettings) -> [(&'static str, Variables, String); 11] {
    [
        (
            "http known methods",
            &["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"],
            settings.known_methods.to_string(),
        ),
        (
            "http redacted query keys",
            &["OTEL_RUST_INSTRUMENTATION_HTTP_SENSITIVE_QUERY_KEYS"],
            settings.sensitive_query_keys.join(","),
        ),
        (
            "http server request headers",
            &[SERVER_REQUEST],
            settings.server_request_headers.to_string(),
        ),
        (
            "http server response headers",
            &[SERVER_RESPONSE],
            settings.server_response_headers.to_string(),
        ),
        (
            "http client request headers",
            &[CLIENT_REQUEST],
            settings.client_request_headers.to_string(),
        ),
        (
            "http client response headers",
            &[CLIENT_RESPONSE],
            settings.client_response_headers.to_string(),
        ),
        (
            "http server excluded URLs",
            &["OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS"],
            settings.server_excluded_urls.to_string(),
        ),
        (
            "http server trusted proxies",
            &["OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_TRUSTED_PROXIES"],
            joined(&settings.server_trusted_proxies),
        ),
        (
            "http server of metrics",
            &["OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_METRIC_SERVER"],
            server_of_metrics(settings),
        ),
        (
            "http server opt-in",
            &[SERVER_OPT_IN],
            opt_in::names(settings, OPT_IN[0].1),
        ),
        (
            "http client opt-in",
            &[CLIENT_OPT_IN],
            opt_in::names(settings, OPT_IN[1].1),
        ),
    ]
}

fn joined(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

fn server_of_metrics(settings: &HttpSettings) -> String {
    match &settings.server_metric_endpoint {
        None => String::new(),
        Some((address, None)) => address.to_string(),
        Some((address, Some(port))) => format!("{address} port {port}"),
    }
}

fn known_methods(env: &Env<'_>) -> KnownMethods {
    const VARIABLE: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
    let methods = each::<Method>(env, VARIABLE, "is no HTTP method");
    if methods.is_empty() {
        return KnownMethods::default();
    }
    let known = KnownMethods::new(methods.iter().cloned());
    let others = methods.iter().filter(|method| !known.contains(method));
    // One more than are named says that there are more.
    for method in others.take(MOST + 1) {
        let problem = "is one too many: a process has room for 32 that are not standard";
        env.warn(VARIABLE, method.as_str(), problem, "_OTHER");
    }
    known
}

/// The parsed items of a list; one that cannot be parsed is warned of and left out.
fn each<T: FromStr>(env: &Env<'_>, variable: &'static str, problem: &str) -> Vec<T> {
    let list = env.text(variable).unwrap_or_default();
    let parsed: Vec<T> = items(&list).filter_map(|item| item.parse().ok()).collect();
    let used = match parsed.is_empty() {
        true => "the default",
        false => "the others of the list",
    };
    let wrong = items(&list).filter(|item| item.parse::<T>().is_err());
    for item in wrong.take(MOST + 1) {
        env.warn(variable, item, problem, used);
    }
    parsed
}

fn excluded_urls(env: &Env<'_>) -> PathPatterns {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_EXCLUDED_URLS";
    let mut patterns = env.list(VARIABLE);
    patterns.retain(|pattern| {
        let is_pattern = PathPatterns::is_pattern(pattern);
        if !is_pattern {
            let problem = "is no path such as /health or /internal/*";
            env.warn(VARIABLE, pattern, problem, "the others of the list");
        }
        is_pattern
    });
    PathPatterns::new(patterns)
}

fn trusted_proxies(env: &Env<'_>) -> Vec<IpNetwork> {
    let problem = "is no network such as 10.0.0.0/8 or fd00::/8";
    each(
        env,
        "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_TRUSTED_PROXIES",
        problem,
    )
}

/// The server's address and port on metrics.
fn metric_server(env: &Env<'_>) -> Option<(Arc<str>, Option<u16>)> {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_HTTP_SERVER_METRIC_SERVER";
    let server = env.text(VARIABLE)?;
    let parsed = split_host(&server);
    if parsed.is_none() {
        let problem = "is no host such as api.example.com or api.example.com:443";
        env.warn(VARIABLE, &server, problem, "no server on metrics");
    }
    parsed.map(|(address, port)| (address.into(), port))
}
