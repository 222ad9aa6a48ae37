//! Stands between the shop and a receiver and keeps the bytes that the shop sends: whether they were compressed shows in
//! them, and nowhere else from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::{Combination, Protocol};

/// The bytes of each connection.
type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running relay. It stops when this is dropped.
pub(super) struct Relay {
    address: SocketAddr,
    sent: Sent,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// A relay to `target` on a free port.
    pub(super) async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let sent = Sent::default();
        let task = tokio::spawn(serve(listener, target, Arc::clone(&sent)));
        Ok(Self {
            address,
            sent,
            task,
        })
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Checks that the shop spoke the protocol and compressed as it was told.
    pub(super) fn check(&self, combination: &Combination) -> Result<String> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = sent.iter().map(Vec::len).sum();
        let connections = sent.iter().filter(|bytes| !bytes.is_empty());
        let beginning: &[u8] = match combination.protocol {
            Protocol::Grpc => b"PRI * HTTP/2.0\r\n",
            Protocol::Http => b"POST /v1/",
        };
        ensure!(bytes > 0, "the shop sent nothing");
        for bytes in connections {
            ensure!(
                bytes.starts_with(beginning),
                "a connection did not begin with {:?}",
                String::from_utf8_lossy(beginning)
            );
        }
        // RFC 1952, 2.3: the signature, deflate, no flags, no time. A key that every message has shows that one was not
        // compressed.
        let has = |part: &[u8]| sent.iter().any(|bytes| contains(bytes, part));
        let has_gzip = has(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let has_plain = has(b"service.name");
        ensure!(
            has_gzip == combination.gzip && has_plain != combination.gzip,
            "among the {bytes} bytes are compressed messages: {has_gzip}, others: {has_plain}"
        );
        Ok(format!("{bytes} bytes on {} connections", sent.len()))
    }
}

async fn serve(listener: TcpListener, target: SocketAddr, sent: Sent) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let mut all = sent.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Vec::new());
        let index = all.len() - 1;
        drop(all);
        connections.spawn(pass_on(client, target, Arc::clone(&sent), index));
    }
}

async fn pass_on(mut client: TcpStream, target: SocketAddr, sent: Sent, index: usize) {
    // A receiver that is gone closes the client's connection.
    let Ok(mut receiver) = TcpStream::connect(target).await else {
        return;
    };
    let (mut requests, mut answers) = client.split();
    let (mut from_receiver, mut to_receiver) = receiver.split();
    let there = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = requests.read(&mut buffer).await {
            sent.lock().unwrap_or_else(PoisonError::into_inner)[index]
                .extend_from_slice(&buffer[..read]);
            if to_receiver.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = to_receiver.shutdown().await;
    };
    let back = async {
        let _ = tokio::io::copy(&mut from_receiver, &mut answers).await;
        let _ = answers.shutdown().await;
    };
    tokio::join!(there, back);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
