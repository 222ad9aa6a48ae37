use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// Where a console exporter writes to.
pub(super) struct Writer(Mutex<Box<dyn Write + Send>>);

impl Writer {
    pub(super) fn new(out: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(out)))
    }

    /// Writes a whole export at once, so that it stays together.
    pub(super) fn write(&self, text: &str) -> OTelSdkResult {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error: io::Error| OTelSdkError::InternalFailure(error.to_string()))
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Prints attributes as ` key=value key=value`.
pub(super) fn print_attributes<'a>(
    text: &mut String,
    attributes: impl IntoIterator<Item = &'a KeyValue>,
) -> fmt::Result {
    for attribute in attributes {
        write!(text, " {}=", attribute.key.as_str().escape_debug())?;
        match &attribute.value {
            Value::String(value) => write!(text, "{:?}", value.as_str())?,
            // The text of an array quotes its strings by itself, but leaves control characters as they are.
            other => text.push_str(&other.as_str().replace(char::is_control, " ")),
        }
    }
    Ok(())
}
