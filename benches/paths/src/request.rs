//! One request through an axum router.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::thread;

use axum::Router;
use axum::body::Body;
use axum::extract::Path as Parameter;
use axum::http::Request;
use axum::routing::get;
use clap::{Args, ValueEnum};
use http_body_util::BodyExt;
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::child::instrumented;
use crate::drive::{Path, cpu_nanos};
use crate::processor::bind_to;

/// What a request brings, and who decides.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Input {
    /// A sampled parent.
    Sampled,
    /// A parent that is not sampled.
    Unsampled,
    /// No parent, and a sampler that drops.
    AlwaysOff,
    /// No parent, and a sampler that records.
    AlwaysOn,
}

impl Input {
    /// The `traceparent` of the request.
    #[must_use]
    pub fn traceparent(self) -> Option<&'static str> {
        match self {
            Self::Sampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            Self::Unsampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
            Self::AlwaysOff | Self::AlwaysOn => None,
        }
    }

    fn request(self, path: &'static str) -> Request<Body> {
        let mut request = Request::get(path)
            .header("host", "shop.example:8080")
            .header("user-agent", "bench/1.0")
            .header("accept", "*/*");
        if let Some(parent) = self.traceparent() {
            request = request.header("traceparent", parent);
        }
        // The parts above are valid by their looks.
        request.body(Body::empty()).unwrap_or_default()
    }
}

/// A request, and what happens around it.
#[derive(Clone, Debug, Args)]
pub struct RequestOptions {
    /// What the request brings, and who decides.
    pub input: Input,
    /// Whether metrics are on.
    #[arg(long)]
    pub metrics: bool,
    /// The OTLP endpoint that spans go to, over HTTP. Default: nowhere.
    #[arg(long)]
    pub export: Option<String>,
    /// Whether the handler opens three `#[instrument]` spans and writes an event.
    #[arg(long)]
    pub work: bool,
    /// The attributes that the handler sets on the span of the request.
    #[arg(long, default_value_t = 0)]
    pub attributes: usize,
    /// The requests that are open meanwhile.
    #[arg(long, default_value_t = 0)]
    pub open: u64,
    /// Keeps every request open.
    #[arg(long)]
    pub hold: bool,
    /// The threads that share the requests.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub threads: u64,
    /// Serves over a socket instead, and prints the port. Each line on standard input is answered by the nanoseconds
    /// of processor time so far; its end ends the program.
    #[arg(long)]
    pub serve: bool,
    /// The processor that the program is bound to.
    #[arg(long)]
    pub cpu: Option<usize>,
}

/// A router with what observes it.
pub struct Observed {
    /// The router.
    pub router: Router,
    /// Exports what is left.
    pub flush: Box<dyn Fn() -> io::Result<()>>,
}

impl Observed {
    /// A router whose requests leave nothing to export.
    #[must_use]
    pub fn without_export(router: Router) -> Self {
        Self {
            router,
            flush: Box::new(|| Ok(())),
        }
    }

    /// A router whose spans are exported by a provider.
    #[must_use]
    pub fn exported_by(router: Router, provider: SdkTracerProvider) -> Self {
        Self {
            router,
            flush: Box::new(move || provider.force_flush().map_err(io::Error::other)),
        }
    }
}

/// The router that all measure, with nothing around it.
pub fn router(options: &RequestOptions) -> Router {
    let user = match (options.work, options.attributes) {
        (false, 0) => get(|Parameter(id): Parameter<u64>| async move { id.to_string() }),
        (true, _) => get(|Parameter(id): Parameter<u64>| async move {
            for _ in 0..2 {
                instrumented(7, "book");
            }
            crate::child::instrumented_with_event(7, "book");
            id.to_string()
        }),
        (false, attributes) => {
            let name = |number| &*format!("attribute.{number}").leak();
            let names: &[&'static str] = (0..attributes).map(name).collect::<Vec<_>>().leak();
            get(move |Parameter(id): Parameter<u64>| async move {
                let context = opentelemetry::Context::current();
                for name in names {
                    context.span().set_attribute(KeyValue::new(*name, 42));
                }
                id.to_string()
            })
        }
    };
    Router::new()
        .route("/users/{id}", user)
        .route("/hold", get(std::future::pending::<()>))
}

/// The path of a request through what `observe` makes of the options, or its server, which does not return before
/// standard input ends.
///
/// # Errors
///
/// When there is no runtime, socket or exporter to be had.
pub fn request_path(
    options: RequestOptions,
    observe: impl FnOnce(&RequestOptions) -> io::Result<Observed>,
) -> io::Result<Box<dyn Path>> {
    // Before any other thread is there.
    bind_to(options.cpu)?;
    let observed = observe(&options)?;
    if options.serve {
        serve(observed.router)?;
        return Ok(Box::new(Served));
    }
    let mut requests = Requests {
        runtimes: (0..options.threads)
            .map(|_| runtime())
            .collect::<Result<_, _>>()?,
        held: Vec::new(),
        observed,
        options,
    };
    requests.hold(requests.options.open);
    Ok(Box::new(requests))
}

struct Requests {
    /// One for each thread.
    runtimes: Vec<Runtime>,
    observed: Observed,
    options: RequestOptions,
    held: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Requests {
    fn hold(&mut self, times: u64) {
        let _guard = self.runtimes[0].enter();
        for _ in 0..times {
            let mut held = Box::pin(answer(
                self.observed.router.clone(),
                self.options.input.request("/hold"),
            ));
            let polled = held.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "the handler never answers");
            self.held.push(held);
        }
    }
}

impl Path for Requests {
    fn run(&mut self, times: u64) {
        let input = self.options.input;
        let router = &self.observed.router;
        match &self.runtimes[..] {
            _ if self.options.hold => self.hold(times),
            [runtime] => runtime.block_on(requests(router.clone(), input, times)),
            runtimes => thread::scope(|scope| {
                let times = times / runtimes.len() as u64;
                for runtime in runtimes {
                    let router = router.clone();
                    scope.spawn(move || runtime.block_on(requests(router, input, times)));
                }
            }),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.observed.flush)()
    }
}

async fn requests(router: Router, input: Input, times: u64) {
    for _ in 0..times {
        answer(router.clone(), input.request("/users/42")).await;
    }
}

async fn answer(router: Router, request: Request<Body>) {
    let Ok(response) = router.oneshot(request).await;
    black_box(response.into_body().collect().await.ok());
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A server that has served.
struct Served;

impl Path for Served {
    fn run(&mut self, _: u64) {}
}

fn serve(router: Router) -> io::Result<()> {
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        io::stdout().flush()?;
        let (ended, end) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            for _ in io::stdin().lock().lines() {
                println!("{}", cpu_nanos());
                io::stdout().flush().ok();
            }
            ended.send(())
        });
        tokio::select! {
            served = axum::serve(listener, router) => served,
            _ = end => Ok(()),
        }
    })
}
