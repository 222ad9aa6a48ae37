//! `http.route` and the span's name, with axum.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::StatusCode;
use http_body_util::BodyExt;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::Value;
use throughline_tower::{Route, ServerLayer};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{assert_recorded_once, layer, only_span};

async fn ok() -> &'static str {
    "ok"
}

/// Sends `request` (`GET /path`) to `service` and expects one span, and on it and in its name the route, if any.
#[track_caller]
fn check<S>(memory: &InMemory, service: S, request: &str, route: Option<&str>)
where
    S: Service<Request, Response: IntoResponse, Error = Infallible>,
{
    let (method, path) = request.split_once(' ').unwrap();
    let sent = Request::builder().method(method).uri(path);
    crate::support::block_on(async {
        let response = service.oneshot(sent.body(Body::empty()).unwrap()).await;
        let response: Response = response.unwrap().into_response();
        let _ = response.into_body().collect().await.unwrap();
    });
    let span = only_span(memory);
    let recorded = span.attribute("http.route").map(Value::to_string);
    assert_eq!(recorded.as_deref(), route, "{request}");
    let route = route.map(|route| format!(" {route}")).unwrap_or_default();
    assert_recorded_once(memory, &format!("SERVER {method}{route}"));
}

/// The same with a new layer, which `serve` puts to use.
#[track_caller]
fn check_with<S>(serve: impl Fn(ServerLayer) -> S, request: &str, route: Option<&str>)
where
    S: Service<Request, Response: IntoResponse, Error = Infallible>,
{
    let memory = InMemory::new();
    check(&memory, serve(layer(&memory)), request, route);
}

#[test]
fn a_layer_on_the_router_sees_the_matched_route() {
    let app = |layer| {
        let users = Router::new().route("/{id}", get(ok).delete(ok));
        let deep = Router::new().nest("/users", users).route("/", get(ok));
        Router::new()
            .route("/", get(ok))
            .route("/orders/{id}", get(ok).post(ok))
            .route("/files/{*path}", any(ok))
            .nest("/api/{version}", deep)
            .merge(Router::new().route("/merged/{id}", post(ok)))
            .layer(layer)
    };
    check_with(app, "GET /", Some("/"));
    check_with(app, "GET /orders/7", Some("/orders/{id}"));
    check_with(app, "POST /orders/7?q=1", Some("/orders/{id}"));
    check_with(app, "HEAD /orders/7", Some("/orders/{id}"));
    check_with(app, "GET /files/a/b/c", Some("/files/{*path}"));
    check_with(
        app,
        "DELETE /api/v1/users/7",
        Some("/api/{version}/users/{id}"),
    );
    check_with(app, "GET /api/v1", Some("/api/{version}"));
    check_with(app, "POST /merged/7", Some("/merged/{id}"));
    // A method that the route does not have: the route is known all the same.
    check_with(app, "PUT /orders/7", Some("/orders/{id}"));
    // No route: never the path.
    check_with(app, "GET /nowhere/7", None);
    check_with(app, "GET /api/v1/nowhere", None);
    check_with(app, "DELETE /", Some("/"));
}

#[test]
fn a_fallback_has_no_route() {
    let app = |layer| {
        let inner = Router::new().route("/a", get(ok)).fallback(ok);
        Router::new()
            .nest("/inner", inner)
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(layer)
    };
    check_with(app, "GET /inner/a", Some("/inner/a"));
    check_with(app, "GET /inner/b", None);
    check_with(app, "GET /b", None);
}

#[test]
fn a_route_layer_sees_the_matched_route_and_leaves_the_rest_alone() {
    let app = |layer| {
        Router::new()
            .route("/users/{id}", get(ok))
            .route_layer(layer)
    };
    check_with(app, "GET /users/7", Some("/users/{id}"));
    let memory = InMemory::new();
    let request = Request::get("/nowhere").body(Body::empty()).unwrap();
    let response = crate::support::block_on(app(layer(&memory)).oneshot(request)).unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(memory.spans(), []);
}

#[test]
fn a_nested_service_has_the_route_that_the_hook_tells() {
    let files = || service_fn(async |_: Request| Ok::<_, Infallible>("file".into_response()));
    let app = |layer: ServerLayer| {
        let layer = layer.route(|request| {
            (request.uri.path().starts_with("/assets/")).then_some("/assets/{*path}".into())
        });
        Router::new()
            .nest_service("/assets", files())
            .nest_service("/other", files())
            .route("/users/{id}", get(ok))
            .layer(layer)
    };
    check_with(app, "GET /assets/a/b.css", Some("/assets/{*path}"));
    check_with(app, "GET /users/7", Some("/users/{id}"));
    check_with(app, "GET /other/a.css", None);
}

#[test]
fn the_hook_goes_before_the_matched_path_and_sees_the_request() {
    let app = |layer: ServerLayer| {
        let layer = layer.route(|request| {
            let name = request.headers.get("x-route")?.to_str().ok()?;
            assert_eq!(request.method, "GET");
            assert!(
                request
                    .extensions
                    .get::<axum::extract::MatchedPath>()
                    .is_some()
            );
            Some(name.to_owned().into())
        });
        let service = Router::new().route("/users/{id}", get(ok)).layer(layer);
        service.layer(axum::middleware::map_request(
            async |mut request: Request| {
                request
                    .headers_mut()
                    .insert("x-route", "/hooked".parse().unwrap());
                request
            },
        ))
    };
    check_with(app, "GET /users/7", Some("/hooked"));
}

#[test]
fn an_empty_route_is_no_route() {
    let app = |layer: ServerLayer| {
        let layer = layer.route(|_| Some("".into()));
        Router::new().route("/users/{id}", get(ok)).layer(layer)
    };
    check_with(app, "GET /users/7", None);
}

#[test]
fn a_hook_that_panics_has_told_no_route() {
    let app = |layer: ServerLayer| {
        let layer = layer.route(|_| panic!("on purpose"));
        Router::new().route("/users/{id}", get(ok)).layer(layer)
    };
    check_with(app, "GET /users/7", Some("/users/{id}"));
}

#[test]
fn two_layers_make_one_span() {
    let twice = |layer: ServerLayer| {
        Router::new()
            .route("/users/{id}", get(ok))
            .layer(layer.clone())
            .layer(layer)
    };
    check_with(twice, "GET /users/7", Some("/users/{id}"));
    check_with(twice, "GET /nowhere", None);

    let nested = |layer: ServerLayer| {
        let inner = Router::new().route("/{id}", get(ok)).layer(layer.clone());
        Router::new().nest("/users", inner).layer(layer)
    };
    check_with(nested, "GET /users/7", Some("/users/{id}"));
}

#[test]
fn an_inner_layer_tells_the_outer_one_its_route() {
    // Around the whole router nothing has been matched yet.
    let alone = |layer: ServerLayer| layer.layer(Router::new().route("/users/{id}", get(ok)));
    check_with(alone, "GET /users/7", None);
    let both = |layer: ServerLayer| {
        let app = Router::new().route("/users/{id}", get(ok));
        layer.layer(app.layer(layer.clone()))
    };
    check_with(both, "GET /users/7", Some("/users/{id}"));
    check_with(both, "GET /nowhere", None);

    // The inner one's providers and hook differ, and only its hook counts.
    let (outer, inner) = (InMemory::new(), InMemory::new());
    let hooked = layer(&inner).route(|_| Some("/hooked".into()));
    let app = Router::new().route("/users/{id}", get(ok)).layer(hooked);
    check(
        &outer,
        layer(&outer).layer(app),
        "GET /users/7",
        Some("/hooked"),
    );
    assert_eq!(inner.spans(), []);
    assert_eq!(inner.metrics(), []);
}

#[test]
fn a_service_tells_its_route_in_the_extensions_of_the_response() {
    let late = |layer: ServerLayer| {
        layer.layer(service_fn(async |_: Request| {
            let route = Route::intern("/late/{id}").unwrap();
            let mut response = "text".into_response();
            response.extensions_mut().insert(route);
            Ok::<_, Infallible>(response)
        }))
    };
    check_with(late, "GET /late/7", Some("/late/{id}"));

    // What was known first counts.
    let early = |layer: ServerLayer| {
        let handler = async || {
            let route = Route::intern("/late/{id}").unwrap();
            (axum::Extension(route), "text")
        };
        Router::new()
            .route("/early/{id}", get(handler))
            .layer(layer)
    };
    check_with(early, "GET /early/7", Some("/early/{id}"));
}

#[test]
fn a_method_that_is_not_known_keeps_the_route() {
    let memory = InMemory::new();
    let app = Router::new().route("/users/{id}", any(ok));
    let request = Request::builder().method("PURGE").uri("/users/7");
    let request = request.body(Body::empty()).unwrap();
    let response = crate::support::block_on(app.layer(layer(&memory)).oneshot(request));
    let body = response.unwrap().into_body();
    crate::support::block_on(body.collect()).unwrap();
    assert_recorded_once(&memory, "SERVER HTTP /users/{id}");
}

#[test]
fn the_status_of_axum_itself_is_recorded() {
    for (request, status) in [("GET /nowhere", 404), ("PUT /users/7", 405)] {
        let memory = InMemory::new();
        let app = Router::new().route("/users/{id}", get(ok));
        let (method, path) = request.split_once(' ').unwrap();
        let sent = Request::builder().method(method).uri(path);
        let service = app.layer(layer(&memory));
        let response = service.oneshot(sent.body(Body::empty()).unwrap());
        drop(crate::support::block_on(response).unwrap());
        assert_eq!(crate::support::status_code(&memory), Some(status));
    }
}
