//! Both compressions over both protocols.

use bytes::Bytes;
use throughline_otlp::otlp::{Compression, Protocol};

use crate::reply::Reply;
use crate::sender::Sender;
use crate::server::{Export, PROTOCOLS, Server};
use crate::support::span_data;

/// The message of a request, after its header and its flag were checked.
fn message(protocol: Protocol, export: &Export, name: &str) -> Bytes {
    let header = match protocol {
        Protocol::Grpc => "grpc-encoding",
        _ => "content-encoding",
    };
    assert_eq!(export.headers[header], name);
    let mut body = export.body.clone();
    if protocol == Protocol::Grpc {
        let prefix = body.split_to(5);
        assert_eq!(prefix[0], 1, "the compressed flag");
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), body.len());
    }
    body
}

/// Sends the same spans with and without compression, and compares.
fn check_compression(compression: Compression, name: &str, decompress: fn(&[u8]) -> Vec<u8>) {
    let spans = vec![span_data(); 50];
    for &protocol in PROTOCOLS {
        let server = Server::start(protocol, move |_| Reply::accepted(protocol, b""));
        let mut config = server.config();
        Sender::new(&config).export_all(spans.clone()).unwrap();
        let plain = server.next_export().body;
        let plain = if protocol == Protocol::Grpc {
            plain.slice(5..)
        } else {
            plain
        };
        config.compression = Some(compression);
        Sender::new(&config).export_all(spans.clone()).unwrap();
        let export = server.next_export();
        let compressed = message(protocol, &export, name);
        assert_eq!(decompress(&compressed), plain, "{protocol:?}");
        assert!(
            compressed.len() < plain.len() / 2,
            "{protocol:?}: {}",
            compressed.len()
        );
    }
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_is_said_and_can_be_undone() {
    check_compression(Compression::Gzip, "gzip", |compressed| {
        use std::io::Read as _;

        let mut plain = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(compressed);
        decoder.read_to_end(&mut plain).unwrap();
        plain
    });
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_is_said_and_can_be_undone() {
    let decompress = |compressed: &[u8]| zstd::stream::decode_all(compressed).unwrap();
    check_compression(Compression::Zstd, "zstd", decompress);
}
