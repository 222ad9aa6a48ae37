//! The two formats and their names.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// How a line is written.
///
/// Parses from `json` and `text`, in any case, as enumerated values of OpenTelemetry's environment variables do.
///
/// ```
/// use throughline_log::Format;
///
/// assert_eq!("JSON".parse(), Ok(Format::Json));
/// assert_eq!(Format::Text.to_string(), "text");
/// assert!("xml".parse::<Format>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line, for machines.
    Json,
    /// Words and `key=value` pairs, for people.
    Text,
}

impl Format {
    const ALL: [Format; 2] = [Format::Json, Format::Text];

    fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Text => "text",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Format::ALL
            .into_iter()
            .find(|format| text.eq_ignore_ascii_case(format.name()))
            .ok_or_else(|| ParseFormatError(text.to_owned()))
    }
}

/// The error of parsing a [`Format`]: its message names the value and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFormatError(String);

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown log format {:?}: use \"json\" or \"text\"",
            self.0
        )
    }
}

impl Error for ParseFormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_nothing_else_is() {
        #[track_caller]
        fn check(input: &str, expected: Option<Format>) {
            assert_eq!(input.parse().ok(), expected, "{input:?}");
        }
        check("json", Some(Format::Json));
        check("Json", Some(Format::Json));
        check("text", Some(Format::Text));
        check("TEXT", Some(Format::Text));
        check("", None);
        check("json ", None);
        check("pretty", None);
    }

    #[test]
    fn a_format_is_printed_as_it_is_read() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }

    #[test]
    fn the_error_names_the_value_and_the_remedy() {
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        assert_eq!(error, r#"unknown log format "xml": use "json" or "text""#);
    }
}
