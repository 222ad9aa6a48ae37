//! Redirects that are followed above reqwest, and where headers may go.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, REFERER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Body, Method};
use reqwest_middleware::ClientWithMiddleware;
use throughline_reqwest::{Builder, UrlTemplate};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::baggage::BaggageExt;
use throughline_testing::opentelemetry::trace::FutureExt;
use throughline_testing::opentelemetry::{Context, KeyValue, Value};

use crate::support::{Received, raw, serve_recording, tracing};

/// A client whose names are all those of `server`.
fn resolving(server: SocketAddr) -> reqwest::ClientBuilder {
    ["one.internal", "two.internal", "foreign.example"]
        .into_iter()
        .fold(reqwest::Client::builder().no_proxy(), |client, name| {
            client.resolve(name, server)
        })
}

fn following(memory: &InMemory, server: SocketAddr) -> Builder {
    throughline_reqwest::builder(resolving(server)).tracing(tracing(memory))
}

/// A server that redirects by its paths: `/307/HOST/rest` with that status to `http://HOST:PORT/rest`.
async fn serve_redirects() -> (SocketAddr, Received) {
    let port = std::sync::Arc::new(std::sync::OnceLock::new());
    let known = port.clone();
    let answer = move |path: &str| {
        let mut parts = path.splitn(4, '/').skip(1);
        let (status, host) = (parts.next(), parts.next());
        let rest = parts.next().unwrap_or_default();
        match (status.map(str::parse), host) {
            (Some(Ok(status)), Some("relative")) => raw(status, &format!("location: /{rest}\r\n")),
            (Some(Ok(status)), Some("nowhere")) => raw(status, ""),
            (Some(Ok(status)), Some("data")) => raw(status, "location: data:,text\r\n"),
            (Some(Ok(status)), Some("ftp")) => raw(status, "location: ftp://one.internal/\r\n"),
            (Some(Ok(status)), Some("long")) => {
                raw(status, &format!("location: /{}\r\n", "a".repeat(70_000)))
            }
            (Some(Ok(status)), Some(host)) => {
                let port: &u16 = known.get().unwrap();
                raw(
                    status,
                    &format!("location: http://{host}:{port}/{rest}\r\n"),
                )
            }
            _ => raw(200, ""),
        }
    };
    let (server, received) = serve_recording(answer).await;
    port.set(server.port()).unwrap();
    (server, received)
}

/// The lines of a received request, in no order, without those of propagation.
fn without_ours(request: impl AsRef<str>) -> Vec<String> {
    let lines = request.as_ref().lines().map(str::to_owned);
    let mut lines: Vec<_> = lines
        .filter(|line| !line.starts_with("traceparent: "))
        .collect();
    lines.sort();
    lines
}

/// A request as reqwest redirects it, but with the referer that it has by our rules: to another host the origin alone.
fn with_our_referer(request: &str) -> String {
    let host = |line: &str| line.split('/').nth(2).map(str::to_owned);
    let to = request.lines().find_map(|line| line.strip_prefix("host: "));
    let lines = request
        .lines()
        .map(|line| match line.strip_prefix("referer: ") {
            Some(url) if host(url).as_deref() != to => {
                let origin: Vec<_> = line.splitn(4, '/').take(3).collect();
                format!("{}/\n", origin.join("/"))
            }
            _ => format!("{line}\n"),
        });
    lines.collect()
}

/// What is sent, and how.
#[derive(Clone, Copy, Debug)]
enum Content {
    None,
    Known,
    Stream,
}

async fn send(
    client: &ClientWithMiddleware,
    method: &Method,
    url: &str,
    content: Content,
) -> String {
    let request = client
        .request(method.clone(), url)
        .header(AUTHORIZATION, "secret")
        .header(COOKIE, "secret");
    let request = match content {
        Content::None => request,
        Content::Known => request.header("content-type", "text/x").body("body"),
        Content::Stream => {
            let chunks = tokio_stream::iter([Ok::<_, std::io::Error>("chunk")]);
            request.body(Body::wrap_stream(chunks))
        }
    };
    match request.send().await {
        Ok(response) => format!("{} {}", response.status(), response.url()),
        Err(reqwest_middleware::Error::Reqwest(error)) => format!(
            "redirect {} builder {} {:?}",
            error.is_redirect(),
            error.is_builder(),
            error.url().map(ToString::to_string)
        ),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn redirects_are_followed_as_reqwest_follows_them() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let ours = following(&memory, server).build().unwrap();
    let theirs = ClientWithMiddleware::from(resolving(server).build().unwrap());
    let circle = format!("{}end", "302/relative/".repeat(12));
    let almost = format!("{}end", "302/relative/".repeat(10));
    for path in [
        "301/relative/end",
        "302/two.internal/end",
        "303/relative/end",
        "307/two.internal/end",
        "308/relative/end",
        "307/two.internal/303/one.internal/end",
        "304/relative/end",
        "300/relative/end",
        "302/nowhere/end",
        "302/data/end",
        "302/ftp/end",
        "307/relative/302/ftp/end",
        "302/long/end",
        "302/%20/end",
        &circle,
        &almost,
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
            for content in [Content::None, Content::Known, Content::Stream] {
                let url = format!("http://one.internal:{}/{path}", server.port());
                let expected = send(&theirs, &method, &url, content).await;
                let expected_requests = received.take();
                let result = send(&ours, &method, &url, content).await;
                let requests = received.take();
                assert_eq!(result, expected, "{method} {path} {content:?}");
                let seen = Vec::from_iter(requests.iter().map(without_ours));
                assert_eq!(memory.take_spans().len(), seen.len());
                let expected = expected_requests
                    .iter()
                    .map(|request| with_our_referer(request));
                let expected: Vec<_> = expected.map(without_ours).collect();
                assert_eq!(seen, expected, "{method} {path} {content:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_hop_has_a_span_that_says_how_often_it_was_sent_before() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let client = following(&memory, server).build().unwrap();
    let url = format!(
        "http://one.internal:{}/307/two.internal/308/relative/end",
        server.port()
    );
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.url().path(), "/end");
    assert_eq!(response.text().await.unwrap(), "text");
    let requests = received.take();
    let spans = memory.spans();
    for (span, (request, expected)) in spans.iter().zip(requests.iter().zip([
        ("one.internal", 307, None),
        ("two.internal", 308, Some(1)),
        ("two.internal", 200, Some(2)),
    ])) {
        let parent = format!("traceparent: 00-{}-{}-01", span.trace_id, span.span_id);
        assert!(request.contains(&parent), "{request}");
        let (host, status, resends) = expected;
        let resends = resends.map(Value::I64);
        assert_eq!(span.attribute("server.address"), Some(&host.into()));
        assert_eq!(
            span.attribute("http.response.status_code"),
            Some(&Value::I64(status))
        );
        assert_eq!(
            span.attribute("http.request.resend_count"),
            resends.as_ref()
        );
        assert_eq!(span.error_type(), None);
    }
    assert_eq!((spans.len(), requests.len()), (3, 3));
}

#[tokio::test]
async fn a_circle_ends_with_the_error_of_reqwest() {
    let (server, _received) = serve_recording(|_| raw(302, "location: /\r\n")).await;
    let memory = InMemory::new();
    let client = following(&memory, server).build().unwrap();
    let error = client
        .get(format!("http://{server}/"))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_redirect(), "{error:?}");
    let spans = memory.spans();
    assert_eq!(spans.len(), 11);
    let (last, others) = spans.split_last().unwrap();
    assert_eq!(last.error_type(), Some("redirect"));
    let status = last.attribute("http.response.status_code");
    assert_eq!(status, Some(&Value::I64(302)));
    assert!(others.iter().all(|span| span.error_type().is_none()));
}

#[tokio::test]
async fn as_many_redirects_are_followed_as_were_asked_for() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let path = "302/relative/302/relative/end";
    let url = format!("http://one.internal:{}/{path}", server.port());
    for (max, result, requests) in [
        (0, "302 Found", 1),
        (1, "redirect true", 2),
        (2, "200 OK", 3),
    ] {
        let client = following(&memory, server).redirects(max).build().unwrap();
        let seen = send(&client, &Method::GET, &url, Content::None).await;
        assert!(seen.starts_with(result), "{seen}");
        assert_eq!(received.take().len(), requests);
        assert_eq!(memory.take_spans().len(), requests);
    }
}

#[tokio::test]
async fn a_template_is_that_of_the_first_url() {
    let tries = std::sync::atomic::AtomicU32::new(0);
    let (server, _received) = serve_recording(move |path| match path {
        "/users/7" if tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            raw(307, "location: /login\r\n")
        }
        "/login" => raw(307, "location: /users/7\r\n"),
        _ => raw(200, ""),
    })
    .await;
    let memory = InMemory::new();
    let client = following(&memory, server).build().unwrap();
    let call = client
        .get(format!("http://{server}/users/7"))
        .with_extension(UrlTemplate::new("/users/{id}"));
    call.send().await.unwrap().bytes().await.unwrap();
    let names: Vec<_> = memory.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /users/{id}", "GET", "GET /users/{id}"]);
}

#[tokio::test]
async fn the_timeout_of_a_call_is_that_of_all_its_hops() {
    let (server, _received) = serve_recording(|_| {
        std::thread::sleep(Duration::from_millis(60));
        raw(302, "location: /\r\n")
    })
    .await;
    let memory = InMemory::new();
    let client = following(&memory, server).build().unwrap();
    let call = client
        .get(format!("http://{server}/"))
        .timeout(Duration::from_millis(150));
    assert!(call.send().await.unwrap_err().is_timeout());
    assert_eq!(memory.spans().last().unwrap().error_type(), Some("timeout"));
}

#[tokio::test]
async fn secret_headers_do_not_come_back_at_a_third_hop() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let client = following(&memory, server).referer(false).build().unwrap();
    let path = "302/foreign.example/302/one.internal/end";
    let url = format!("http://one.internal:{}/{path}", server.port());
    send(&client, &Method::GET, &url, Content::None).await;
    let requests = received.take();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].contains("secret"));
    assert!(!requests[1..].concat().contains("secret"));
    assert!(!requests.concat().contains(REFERER.as_str()));
}

#[tokio::test]
async fn default_headers_are_those_of_a_call_that_has_none() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (COOKIE, "secret"),
        (ACCEPT, "text/a"),
        (ACCEPT, "text/b"),
        (USER_AGENT, "default"),
    ] {
        headers.append(name, value.parse().unwrap());
    }
    let client = following(&memory, server).default_headers(headers);
    let client = client.build().unwrap();
    let path = "302/relative/302/two.internal/302/one.internal/end";
    let url = format!("http://one.internal:{}/{path}", server.port());
    let call = client.get(url).header(USER_AGENT, "own");
    call.send().await.unwrap();
    let requests = received.take();
    let has_secret: Vec<_> = (requests.iter())
        .map(|request| request.contains("cookie"))
        .collect();
    assert_eq!(has_secret, [true, true, false, false]);
    for request in requests {
        let headers = "accept: text/a\r\naccept: text/b\r\n";
        assert!(request.contains(headers), "{request}");
        let agent = request.contains("user-agent: own");
        assert!(agent && !request.contains("default"), "{request}");
    }
}

#[tokio::test]
async fn default_headers_of_the_client_below_are_empty_where_they_must_not_go() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let mut headers = HeaderMap::new();
    for name in [
        "authorization",
        "cookie",
        "traceparent",
        "baggage",
        "x-quoted",
    ] {
        headers.insert(name, r#"secret "cookie2": "#.parse().unwrap());
    }
    let client = resolving(server).default_headers(headers);
    let builder = throughline_reqwest::builder(client).tracing(tracing(&memory));
    let client = builder.propagate_to(["*.internal"]).build().unwrap();
    let path = "302/relative/302/foreign.example/302/one.internal/end";
    let url = format!("http://one.internal:{}/{path}", server.port());
    client.get(url).send().await.unwrap();
    let requests = received.take();
    let sent: Vec<_> = (requests.iter())
        .map(|request| {
            let names = [
                "authorization",
                "cookie",
                "traceparent",
                "baggage",
                "cookie2",
            ];
            let values = names.map(|name| {
                let line = |line: &&str| line.starts_with(&format!("{name}: "));
                match request.lines().find(line) {
                    None => "-",
                    Some(line) if line.contains("secret") => "secret",
                    Some(line) if line.contains(": 00-") => "ours",
                    Some(line) => &line[name.len() + 2..],
                }
            });
            values.join(",")
        })
        .collect();
    assert_eq!(
        sent,
        [
            "secret,secret,ours,secret,-",
            "secret,secret,ours,secret,-",
            ",,,,-",
            ",,ours,secret,-",
        ]
    );
}

/// Calls `path` of `one.internal` with baggage, and expects `trace` or `baggage` or both of them at each hop.
async fn check_hosts(configure: impl Fn(Builder) -> Builder, path: &str, expected: &[&str]) {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let client = configure(following(&memory, server)).build().unwrap();
    let url = format!("http://one.internal:{}/{path}", server.port());
    let context = Context::new().with_baggage([KeyValue::new("user", "7")]);
    client.get(url).send().with_context(context).await.unwrap();
    let sent: Vec<_> = (received.take().iter())
        .map(|request| {
            let trace = request.contains("traceparent: 00-");
            let baggage = request.contains("baggage: user=7");
            [(trace, "trace"), (baggage, "baggage")]
                .into_iter()
                .filter_map(|(is_there, name)| is_there.then_some(name))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(sent, expected, "{path}");
    assert_eq!(memory.spans().len(), expected.len());
}

#[tokio::test]
async fn headers_go_only_where_they_may() {
    let there_and_back = "302/foreign.example/302/one.internal/end";
    let both = "trace baggage";
    check_hosts(|all| all, there_and_back, &[both, "trace", both]).await;
    let internal = |all: Builder| all.propagate_to(["*.internal"]);
    check_hosts(internal, there_and_back, &[both, "", both]).await;
    check_hosts(internal, "302/two.internal/end", &[both, "trace"]).await;
    let foreign = |all: Builder| all.propagate_except(["foreign.example"]);
    check_hosts(foreign, there_and_back, &[both, "", both]).await;
    let some = |all: Builder| all.baggage_to(["two.internal", "foreign.example"]);
    check_hosts(some, there_and_back, &["trace", both, "trace"]).await;
    check_hosts(some, "302/two.internal/end", &["trace", both]).await;
    let none = |all: Builder| all.propagate_to([""; 0]).baggage_to(["one.internal"]);
    check_hosts(none, there_and_back, &["", "", ""]).await;
    let never = |all: Builder| {
        all.propagate_to(["*.internal"])
            .propagate_except(["one.internal"])
    };
    check_hosts(never, "302/two.internal/end", &["", "trace"]).await;
}

#[tokio::test]
async fn hosts_are_listed_as_urls_or_people_write_them() {
    let sent = async |configure: fn(Builder) -> Builder, host: &str| {
        let (server, received) = serve_redirects().await;
        let names = ["xn--bcher-kva.example", "a.xn--bcher-kva.example"];
        let client = names
            .into_iter()
            .fold(reqwest::Client::builder().no_proxy(), |client, name| {
                client.resolve(name, server)
            });
        let memory = InMemory::new();
        let builder = throughline_reqwest::builder(client).tracing(tracing(&memory));
        let client = configure(builder).build().unwrap();
        let url = format!("http://{host}:{}/", server.port());
        client.get(url).send().await.unwrap();
        received.take().concat().contains("traceparent")
    };
    let book = "bücher.example";
    assert!(sent(|all| all.propagate_to(["BÜCHER.example"]), book).await);
    assert!(!sent(|all| all.propagate_to(["*.bücher.example"]), book).await);
    assert!(!sent(|all| all.propagate_to(["bücher.example:80"]), book).await);
    assert!(
        sent(
            |all| all.propagate_to(["*.bücher.example"]),
            "a.bücher.example"
        )
        .await
    );
    assert!(!sent(|all| all.propagate_except(["bücher.example"]), book).await);
    assert!(
        sent(
            |all| all.propagate_except(["other.exämple", "bücher.example:80"]),
            book
        )
        .await
    );
    assert!(!sent(|all| all.propagate_except(["ü.*.*:x"]), book).await);
    assert!(!sent(|all| all.propagate_except(["127.1"]), "2130706433").await);
}

#[tokio::test]
async fn headers_of_the_callers_own_stay_but_for_a_redirect_to_another_host() {
    const OWN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let until_foreign = [true, true, false];
    // Where our own may go, they take the place of the caller's; there is no baggage of our own here.
    for (configure, trace, baggage) in [
        (
            (|all| all) as fn(Builder) -> Builder,
            [false; 3],
            until_foreign,
        ),
        (
            |all| all.propagate_to(["two.internal"]),
            until_foreign,
            until_foreign,
        ),
        (
            |all| all.propagate_to([""; 0]),
            until_foreign,
            until_foreign,
        ),
        (
            |all| all.baggage_to(["foreign.example"]),
            [false; 3],
            [true; 3],
        ),
    ] {
        let (server, received) = serve_redirects().await;
        let memory = InMemory::new();
        let client = configure(following(&memory, server)).build().unwrap();
        let path = "302/relative/302/foreign.example/end";
        let url = format!("http://one.internal:{}/{path}", server.port());
        let call = client
            .get(url)
            .header("traceparent", OWN)
            .header("baggage", "own=1");
        call.send().await.unwrap();
        let requests = received.take();
        let stayed: Vec<_> = requests
            .iter()
            .map(|request| request.contains(OWN))
            .collect();
        assert_eq!(stayed, trace);
        let stayed: Vec<_> = requests
            .iter()
            .map(|request| request.contains("own=1"))
            .collect();
        assert_eq!(stayed, baggage);
    }
}

#[tokio::test]
async fn a_policy_of_the_clients_own_is_replaced() {
    let (server, received) = serve_redirects().await;
    let memory = InMemory::new();
    let client = throughline_reqwest::builder(resolving(server).redirect(Policy::none()))
        .tracing(tracing(&memory))
        .build()
        .unwrap();
    let url = format!("http://one.internal:{}/302/relative/end", server.port());
    client.get(url).send().await.unwrap();
    assert_eq!((received.take().len(), memory.spans().len()), (2, 2));
}
