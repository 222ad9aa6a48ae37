//! What a collector may do to an export, and what becomes of the spans.

use std::time::Duration;

use throughline_otlp::Dropped;
use throughline_otlp::otlp::{OtlpConfig, Protocol};

#[cfg(feature = "tls")]
use crate::certificates::Authority;

use crate::reception::Reception;
use crate::reply::Reply;
use crate::server::{Port, Server};
use crate::support::{AMPLE, Gate};
use crate::trial::{BATCH, ROOM};

/// Long enough for every thread to end its spans meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is in flight, and what is queued.
const ALL: u64 = BATCH + ROOM;

type Script = fn(Protocol, usize) -> Reply;

pub(crate) const ACCEPTS: Script = |protocol, _| Reply::accepted(protocol, b"");

/// Who stands at the other end.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    /// It gives this answer to the request of this number.
    Answers(Script),
    /// It says this to every connection; with nothing to say it resets them.
    Babbles(&'static [u8]),
    /// Its certificate is of another authority than the configured one.
    #[cfg(feature = "tls")]
    Untrusted,
    #[cfg(feature = "tls")]
    Expired,
    /// Nobody listens.
    Absent,
    /// Nobody has this name.
    Unknown,
}

/// A server, or the port where there may be one later.
pub(crate) enum Place {
    Up(Server),
    Down(Option<Port>),
}

impl Peer {
    /// A server waits at the door with its first connection.
    pub(crate) fn start(self, protocol: Protocol, door: &Gate) -> (OtlpConfig, Place) {
        let port = Port::reserve();
        let mut config = port.config(protocol, "http");
        let mut reception = Reception {
            door: Some(door.clone()),
            ..Reception::default()
        };
        let mut script = ACCEPTS;
        match self {
            Self::Answers(answers) => script = answers,
            Self::Babbles(garbage) => reception.garbage = Some(garbage),
            #[cfg(feature = "tls")]
            Self::Untrusted | Self::Expired => {
                let (ours, other) = (Authority::new("ours"), Authority::new("other"));
                let server = match self {
                    Self::Expired => ours.expired_server("127.0.0.1"),
                    _ => other.server("127.0.0.1"),
                };
                let versions = tokio_rustls::rustls::ALL_VERSIONS;
                reception.tls = Some(server.acceptor(None, versions, &["h2", "http/1.1"]));
                config = port.config(protocol, "https");
                config.tls.ca = Some(throughline_otlp::otlp::Pem::bytes(ours.pem()));
            }
            Self::Absent => return (config, Place::Down(Some(port))),
            Self::Unknown => {
                // No label of a name may be longer than 63 characters (RFC 1035), so that no name server is asked.
                config.endpoint = format!("http://{}.invalid:4318", "x".repeat(64));
                return (config, Place::Down(Some(port)));
            }
        }
        let server = port.listen(protocol, reception, move |request| {
            script(protocol, request)
        });
        (config, Place::Up(server))
    }

    /// Whether it took a request that it has read.
    pub(crate) fn accepts(self, protocol: Protocol, request: usize) -> bool {
        matches!(self, Self::Answers(script) if !script(protocol, request).is_refusal())
    }
}

pub(crate) type Reason = fn(&mut Dropped) -> &mut u64;

/// A peer, and what becomes of the spans: those that are in flight, and those that wait for that to end.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) peer: Peer,
    pub(crate) timeout: Duration,
    pub(crate) requests: usize,
    pub(crate) lost: u64,
    pub(crate) reason: Reason,
    /// Why they are lost.
    pub(crate) says: &'static str,
    /// The collector took so many that are counted as lost all the same.
    pub(crate) taken: u64,
}

impl Case {
    /// Two exports, with which all arrives.
    fn arrives(name: &'static str, script: Script) -> Self {
        Self {
            name,
            peer: Peer::Answers(script),
            timeout: AMPLE,
            requests: 2,
            lost: 0,
            reason: |dropped| &mut dropped.export_failed,
            says: "",
            taken: 0,
        }
    }

    /// Two exports that fail.
    fn refused(name: &'static str, script: Script, says: &'static str) -> Self {
        Self {
            lost: ALL,
            says,
            ..Self::arrives(name, script)
        }
    }

    /// The collector takes what it gets, and says nothing that could be understood.
    fn unknown(name: &'static str, script: Script, says: &'static str) -> Self {
        Self {
            taken: ALL,
            ..Self::refused(name, script, says)
        }
    }

    /// … in time.
    fn late(name: &'static str, script: Script) -> Self {
        Self {
            timeout: PATIENCE,
            reason: |dropped| &mut dropped.export_timeout,
            ..Self::unknown(name, script, "the exporter gave up after 3s")
        }
    }

    /// There is not even a request.
    fn unreachable(name: &'static str, peer: Peer, says: &'static str) -> Self {
        let lost = match peer {
            // Nobody holds a first batch.
            Peer::Absent | Peer::Unknown => ROOM,
            _ => ALL,
        };
        Self {
            peer,
            requests: 0,
            lost,
            ..Self::refused(name, |_, _| Reply::hang(), says)
        }
    }

    fn requests(self, requests: usize) -> Self {
        Self { requests, ..self }
    }
}

pub(crate) fn cases(protocol: Protocol) -> Vec<Case> {
    let mut cases = common();
    cases.extend(match protocol {
        Protocol::Grpc => over_grpc(),
        _ => over_http(),
    });
    cases
}

/// Two exports with five attempts each.
const ATTEMPTS: usize = 2 * 5;

fn common() -> Vec<Case> {
    let broken = "the connection broke: ";
    vec![
        Case::arrives("late", ACCEPTS),
        Case::arrives("slow", |protocol, _| {
            Reply::accepted(protocol, &b"\x0a\x00".repeat(10)).trickled()
        }),
        Case::late("too slow", |protocol, _| {
            Reply::accepted(protocol, &b"\x0a\x00".repeat(10_000)).trickled()
        }),
        Case::late("hanging", |_, _| Reply::hang()),
        Case {
            lost: 2,
            reason: |dropped| &mut dropped.rejected,
            says: "2 spans dropped: no",
            taken: 2,
            ..Case::arrives("one of each export rejected", |protocol, _| {
                Reply::accepted(protocol, b"\x0a\x06\x08\x01\x12\x02no")
            })
        },
        Case::arrives("accepted with an answer that is not OTLP", |protocol, _| {
            Reply::accepted(protocol, b"<html>")
        }),
        Case::refused(
            "503 for ever",
            |_, _| Reply::status(503),
            "503 Service Unavailable",
        )
        .requests(ATTEMPTS),
        Case::unknown("closed without an answer", |_, _| Reply::close(), broken).requests(ATTEMPTS),
        Case::unknown(
            "an answer of 64 MB",
            |protocol, _| Reply::accepted(protocol, b"").and_then(64 << 20),
            "the response could not be read: length limit exceeded",
        ),
        Case::unreachable("reset", Peer::Babbles(b""), broken),
        Case::unreachable("garbage", Peer::Babbles(b"220 mail ready\r\n\r\n"), broken),
        #[cfg(feature = "tls")]
        Case::unreachable(
            "the wrong authority",
            Peer::Untrusted,
            "the server's certificate was refused: the configured CA did not issue it",
        ),
        #[cfg(feature = "tls")]
        Case::unreachable(
            "an expired certificate",
            Peer::Expired,
            "the server's certificate was refused: it expired on Mon, 01 Jan 2024 00:00:00 GMT",
        ),
        Case::unreachable("absent", Peer::Absent, "no connection: Connection refused"),
        Case::unreachable(
            "an unknown host",
            Peer::Unknown,
            "no connection: failed to lookup address",
        ),
    ]
}

fn over_http() -> Vec<Case> {
    vec![
        Case::arrives("503 with Retry-After", |protocol, request| match request {
            0 => Reply::status(503).header("retry-after", "1"),
            _ => Reply::accepted(protocol, b""),
        })
        .requests(3),
        Case::refused(
            "429 until it is too late",
            |_, _| Reply::status(429).header("retry-after", "3600"),
            "429 Too Many Requests",
        ),
        Case::unknown(
            "reset in the answer",
            |protocol, _| Reply::accepted(protocol, b"\x0a\x06").cut(),
            "the response could not be read: ",
        ),
    ]
}

#[cfg(not(feature = "grpc"))]
fn over_grpc() -> Vec<Case> {
    Vec::new()
}

#[cfg(feature = "grpc")]
fn over_grpc() -> Vec<Case> {
    use crate::retries::RETRY_INFO;

    const RESOURCE_EXHAUSTED: u8 = 8;
    const UNAVAILABLE: u8 = 14;
    vec![
        Case::arrives(
            "UNAVAILABLE with RetryInfo",
            |protocol, request| match request {
                0 => Reply::grpc(UNAVAILABLE).trailer("grpc-status-details-bin", RETRY_INFO[0]),
                _ => Reply::accepted(protocol, b""),
            },
        )
        .requests(3),
        Case::refused(
            "UNAVAILABLE for ever",
            |_, _| Reply::grpc(UNAVAILABLE).trailer("grpc-message", "later"),
            "UNAVAILABLE: later",
        )
        .requests(ATTEMPTS),
        Case::refused(
            "RESOURCE_EXHAUSTED",
            |_, _| Reply::grpc(RESOURCE_EXHAUSTED),
            "RESOURCE_EXHAUSTED",
        ),
        Case::arrives(
            "RESOURCE_EXHAUSTED with RetryInfo",
            |protocol, request| match request {
                0 => Reply::grpc(RESOURCE_EXHAUSTED)
                    .trailer("grpc-status-details-bin", RETRY_INFO[0]),
                _ => Reply::accepted(protocol, b""),
            },
        )
        .requests(3),
        // Nothing but the status says that something was taken, so it is sent again.
        Case::arrives("reset in the answer", |protocol, request| {
            let reply = Reply::accepted(protocol, b"\x0a\x00");
            if request == 0 { reply.cut() } else { reply }
        })
        .requests(3),
        Case::unknown(
            "reset in every answer",
            |protocol, _| Reply::accepted(protocol, b"\x0a\x00").cut(),
            "the connection broke: ",
        )
        .requests(ATTEMPTS),
    ]
}
