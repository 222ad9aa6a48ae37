//! A call of reqwest's client to a server in another process.

use std::hint::black_box;
use std::io;

use clap::{Args, ValueEnum};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use throughline_core::install;
use throughline_reqwest::TracingMiddleware;
use tokio::runtime::{Builder, Runtime};

use crate::child::under_a_parent;
use crate::drive::Path;
use crate::request::Input;
use crate::sdk;

/// A call.
#[derive(Clone, Debug, Args)]
pub struct CallOptions {
    /// Whether the current span is sampled.
    pub input: Input,
    /// Where to.
    pub url: String,
    /// Whether metrics are on.
    #[arg(long)]
    pub metrics: bool,
}

/// What stands around the client.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Call {
    /// Nothing.
    Bare,
    /// reqwest-middleware, with no middleware.
    Noop,
    /// Our middleware.
    Throughline,
}

impl Call {
    pub(crate) fn path(self, options: &CallOptions) -> io::Result<Box<dyn Path>> {
        let provider = sdk::tracers(options.input, None)?;
        let client = reqwest::Client::new();
        let middleware = || ClientBuilder::new(client.clone());
        let client = match self {
            Self::Bare => Client::Bare(client),
            Self::Noop => Client::Layered(middleware().build()),
            Self::Throughline => {
                install(sdk::installation(&provider, options.input, options.metrics));
                Client::Layered(middleware().with(TracingMiddleware::new()).build())
            }
        };
        let flush = move || provider.force_flush().map_err(io::Error::other);
        calls(
            client,
            options,
            Box::new(flush),
            under_a_parent(options.input),
        )
    }
}

/// A client, with or without middleware.
pub enum Client {
    /// Without.
    Bare(reqwest::Client),
    /// With.
    Layered(ClientWithMiddleware),
}

/// The path of calls by `client`, with `guard` alive. What they leave is exported by `flush`.
///
/// # Errors
///
/// When there is no runtime to be had.
pub fn calls<G: 'static>(
    client: Client,
    options: &CallOptions,
    flush: Box<dyn Fn() -> io::Result<()>>,
    guard: G,
) -> io::Result<Box<dyn Path>> {
    Ok(Box::new(Calls {
        runtime: Builder::new_current_thread().enable_all().build()?,
        client,
        url: options.url.clone(),
        flush,
        _guard: guard,
    }))
}

struct Calls<G> {
    runtime: Runtime,
    client: Client,
    url: String,
    flush: Box<dyn Fn() -> io::Result<()>>,
    _guard: G,
}

impl<G> Path for Calls<G> {
    fn run(&mut self, times: u64) {
        self.runtime.block_on(async {
            for _ in 0..times {
                let response = match &self.client {
                    Client::Bare(client) => client.get(&self.url).send().await.expect("an answer"),
                    Client::Layered(client) => {
                        client.get(&self.url).send().await.expect("an answer")
                    }
                };
                black_box(response.bytes().await.expect("a body"));
            }
        });
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.flush)()
    }
}
