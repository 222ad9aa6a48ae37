//! A query of one row, by the peers.

use std::hint::black_box;
use std::io;

use clap::ValueEnum;
use opentelemetry::trace::TracerProvider;
use opentelemetry_0_32::global;
use throughline_bench::{Path, QUERY, QueryOptions, SETUP, queries};
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::sdk::batch_processor;
use crate::sdk_0_32;

/// What stands around the pool.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Query {
    /// sqlx-otel, whose newest OpenTelemetry is 0.32.
    SqlxOtel,
    /// Nothing, around sqlx 0.8.
    Bare08,
    /// sqlx-tracing, whose newest sqlx is 0.8.
    SqlxTracing,
}

impl Query {
    pub(crate) fn path(self, options: &QueryOptions) -> io::Result<Box<dyn Path>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        match self {
            Self::SqlxOtel => sqlx_otel_path(runtime, options).map_err(io::Error::other),
            Self::Bare08 => bare_path(runtime).map_err(io::Error::other),
            Self::SqlxTracing => sqlx_tracing_path(runtime, options).map_err(io::Error::other),
        }
    }
}

fn sqlx_otel_path(runtime: Runtime, options: &QueryOptions) -> sqlx::Result<Box<dyn Path>> {
    let tracers = sdk_0_32::tracers(options.input);
    global::set_tracer_provider(tracers.clone());
    if options.metrics {
        global::set_meter_provider(sdk_0_32::meters());
    }
    let pool = runtime.block_on(async {
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect("sqlite::memory:").await?;
        sqlx::raw_sql(SETUP).execute(&pool).await?;
        Ok::<_, sqlx::Error>(pool)
    })?;
    let pool = sqlx_otel::PoolBuilder::from(pool).build();
    let query = async move || {
        let query = sqlx::query(QUERY).bind(42);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    };
    let flush = move || tracers.force_flush().map_err(io::Error::other);
    let guard = sdk_0_32::under_a_parent(options.input);
    Ok(queries(runtime, query, Box::new(flush), guard))
}

fn pool_0_8(runtime: &Runtime) -> sqlx_0_8::Result<sqlx_0_8::SqlitePool> {
    runtime.block_on(async {
        let pool = sqlx_0_8::sqlite::SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect("sqlite::memory:").await?;
        sqlx_0_8::raw_sql(SETUP).execute(&pool).await?;
        Ok(pool)
    })
}

fn bare_path(runtime: Runtime) -> sqlx_0_8::Result<Box<dyn Path>> {
    let pool = pool_0_8(&runtime)?;
    let query = async move || {
        let query = sqlx_0_8::query(QUERY).bind(42);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    };
    Ok(queries(runtime, query, Box::new(|| Ok(())), ()))
}

fn sqlx_tracing_path(
    runtime: Runtime,
    options: &QueryOptions,
) -> Result<Box<dyn Path>, Box<dyn std::error::Error + Send + Sync>> {
    if options.metrics {
        return Err("sqlx-tracing has no metrics".into());
    }
    let tracers = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_sampler(throughline_bench::sampler(options.input))
        .with_span_processor(batch_processor(throughline_bench::Nowhere))
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("tracing"));
    // sqlx has an event of its own for each query, for who debugs.
    let subscriber = Registry::default().with(LevelFilter::INFO).with(layer);
    tracing::subscriber::set_global_default(subscriber)?;
    let pool = sqlx_tracing::Pool::from(pool_0_8(&runtime)?);
    let query = async move || {
        let query = sqlx_0_8::query(QUERY).bind(42);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    };
    let flush = move || tracers.force_flush().map_err(io::Error::other);
    let guard = throughline_bench::under_a_parent(options.input);
    Ok(queries(runtime, query, Box::new(flush), guard))
}
