//! What holds for servers and clients alike.

use std::sync::Arc;

use ::http::{Method, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use throughline_core::http_semconv::{ClientRequest, error_type_of};
use throughline_testing::InMemory;

use super::{answer, check_client, check_server, respond};
use crate::support::{client, get, serve, server};

#[test]
fn what_a_request_says_of_itself_has_a_bound() {
    const BOUND: usize = 8000;
    let (long, agent) = ("x".repeat(20_000), "a".repeat(BOUND + 1));
    let mut request = get(&[("user-agent", &agent)]);
    *request.method_mut() = Method::from_bytes(long.as_bytes()).unwrap();
    *request.uri_mut() = format!("/{long}?sig=s&{long}&sig=s").parse().unwrap();
    check_server(
        &request,
        None,
        || None,
        respond(200),
        "HTTP",
        &[
            ("http.request.method", "_OTHER".into()),
            ("http.request.method_original", long[..BOUND].into()),
            ("url.scheme", "http".into()),
            ("url.path", format!("/{}", &long[1..BOUND]).into()),
            (
                "url.query",
                format!("sig=REDACTED&{}", &long[..BOUND - "sig=s&".len()]).into(),
            ),
            ("network.protocol.version", "1.1".into()),
            ("user_agent.original", agent[..BOUND].into()),
            ("http.response.status_code", 200.into()),
        ],
    );

    // The end of the user information is past the bound.
    let url = format!("https://user:{long}@host/\u{e9}{}", "\u{e9}".repeat(BOUND));
    let prefix = "https://REDACTED:REDACTED@host/";
    let kept = (BOUND - prefix.len()) / 2;
    let recorded = format!("{prefix}{}", "\u{e9}".repeat(kept));
    check_client(
        ClientRequest {
            method: &Method::GET,
            url: &|| url.as_str().into(),
            host: "host",
            port: None,
            scheme: None,
            headers: &::http::HeaderMap::new(),
            body_size: &|| None,
            template: None,
            resend_count: 0,
            settings: &Arc::default(),
        },
        answer(204, ""),
        "GET",
        None,
        &[
            ("http.request.method", "GET".into()),
            ("server.address", "host".into()),
            ("url.full", recorded.into()),
            ("network.protocol.version", "2".into()),
            ("http.response.status_code", 204.into()),
        ],
    );
}

#[test]
fn no_body_is_waited_for_that_cannot_follow() {
    #[track_caller]
    fn check(method: &str, status: u16, ends_with_head: bool) {
        let respond = || {
            let body = Full::new(Bytes::from("never read"));
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        };
        let memory = InMemory::new();
        let mut request = get(&[]);
        *request.method_mut() = method.parse().unwrap();
        let response = serve(&server(&memory), &request).respond(respond());
        assert_eq!(memory.spans().len(), usize::from(ends_with_head));
        drop(response);
        assert_eq!(memory.take_spans().len(), 1);

        let call = ClientRequest {
            method: request.method(),
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
        let response = call.start(&client(&memory).resolve()).respond(respond());
        assert_eq!(memory.spans().len(), usize::from(ends_with_head));
        drop(response);
        assert_eq!(memory.spans().len(), 1);
    }
    for status in [200, 404, 500] {
        check("HEAD", status, true);
        check("GET", status, false);
        check("POST", status, false);
    }
    for status in [101, 103, 204, 304] {
        check("GET", status, true);
    }
    check("CONNECT", 200, true);
    check("CONNECT", 407, false);
}

#[test]
fn error_types_are_type_paths() {
    assert_eq!(error_type_of::<std::fmt::Error>(), "core::fmt::Error");
    assert_eq!(error_type_of::<Box<dyn std::error::Error>>(), "_OTHER");
    assert_eq!(error_type_of::<dyn std::error::Error + Send>(), "_OTHER");
}
