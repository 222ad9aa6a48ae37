use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

use crate::redact::printable;

/// Why TLS was refused lately, by which side.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<Refused>>>);

/// A whole sentence, and whether there is no use in another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    pub(crate) is_final: bool,
}

impl Refusal {
    pub(crate) fn forget(&self) {
        self.lock().take();
    }

    pub(crate) fn take(&self) -> Option<Refused> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts errors of TLS into words.
pub(crate) struct Explain {
    pub(super) refusal: Refusal,
    /// The configuration names the authorities.
    pub(super) own_authorities: bool,
    /// The configuration has a client certificate.
    pub(super) identified: bool,
}

impl Explain {
    /// Remembers why the connection ended, if it was a refusal.
    pub(super) fn note(&self, error: &io::Error) -> bool {
        let Some(refused) = error
            .get_ref()
            .and_then(|error| error.downcast_ref())
            .and_then(|error| self.explain(error))
        else {
            return false;
        };
        *self.refusal.lock() = Some(refused);
        true
    }

    /// Refuses the connection for good.
    pub(super) fn refuse(&self, reason: &str) {
        *self.refusal.lock() = Some(Refused {
            reason: reason.to_owned(),
            is_final: true,
        });
    }

    fn explain(&self, error: &Error) -> Option<Refused> {
        let (reason, is_final) = match error {
            Error::InvalidCertificate(problem) => {
                let problem = self.problem(problem);
                (
                    format!("the server's certificate was refused: {problem}"),
                    true,
                )
            }
            Error::AlertReceived(alert) => self.alert(*alert),
            Error::InvalidMessage(_) => (
                "the server does not speak TLS: is its endpoint an http:// one?".to_owned(),
                true,
            ),
            Error::PeerIncompatible(_) => {
                let reason = format!("there is no kind of TLS that both sides speak: {error}");
                (reason, true)
            }
            _ => return None,
        };
        Some(Refused {
            reason: printable(&reason),
            is_final,
        })
    }

    /// What we have against the server's certificate.
    fn problem(&self, problem: &CertificateError) -> String {
        use CertificateError as E;
        match problem {
            E::Expired => "it expired".to_owned(),
            E::ExpiredContext { not_after, .. } => format!("it expired on {}", date(*not_after)),
            E::NotValidYet => "it is not valid yet".to_owned(),
            E::NotValidYetContext { not_before, .. } => {
                format!("it is not valid before {}", date(*not_before))
            }
            E::NotValidForName => "it is for another host".to_owned(),
            E::NotValidForNameContext {
                expected,
                presented,
            } => {
                let mut reason = format!("it is not for {}", expected.to_str());
                for (index, name) in presented.iter().take(5).enumerate() {
                    let before = if index == 0 { " but for " } else { ", " };
                    // Writing to a string does not fail.
                    let _ = write!(reason, "{before}{}", bare(name));
                }
                reason
            }
            E::UnknownIssuer if self.own_authorities => {
                "the configured CA did not issue it".to_owned()
            }
            E::UnknownIssuer => {
                "no authority that this system trusts issued it; a private one must be configured"
                    .to_owned()
            }
            E::BadSignature => {
                "its signature is wrong; another authority of the same name may have issued it"
                    .to_owned()
            }
            E::Revoked => "it was revoked".to_owned(),
            other => other.to_string(),
        }
    }

    /// What the server has against us, and whether another attempt is of no use.
    fn alert(&self, alert: AlertDescription) -> (String, bool) {
        use AlertDescription as A;
        let about_certificate = matches!(
            alert,
            A::CertificateRequired
                | A::NoCertificate
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::AccessDenied
                | A::DecryptError
        );
        let is_final = about_certificate || alert == A::NoApplicationProtocol;
        let alert = format!("alert {alert:?}");
        let reason = match (about_certificate, self.identified) {
            (true, true) => format!("the server refused our certificate: {alert}"),
            (true, false) => {
                format!("the server refused us without a client certificate: {alert}")
            }
            // With TLS 1.2 servers say no more than this, whatever they have against a certificate.
            (false, false) if alert.ends_with("HandshakeFailure") => format!(
                "the server refused the TLS handshake: {alert}; it may want a client certificate"
            ),
            (false, _) => format!("the server refused the TLS connection: {alert}"),
        };
        (reason, is_final)
    }
}

/// `DnsName("a.example")` without what surrounds the name.
fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    // The year 9999 is the last one of both certificates and this format.
    let last = Duration::from_secs(253_402_300_799);
    let time = time.map(|time| time.min(SystemTime::UNIX_EPOCH + last));
    time.map_or_else(String::new, httpdate::fmt_http_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(identified: bool, error: Error) -> Option<Refused> {
        let explain = Explain {
            refusal: Refusal::default(),
            own_authorities: false,
            identified,
        };
        explain.note(&io::Error::new(io::ErrorKind::InvalidData, error));
        explain.refusal.take()
    }

    #[test]
    fn the_message_says_which_side_refused() {
        let check = |identified, error, reason: &str, is_final| {
            let expected = Refused {
                reason: reason.to_owned(),
                is_final,
            };
            assert_eq!(explain(identified, error), Some(expected));
        };
        let certificate = Error::InvalidCertificate;
        check(
            true,
            certificate(CertificateError::ExpiredContext {
                time: UnixTime::since_unix_epoch(Duration::from_secs(784_111_778)),
                not_after: UnixTime::since_unix_epoch(Duration::from_secs(784_111_777)),
            }),
            "the server's certificate was refused: it expired on Sun, 06 Nov 1994 08:49:37 GMT",
            true,
        );
        check(
            true,
            certificate(CertificateError::Revoked),
            "the server's certificate was refused: it was revoked",
            true,
        );
        let alert = Error::AlertReceived;
        check(
            true,
            alert(AlertDescription::CertificateExpired),
            "the server refused our certificate: alert CertificateExpired",
            true,
        );
        check(
            false,
            alert(AlertDescription::CertificateRequired),
            "the server refused us without a client certificate: alert CertificateRequired",
            true,
        );
        check(
            false,
            alert(AlertDescription::HandshakeFailure),
            "the server refused the TLS handshake: alert HandshakeFailure; it may want a client certificate",
            false,
        );
        check(
            true,
            alert(AlertDescription::InternalError),
            "the server refused the TLS connection: alert InternalError",
            false,
        );
    }

    #[test]
    fn other_errors_are_no_refusal() {
        assert_eq!(explain(true, Error::HandshakeNotComplete), None);
        assert_eq!(explain(true, Error::DecryptError), None);
    }
}
