use bytes::Bytes;

use super::secrets::Secrets;
use crate::proto::{Fields, Malformed, Value};

/// What is remarked about a success whose body cannot be decoded. The status decides about success (OTLP specification,
/// "OTLP/HTTP Response"); the body only says what was rejected.
const NOT_OTLP: &str = "the server accepted the request, but its answer is not OTLP, so that nobody knows what it kept";

/// The server accepted the request, if not necessarily all of it. Whoever sent it warns when something was rejected or
/// there is a message (OTLP specification, "Partial Success").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// How many spans, data points or log records the server did not take.
    pub(crate) rejected: u64,
    /// Why, or what else the server wants known; on one line, bounded. Mostly empty.
    pub(crate) message: String,
    /// The response message as it came, empty if it could not be decoded.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Reads a response message: `Export…ServiceResponse`, the same for all signals.
    pub(super) fn decode(body: Bytes, secrets: &Secrets) -> Self {
        match partial_success(&body) {
            Ok((rejected, message)) => Self {
                rejected,
                message: secrets.hide_in(&message),
                body,
            },
            Err(Malformed) => Self::undecodable(),
        }
    }

    pub(super) fn undecodable() -> Self {
        Self {
            message: NOT_OTLP.to_owned(),
            ..Self::default()
        }
    }
}

/// The field `partial_success = 1` with `rejected_… = 1` and `error_message = 2`.
fn partial_success(body: &[u8]) -> Result<(u64, String), Malformed> {
    let (mut rejected, mut message) = (0, String::new());
    for field in Fields::of(body) {
        let (1, Value::Bytes(partial)) = field? else {
            continue;
        };
        for field in Fields::of(partial) {
            match field? {
                // An int64; less than none is none.
                (1, Value::Varint(count)) => {
                    rejected = u64::try_from(count.cast_signed()).unwrap_or_default();
                }
                (2, Value::Bytes(text)) => message = String::from_utf8_lossy(text).into_owned(),
                _ => {}
            }
        }
    }
    Ok((rejected, message))
}

/// The message of a `google.rpc.Status`, in which a collector explains a failure over HTTP; empty if there is none.
pub(super) fn status_message(body: &[u8]) -> String {
    let mut message = "";
    for field in Fields::of(body) {
        match field {
            Ok((2, Value::Bytes(text))) => message = std::str::from_utf8(text).unwrap_or_default(),
            Ok(_) => {}
            Err(Malformed) => return String::new(),
        }
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], rejected: u64, message: &str) {
        let answer = Answer::decode(Bytes::copy_from_slice(body), &Secrets::default());
        assert_eq!(
            (answer.rejected, answer.message.as_str()),
            (rejected, message),
            "{body:x?}"
        );
    }

    #[test]
    fn a_response_says_what_was_rejected() {
        check(b"", 0, "");
        check(&[0x0a, 0], 0, "");
        check(&[0x0a, 2, 0x08, 3], 3, "");
        check(b"\x0a\x06\x08\x03\x12\x02no", 3, "no");
        check(b"\x0a\x06\x12\x04soon", 0, "soon");
        // Fields of a later specification.
        check(b"\x0a\x04\x08\x03\x18\x01\x10\x07", 3, "");
        // -1
        let negative = [
            0x0a, 11, 0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1,
        ];
        check(&negative, 0, "");
        check(b"\x0a\x06\x12\x04a\n\xffb", 0, "a \u{fffd}b");
        check(b"<html>", 0, NOT_OTLP);
        check(&[0x0a, 9, 0x08], 0, NOT_OTLP);
    }

    #[test]
    fn a_failure_explains_itself() {
        assert_eq!(status_message(b"\x08\x03\x12\x02no"), "no");
        assert_eq!(status_message(b""), "");
        assert_eq!(status_message(b"<html>"), "");
        assert_eq!(status_message(b"\x12\x01\xff"), "");
    }
}
