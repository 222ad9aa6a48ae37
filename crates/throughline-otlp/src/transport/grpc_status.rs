//! How a gRPC call ended (gRPC over HTTP/2, "Responses"; OTLP specification, "OTLP/gRPC Response").

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode;

use crate::proto::{Fields, Malformed, Value};

/// Both forms are allowed in metadata.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A status code of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(usize);

impl Code {
    pub(super) const OK: Self = Self(0);
    const UNKNOWN: Self = Self(2);
    const RESOURCE_EXHAUSTED: Self = Self(8);

    /// A code that does not exist means `UNKNOWN`.
    fn parse(value: &[u8]) -> Self {
        let code = std::str::from_utf8(value).ok();
        let code = code.and_then(|code| code.parse().ok());
        code.filter(|code| *code < NAMES.len())
            .map_or(Self::UNKNOWN, Self)
    }

    /// For an answer that is not gRPC ("HTTP to gRPC Status Code Mapping").
    pub(super) fn of_http(status: StatusCode) -> Self {
        Self(match status.as_u16() {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502 | 503 | 504 => 14,
            _ => return Self::UNKNOWN,
        })
    }

    /// The codes that are retryable whatever else the server says.
    fn is_retryable(self) -> bool {
        matches!(self.0, 1 | 4 | 10 | 11 | 14 | 15)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.get(self.0).copied().unwrap_or("UNKNOWN"))
    }
}

/// The status of a call, as the server sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
    /// The delay that the server asks for, if it does.
    pub(super) retry_info: Option<Duration>,
}

impl Status {
    /// From trailers, or from the headers of an answer that has no others.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let code = Code::parse(headers.get("grpc-status")?.as_bytes());
        let message = headers.get("grpc-message");
        let message = message.map(|message| {
            let decoded = percent_decode(message.as_bytes());
            decoded.decode_utf8_lossy().into_owned()
        });
        let details = headers.get("grpc-status-details-bin");
        let details = details.and_then(|details| BASE64.decode(details.as_bytes()).ok());
        Some(Self {
            code,
            message: message.unwrap_or_default(),
            retry_info: details.and_then(|details| retry_info(&details)),
        })
    }

    /// The least time until the next attempt, if there may be one (OTLP specification, "Failures" and "OTLP/gRPC
    /// Throttling").
    pub(super) fn retry(&self) -> Option<Duration> {
        match self.code {
            Code::RESOURCE_EXHAUSTED => self.retry_info,
            code if code.is_retryable() => Some(self.retry_info.unwrap_or_default()),
            _ => None,
        }
    }
}

/// The delay of a `google.rpc.RetryInfo` among the details of a `google.rpc.Status`.
fn retry_info(status: &[u8]) -> Option<Duration> {
    Fields::of(status)
        .map_while(Result::ok)
        .find_map(|field| match field {
            (3, Value::Bytes(detail)) => delay(detail).ok().flatten(),
            _ => None,
        })
}

/// The delay, if this `google.protobuf.Any` is a `RetryInfo`; one without a delay asks for none.
fn delay(any: &[u8]) -> Result<Option<Duration>, Malformed> {
    let (mut kind, mut info) = (&b""[..], &b""[..]);
    for field in Fields::of(any) {
        match field? {
            (1, Value::Bytes(url)) => kind = url,
            (2, Value::Bytes(value)) => info = value,
            _ => {}
        }
    }
    if !kind.ends_with(b"/google.rpc.RetryInfo") {
        return Ok(None);
    }
    let mut delay = Duration::ZERO;
    for field in Fields::of(info) {
        if let (1, Value::Bytes(value)) = field? {
            delay = duration(value)?;
        }
    }
    Ok(Some(delay))
}

/// A `google.protobuf.Duration`; a negative one is none.
fn duration(message: &[u8]) -> Result<Duration, Malformed> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(message) {
        match field? {
            (1, Value::Varint(value)) => seconds = u64::try_from(value.cast_signed()).unwrap_or(0),
            (2, Value::Varint(value)) => nanos = u32::try_from(value).unwrap_or(0),
            _ => {}
        }
    }
    Ok(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn status(fields: &[(&'static str, &str)]) -> Option<Status> {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().unwrap())
        };
        Status::of(&fields.iter().map(field).collect())
    }

    #[test]
    fn a_message_is_percent_decoded() {
        let check = |message: &str, expected: &str| {
            let status = status(&[("grpc-status", "3"), ("grpc-message", message)]).unwrap();
            assert_eq!(
                (status.code.to_string().as_str(), status.message.as_str()),
                ("INVALID_ARGUMENT", expected)
            );
        };
        check("no", "no");
        check("50%25 of %C3%BCber%0Aall", "50% of über\nall");
        check("%zz %", "%zz %");
        check("%ff", "\u{fffd}");
    }

    #[test]
    fn a_code_that_does_not_exist_is_unknown() {
        let check = |code: &str, expected: &str| {
            let status = status(&[("grpc-status", code)]).unwrap();
            assert_eq!(status.code.to_string(), expected, "{code}");
        };
        check("0", "OK");
        check("16", "UNAUTHENTICATED");
        check("17", "UNKNOWN");
        check("-1", "UNKNOWN");
        check("", "UNKNOWN");
        check("99999999999999999999999", "UNKNOWN");
        assert_eq!(status(&[("grpc-message", "no")]), None);
    }

    /// `google.rpc.Status` with the details, which are `Any`s of a type and a value.
    fn details(details: &[(&str, &[u8])]) -> String {
        let field = |number: u8, value: &[u8]| {
            let length = u8::try_from(value.len()).unwrap();
            [&[number << 3 | 2, length], value].concat()
        };
        let mut status = vec![0x08, 14];
        for (kind, value) in details {
            let any = [field(1, kind.as_bytes()), field(2, value)].concat();
            status.extend(field(3, &any));
        }
        BASE64.encode(status)
    }

    const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

    /// Which codes are retried, and after which time.
    #[track_caller]
    fn check(details: Option<&str>, retried: &[usize], after: Duration) {
        for code in 0..NAMES.len() {
            let code_text = code.to_string();
            let mut fields = vec![("grpc-status", code_text.as_str())];
            fields.extend(details.map(|details| ("grpc-status-details-bin", details)));
            let status = status(&fields).unwrap();
            let expected = retried.contains(&code).then_some(after);
            assert_eq!(status.retry(), expected, "{}", status.code);
        }
    }

    const ALWAYS: [usize; 6] = [1, 4, 10, 11, 14, 15];
    const WITH_RETRY_INFO: [usize; 7] = [1, 4, 8, 10, 11, 14, 15];

    #[test]
    fn only_the_codes_of_the_specification_are_retried() {
        check(None, &ALWAYS, Duration::ZERO);
    }

    #[test]
    fn retry_info_makes_exhausted_resources_retryable() {
        let info = b"\x0a\x08\x08\x02\x10\x80\xca\xb5\xee\x01";
        let after = Duration::from_millis(2500);
        let encoded = details(&[(RETRY_INFO, info)]);
        check(Some(&encoded), &WITH_RETRY_INFO, after);
        check(Some(encoded.trim_end_matches('=')), &WITH_RETRY_INFO, after);
        let second = details(&[
            ("type.googleapis.com/google.rpc.Help", b"?"),
            (RETRY_INFO, info),
        ]);
        check(Some(&second), &WITH_RETRY_INFO, after);
        for none in [
            &b""[..],
            b"\x0a\x00",
            b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            check(
                Some(&details(&[(RETRY_INFO, none)])),
                &WITH_RETRY_INFO,
                Duration::ZERO,
            );
        }
    }

    #[test]
    fn details_that_cannot_be_read_say_nothing() {
        let malformed = details(&[(RETRY_INFO, b"\x0a\x09")]);
        let other = details(&[("type.googleapis.com/google.rpc.Help", b"\x0a\x02\x08\x02")]);
        for details in ["", "!!!", "AAAA", &malformed, &other] {
            check(Some(details), &ALWAYS, Duration::ZERO);
        }
    }
}
