//! Who trusts whom, over HTTP and over gRPC, and what is said when somebody does not.

use throughline_otlp::otlp::{ClientIdentity, OtlpConfig, Pem, Protocol};
use throughline_otlp::{ExportRuntime, FlushError, Signal, SpanPipeline};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ALL_VERSIONS, SupportedProtocolVersion};

use crate::certificates::{Authority, Issued};
use crate::reply::Reply;
use crate::sender::export;
use crate::server::{PROTOCOLS, Server};
use crate::support::{AMPLE, Setup};
use crate::trial::span_ids;
use crate::warnings::{listen, warnings};

const HOST: &str = "127.0.0.1";
const ALPN: &[&str] = &["h2", "http/1.1"];

/// The authority of servers and the one of clients.
struct Authorities {
    servers: Authority,
    clients: Authority,
}

/// One server and one client, for both protocols.
struct Case<'a> {
    server: Issued,
    /// Who may connect; everybody if this is nobody.
    clients: Option<&'a Authority>,
    versions: &'a [&'static SupportedProtocolVersion],
    ca: Option<String>,
    identity: Option<ClientIdentity>,
}

impl<'a> Case<'a> {
    /// One that succeeds.
    fn plain(authorities: &Authorities) -> Self {
        Self {
            server: authorities.servers.server(HOST),
            clients: None,
            versions: ALL_VERSIONS,
            ca: Some(authorities.servers.pem()),
            identity: None,
        }
    }

    fn mutual(authorities: &'a Authorities, client: Option<&Issued>) -> Self {
        Self {
            clients: Some(&authorities.clients),
            identity: client.map(Issued::identity),
            ..Self::plain(authorities)
        }
    }

    #[track_caller]
    fn check(&self, expected: Result<(), &str>) {
        for &protocol in PROTOCOLS {
            let acceptor = self.server.acceptor(self.clients, self.versions, ALPN);
            let reply = move |_| Reply::accepted(protocol, b"");
            let server = Server::with_tls(protocol, Some(acceptor), reply);
            let config = self.config(&server);
            let result = export(&config);
            assert_eq!(result, expected.map_err(str::to_owned), "{protocol:?}");
            let once = (server.connections(), server.requests());
            // There is no second attempt: certificates do not change meanwhile.
            assert_eq!(once, (1, result.map_or(0, |()| 1)), "{protocol:?}");
        }
    }

    /// The same through a pipeline: the span arrives, or the flush and the warning say why not.
    #[track_caller]
    fn check_pipeline(&self, expected: Result<(), &str>) {
        listen();
        for &protocol in PROTOCOLS {
            let acceptor = self.server.acceptor(self.clients, self.versions, ALPN);
            let reply = move |_| Reply::accepted(protocol, b"");
            let server = Server::with_tls(protocol, Some(acceptor), reply);
            let config = self.config(&server);
            let runtime = ExportRuntime::start().unwrap();
            let pipeline = SpanPipeline::builder().build_otlp(&runtime, &config);
            let setup = Setup::of(pipeline.unwrap());
            setup.end("span");
            let flushed = setup.pipeline.flush_blocking(AMPLE);
            // A warning follows the count, and the end waits for both.
            setup.pipeline.shutdown_blocking(AMPLE).unwrap();
            let arrived = server.exports().flat_map(|it| span_ids(protocol, it.body));
            let arrived = arrived.count();
            let Err(why) = expected else {
                assert_eq!((flushed, arrived), (Ok(()), 1), "{protocol:?}");
                continue;
            };
            let reason = format!("{}: {why}", config.endpoint);
            let warning = format!(
                "WARN message=spans were dropped because they could not be exported count=1 \
                 reason=\"{reason}\""
            );
            let lost = FlushError::Lost {
                signal: Signal::Traces,
                count: 1,
                reason,
            };
            assert_eq!((flushed, arrived), (Err(lost), 0), "{protocol:?}");
            assert_eq!(warnings(&warning), [warning.as_str()], "{protocol:?}");
        }
    }

    fn config(&self, server: &Server) -> OtlpConfig {
        let mut config = server.config_for("https");
        config.tls.ca = self.ca.as_deref().map(Pem::bytes);
        config.tls.client.clone_from(&self.identity);
        config
    }
}

fn authorities() -> Authorities {
    Authorities {
        servers: Authority::new("servers"),
        clients: Authority::new("clients"),
    }
}

#[test]
fn a_server_of_the_configured_authority_is_trusted() {
    let authorities = authorities();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let case = Case {
            versions,
            ..Case::plain(&authorities)
        };
        case.check(Ok(()));
    }
}

#[test]
fn a_certificate_of_the_server_that_is_refused_says_why() {
    let authorities = authorities();
    let check = |case: Case<'_>, why: &str| {
        case.check(Err(&format!("the server's certificate was refused: {why}")));
    };
    let plain = || Case::plain(&authorities);
    let wrong = Case {
        ca: Some(authorities.clients.pem()),
        ..plain()
    };
    check(wrong, "the configured CA did not issue it");
    let namesake = Case {
        ca: Some(Authority::new("servers").pem()),
        ..plain()
    };
    check(
        namesake,
        "its signature is wrong; another authority of the same name may have issued it",
    );
    let system = Case {
        ca: None,
        ..plain()
    };
    check(
        system,
        "no authority that this system trusts issued it; a private one must be configured",
    );
    let expired = Case {
        server: authorities.servers.expired_server(HOST),
        ..plain()
    };
    check(expired, "it expired on Mon, 01 Jan 2024 00:00:00 GMT");
    let elsewhere = Case {
        server: authorities.servers.server("other.example"),
        ..plain()
    };
    check(elsewhere, "it is not for 127.0.0.1 but for other.example");
}

#[test]
fn a_client_certificate_of_the_servers_authority_is_accepted() {
    let authorities = authorities();
    let client = authorities.clients.client();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let case = Case {
            versions,
            ..Case::mutual(&authorities, Some(&client))
        };
        case.check(Ok(()));
    }
}

#[test]
fn a_server_that_refuses_the_client_says_so() {
    let authorities = authorities();
    // In TLS 1.3 the refusal comes after the handshake.
    let without = Case::mutual(&authorities, None);
    without.check(Err(
        "the server refused us without a client certificate: alert CertificateRequired",
    ));
    let wrong = authorities.servers.client();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let case = Case {
            versions,
            ..Case::mutual(&authorities, Some(&wrong))
        };
        case.check(Err("the server refused our certificate: alert UnknownCA"));
    }
}

#[test]
fn a_pipeline_says_which_side_refused_and_why() {
    let authorities = authorities();
    let (client, wrong) = (authorities.clients.client(), authorities.servers.client());
    let check = |client, expected| {
        Case::mutual(&authorities, client).check_pipeline(expected);
    };
    check(Some(&client), Ok(()));
    check(
        Some(&wrong),
        Err("the server refused our certificate: alert UnknownCA"),
    );
    check(
        None,
        Err("the server refused us without a client certificate: alert CertificateRequired"),
    );
    let other_ca = Case {
        ca: Some(authorities.clients.pem()),
        ..Case::mutual(&authorities, Some(&client))
    };
    other_ca.check_pipeline(Err(
        "the server's certificate was refused: the configured CA did not issue it",
    ));
}

/// The error of a server that is not what the endpoint says.
#[track_caller]
fn check_misfit(protocol: Protocol, alpn: Option<&[&str]>, expected: &str) {
    let authorities = authorities();
    let case = Case::plain(&authorities);
    let acceptor = alpn.map(|alpn| case.server.acceptor(None, ALL_VERSIONS, alpn));
    let server = Server::with_tls(protocol, acceptor, |_| Reply::status(200));
    assert_eq!(export(&case.config(&server)), Err(expected.to_owned()));
}

#[test]
fn a_server_without_tls_is_recognised() {
    check_misfit(
        Protocol::HttpProtobuf,
        None,
        "the server does not speak TLS: is its endpoint an http:// one?",
    );
}

#[cfg(feature = "grpc")]
#[test]
fn a_server_without_http2_is_recognised() {
    let expected = "the server does not offer HTTP/2 over TLS (ALPN), which gRPC needs";
    check_misfit(Protocol::Grpc, Some(&[]), expected);
    check_misfit(
        Protocol::Grpc,
        Some(&["http/1.1"]),
        "the server refused the TLS connection: alert NoApplicationProtocol",
    );
}
