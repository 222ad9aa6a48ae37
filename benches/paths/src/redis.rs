//! A command of Redis, by a connection whose server is in the same process.

use std::hint::black_box;
use std::io;

use clap::{Args, ValueEnum};
use opentelemetry::ContextGuard;
use opentelemetry_sdk::trace::SdkTracerProvider;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncCommands, AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo,
};
use throughline_core::install;
use throughline_redis::Traced;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};

use crate::child::under_a_parent;
use crate::drive::Path;
use crate::request::Input;
use crate::sdk;

/// A `GET`.
#[derive(Clone, Debug, Args)]
pub struct RedisOptions {
    /// What stands around the connection.
    by: By,
    /// Whether the current span is sampled.
    input: Input,
    /// Whether metrics are on.
    #[arg(long)]
    metrics: bool,
}

/// What stands around the connection.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum By {
    /// Nothing.
    Bare,
    /// `Traced`.
    Throughline,
}

const SENT: &[u8] = b"*2\r\n$3\r\nGET\r\n$6\r\nuser:7\r\n";
const ANSWER: &[u8] = b"$3\r\nada\r\n";

impl RedisOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        let provider = sdk::tracers(self.input, None)?;
        install(sdk::installation(&provider, self.input, self.metrics));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (ours, theirs) = duplex(4096);
        runtime.spawn(answer(theirs));
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let connected = runtime.block_on(MultiplexedConnection::new_with_config(
            &settings,
            ours,
            AsyncConnectionConfig::new().set_response_timeout(None),
        ));
        let (connection, driver) = connected.map_err(io::Error::other)?;
        runtime.spawn(driver);
        let address = ConnectionAddr::Tcp("cache.internal".to_owned(), 6379);
        let info = address.into_connection_info().map_err(io::Error::other)?;
        Ok(Box::new(Commands {
            runtime,
            connection: self.by.around(connection, &info),
            provider,
            _parent: under_a_parent(self.input),
        }))
    }
}

/// Answers what comes, which is nothing but this one command.
async fn answer(mut stream: DuplexStream) -> io::Result<()> {
    let mut sent = [0; SENT.len()];
    loop {
        stream.read_exact(&mut sent).await?;
        debug_assert_eq!(sent, SENT);
        stream.write_all(ANSWER).await?;
    }
}

enum Connection {
    Bare(MultiplexedConnection),
    Traced(Traced<MultiplexedConnection>),
}

impl By {
    fn around(self, connection: MultiplexedConnection, info: &ConnectionInfo) -> Connection {
        match self {
            Self::Bare => Connection::Bare(connection),
            Self::Throughline => Connection::Traced(Traced::new(connection, info)),
        }
    }
}

struct Commands {
    runtime: Runtime,
    connection: Connection,
    provider: SdkTracerProvider,
    _parent: ContextGuard,
}

impl Path for Commands {
    fn run(&mut self, times: u64) {
        self.runtime.block_on(async {
            for _ in 0..times {
                let answer: String = match &mut self.connection {
                    Connection::Bare(connection) => connection.get("user:7").await,
                    Connection::Traced(connection) => connection.get("user:7").await,
                }
                .expect("an answer");
                black_box(answer);
            }
        });
    }

    fn flush(&mut self) -> io::Result<()> {
        self.provider.force_flush().map_err(io::Error::other)
    }
}
