//! Spans of clients.

use std::sync::Arc;

use ::http::Method;
use throughline_core::http_semconv::{ClientCall, ClientRequest};
use throughline_core::{Operation, Outcome};
use throughline_testing::Expected;

use super::{Attributes, answer, check_client};

#[test]
fn a_client_span_has_all_that_is_known() {
    let brew = Method::from_bytes(b"BREW").unwrap();
    check_client(
        ClientRequest {
            method: &brew,
            url: &|| "https://user:secret@[::1]:8443/a?sig=secret&b=1".into(),
            host: "[::1]",
            port: Some(8443),
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 2,
            settings: &Arc::default(),
        },
        answer(404, "not here"),
        "HTTP",
        Some(""),
        &[
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", "BREW".into()),
            ("server.address", "::1".into()),
            ("server.port", 8443.into()),
            (
                "url.full",
                "https://REDACTED:REDACTED@[::1]:8443/a?sig=REDACTED&b=1".into(),
            ),
            ("http.request.resend_count", 2.into()),
            ("http.response.status_code", 404.into()),
            ("network.protocol.version", "2".into()),
            ("error.type", "404".into()),
        ],
    );
}

#[test]
fn a_client_span_says_how_it_failed() {
    #[track_caller]
    fn check(
        finish: impl FnOnce(Operation<ClientCall>),
        end: Attributes<'_>,
        expected: Option<&'static str>,
    ) {
        let mut attributes = vec![
            ("http.request.method", Expected::from("GET")),
            ("server.address", "example.com".into()),
            ("url.full", "http://example.com/".into()),
        ];
        attributes.extend_from_slice(end);
        let request = ClientRequest {
            method: &Method::GET,
            url: &|| "http://example.com/".into(),
            host: "example.com",
            port: None,
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 0,
            settings: &Arc::default(),
        };
        check_client(request, finish, "GET", expected, &attributes);
    }
    let finish = |outcome| move |mut operation: Operation<ClientCall>| operation.finish(outcome);
    let ok = [
        ("http.response.status_code", 200.into()),
        ("network.protocol.version", "2".into()),
    ];
    check(answer(200, ""), &ok, None);
    // A response dropped unread has finished, and a call that its caller gave up is no error.
    check(answer(200, "unread"), &ok, None);
    check(drop, &[], None);
    check(
        finish(Outcome::Error("timeout")),
        &[("error.type", "timeout".into())],
        Some(""),
    );
    check(
        finish(Outcome::Panicked),
        &[("error.type", "panic".into())],
        Some("panicked"),
    );
}
