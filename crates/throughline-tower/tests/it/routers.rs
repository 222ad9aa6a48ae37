//! Where the layer can be in a router of axum, over real connections with HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::future::IntoFuture;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, get_service};
use http::Method;
use throughline_testing::InMemory;
use throughline_tower::ServerLayer;
use tokio::net::{TcpListener, TcpStream};
use tower::service_fn;

use crate::exchange::{Answer, Client, Protocol};
use crate::support::{assert_recorded_once, layer, status_code};

/// `GET path` of `app` is answered with `status`, and recorded as `SERVER GET{route}`; None: not recorded.
async fn check(app: fn(ServerLayer) -> Router, path: &str, status: u16, route: Option<&str>) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        println!("GET {path} over {protocol:?}");
        let memory = InMemory::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = axum::serve(listener, app(layer(&memory)));
        let server = tokio::spawn(server.into_future());
        let socket = TcpStream::connect(address).await.unwrap();
        let mut client = Client::new(socket, protocol).await;
        let request = client.request(Method::GET, path);
        let answer = Answer::read(client.send(request).await.unwrap());
        assert_eq!(answer.await.unwrap().status, status);
        // The server had taken the last of the body before the client could get it.
        match route {
            Some(route) => {
                assert_recorded_once(&memory, &format!("SERVER GET{route}"));
                assert_eq!(status_code(&memory), Some(status.into()));
                // As it was sent, also where axum shortens it for nested services.
                let recorded = memory.spans().remove(0).attribute("url.path").cloned();
                assert_eq!(recorded, Some(path.to_owned().into()));
            }
            None => assert_eq!(memory.spans(), []),
        }
        server.abort();
    }
}

async fn ok() -> &'static str {
    "text"
}

async fn file(_: Request) -> Result<Response, Infallible> {
    Ok("text".into_response())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_span_wherever_the_layer_is() {
    let whole = |layer| Router::new().route("/users/{id}", get(ok)).layer(layer);
    check(whole, "/users/7", 200, Some(" /users/{id}")).await;
    check(whole, "/nowhere", 404, Some("")).await;

    let routes = |layer| {
        let users = Router::new().route("/users/{id}", get(ok));
        users.route_layer(layer)
    };
    check(routes, "/users/7", 200, Some(" /users/{id}")).await;
    check(routes, "/nowhere", 404, None).await;

    let nested = |layer| {
        let users = Router::new().route("/{id}", get(ok)).layer(layer);
        Router::new().nest("/users", users).route("/", get(ok))
    };
    check(nested, "/users/7", 200, Some(" /users/{id}")).await;
    check(nested, "/", 200, None).await;
    let excluded = |layer: ServerLayer| {
        let layer = layer.exclude_paths(["/users/7", "/8"]);
        let users = Router::new().route("/{id}", get(ok)).layer(layer);
        Router::new().nest("/users", users)
    };
    check(excluded, "/users/7", 200, None).await;
    check(excluded, "/users/8", 200, Some(" /users/{id}")).await;

    let twice = |layer: ServerLayer| {
        let users = Router::new().route("/{id}", get(ok)).layer(layer.clone());
        Router::new().nest("/users", users).layer(layer)
    };
    check(twice, "/users/7", 200, Some(" /users/{id}")).await;

    let fallback = |layer| Router::new().fallback(ok).layer(layer);
    check(fallback, "/users/7", 200, Some("")).await;

    let nested_service = |layer| {
        Router::new()
            .nest_service("/files", service_fn(file))
            .layer(layer)
    };
    check(nested_service, "/files/a", 200, Some("")).await;

    let route_service = |layer| {
        let router = Router::new().route("/files/{id}", get_service(service_fn(file)));
        router.layer(layer)
    };
    check(route_service, "/files/7", 200, Some(" /files/{id}")).await;
}
