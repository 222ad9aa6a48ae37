use std::io;

use bytes::Bytes;

use crate::otlp::{BuildError, Compression};

/// An encoded export request, compressed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(super) bytes: Bytes,
    pub(super) encoding: Option<Compression>,
}

impl Payload {
    pub(crate) fn plain(message: Bytes) -> Self {
        Self {
            bytes: message,
            encoding: None,
        }
    }

    pub(crate) fn compressed(bytes: Bytes, encoding: Compression) -> Self {
        Self {
            bytes,
            encoding: Some(encoding),
        }
    }

    /// Compresses what is not compressed yet.
    pub(super) fn compress(self, compression: Option<Compression>) -> Self {
        match (self.encoding, compression) {
            // Writing to memory does not fail; if it did, the message is as good without.
            (None, Some(compression)) => compressed(&self.bytes, compression)
                .map_or(self, |bytes| Self::compressed(bytes.into(), compression)),
            _ => self,
        }
    }
}

/// Whether the compression is compiled in.
pub(super) fn check(compression: Option<Compression>) -> Result<(), BuildError> {
    let missing = |chosen, feature| Err(BuildError::MissingFeature { chosen, feature });
    match compression {
        Some(Compression::Gzip) if !cfg!(feature = "gzip") => missing("gzip compression", "gzip"),
        Some(Compression::Zstd) if !cfg!(feature = "zstd") => missing("zstd compression", "zstd"),
        _ => Ok(()),
    }
}

#[cfg_attr(
    not(any(feature = "gzip", feature = "zstd")),
    expect(unused_variables, reason = "nothing is compiled in")
)]
fn compressed(bytes: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    match compression {
        #[cfg(feature = "gzip")]
        Compression::Gzip => {
            use std::io::Write as _;

            // Spans compress to a tenth or so.
            let out = Vec::with_capacity(bytes.len() / 8);
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd::stream::encode_all(bytes, 1),
        #[cfg(not(all(feature = "gzip", feature = "zstd")))]
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
