//! An application's file (`repository.rs`) by sqlx's own pool and by ours: it goes on compiling, and passes its tests.
//!
//! `.sqlx` has what its `query!` must know of the database: `cargo sqlx prepare -- --tests --all-features` in the folder of
//! this crate writes it anew, with a `DATABASE_URL` that leads to the tables of `migrations`.

mod after;
mod before;

use std::sync::Arc;

use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use throughline_testing::InMemory;

use crate::databases::postgres_options;
use crate::servers::{self, Server};
use crate::support::{names, traced};

/// Two connections to a database of this name, which is new.
async fn pool(name: &str) -> Option<(PgPool, Arc<Server>)> {
    let server = servers::postgres()?;
    let options = postgres_options(&server);
    let maintenance = PgPool::connect_lazy_with(options.clone());
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    maintenance.execute(create).await.unwrap();
    maintenance.close().await;
    let pool = PgPoolOptions::new().max_connections(2);
    let pool = pool.connect_with(options.database(name)).await.unwrap();
    Some((pool, server))
}

#[tokio::test]
async fn an_application_passes_by_sqlx_alone() {
    let Some((pool, _server)) = pool("before").await else {
        return;
    };
    let listener = PgListener::connect_with(&pool).await.unwrap();
    before::repository::passes(pool, listener).await;
}

#[tokio::test]
async fn an_application_passes_with_another_type_of_pool() {
    let Some((pool, _server)) = pool("after").await else {
        return;
    };
    let memory = InMemory::new();
    let pool = traced(pool, &memory);
    // What asks for sqlx's own pool by name gets it.
    let listener = PgListener::connect_with(pool.inner()).await.unwrap();
    let passes = async move { after::repository::passes(pool, listener).await };
    // Where a task can take it along it is as much `Send` as it was.
    tokio::spawn(passes).await.unwrap();
    let expected = [
        "INSERT orders",
        "INSERT lines",
        "UPDATE stock",
        "UPDATE stock",
        "SELECT",
        "SELECT orders",
        "SELECT orders",
        "SELECT lines",
        "SELECT lines",
        "SELECT stock",
        "SELECT stock",
        "INSERT orders",
        "INSERT lines",
        "SELECT orders SELECT lines",
        "DELETE orders",
        "DELETE orders",
        "SELECT orders SELECT lines",
        "DELETE stock",
    ];
    assert_eq!(names(&memory), expected);
}
