//! A service whose requests all ask SQLite at once, by functions with spans of their own; each query says under which it is sent.
//!
//! `GET /orders/{request}` waits until as many requests as its first argument says have come. The service prints its URL and
//! serves until it is stopped.

use std::env;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::TryStreamExt;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, Executor, Sqlite};
use throughline_sqlx::TracedPool;
use throughline_tower::ServerLayer;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::yield_now;

#[tokio::main(worker_threads = 4)]
async fn main() -> anyhow::Result<()> {
    let requests = env::args().nth(1).context("how many requests?")?.parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // Before any line of the log.
    println!("http://{}/orders", listener.local_addr()?);
    let telemetry = throughline::init()?;
    let pool = SqlitePoolOptions::new().max_connections(8);
    let pool = TracedPool::from(pool.connect("sqlite::memory:").await?);
    let app = Router::new()
        .route("/orders/{request}", get(handle))
        .layer(ServerLayer::new())
        .with_state(App {
            pool: pool.clone(),
            all: Arc::new(Barrier::new(requests)),
        });
    axum::serve(listener, app)
        .with_graceful_shutdown(throughline::shutdown_signal())
        .await?;
    // The threads of sqlx's SQLite hold the spans of functions until they are through with what these asked for.
    pool.close().await;
    match telemetry.shutdown().await {
        Ok(report) => eprintln!("{report}"),
        Err(error) => eprintln!("{error}"),
    }
    Ok(())
}

#[derive(Clone)]
struct App {
    pool: TracedPool<Sqlite>,
    all: Arc<Barrier>,
}

/// A query that says whose it is: the request's, and the span's under which it is sent.
fn marked(request: u32, place: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT ? AS of_{place}_{request}"))
}

async fn ask<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    request: u32,
    place: &str,
) -> sqlx::Result<()> {
    let query = sqlx::query_scalar::<_, u32>(marked(request, place));
    query.bind(request).fetch_one(executor).await?;
    Ok(())
}

async fn handle(State(app): State<App>, Path(request): Path<u32>) -> StatusCode {
    app.all.wait().await;
    match work(&app, request).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn work(app: &App, request: u32) -> sqlx::Result<()> {
    ask(&app.pool, request, "handler").await?;
    let (booked, asked, checked) = tokio::join!(
        book(app, request),
        ask(&app.pool, request, "handler"),
        check(app, request),
    );
    booked.and(asked).and(checked)?;
    ask(&app.pool, request, "handler").await
}

#[tracing::instrument(skip(app))]
async fn book(app: &App, request: u32) -> sqlx::Result<()> {
    let mut tx = app.pool.begin().await?;
    ask(&mut *tx, request, "book").await?;
    yield_now().await;
    let mut savepoint = tx.begin().await?;
    ask(&mut *savepoint, request, "book").await?;
    savepoint.commit().await?;
    tx.commit().await?;
    let (checked, asked) = tokio::join!(check(app, request), ask(&app.pool, request, "book"));
    checked.and(asked)
}

#[tracing::instrument(skip(app))]
async fn check(app: &App, request: u32) -> sqlx::Result<()> {
    let query = sqlx::query(marked(request, "check")).bind(request);
    let mut rows = query.fetch(&app.pool);
    while rows.try_next().await?.is_some() {
        yield_now().await;
    }
    drop(rows);
    let mut connection = app.pool.acquire().await?;
    yield_now().await;
    ask(&mut *connection, request, "check").await
}
