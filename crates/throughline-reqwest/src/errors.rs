//! `error.type` of reqwest's errors.

use reqwest_middleware::Error;
use throughline_core::http_semconv::{ErrorTypes, is_tls};

/// How errors are told apart: by what reqwest says of them and by the types of their sources. Never by their text, which
/// holds the URL.
pub(crate) fn error_types() -> ErrorTypes {
    ErrorTypes::default()
        .with(|error: &reqwest::Error| Some(of_reqwest(error)))
        .with(|error: &Error| match error {
            Error::Middleware(_) => Some("middleware"),
            // Its `source()` is that of the error in it.
            Error::Reqwest(error) => Some(of_reqwest(error)),
        })
}

fn of_reqwest(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "timeout",
        error if error.is_dns() => "dns",
        error if error.is_connect() && is_tls(error) => "tls",
        error if error.is_connect() => "connect",
        error if error.is_redirect() => "redirect",
        error if error.is_builder() => "builder",
        error if error.is_decode() => "decode",
        error if error.is_body() => "body",
        error if error.is_request() => "request",
        _ => "_OTHER",
    }
}
