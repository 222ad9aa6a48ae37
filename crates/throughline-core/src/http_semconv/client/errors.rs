//! `error.type` of what a client got in place of a response, or in its body.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::iter::successors;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::http_semconv::error_type_of;

type BoxError = Box<dyn Error + Send + Sync>;

/// How errors are told apart: by their types and those of their sources, never by their text, which may hold a URL.
///
/// In this order: `timeout`, where an [`io::Error`] among an error and its sources says so; what a rule says of one of
/// them; `connect` for an [`io::Error`] that no connection is the reason of; the type's path, or `_OTHER` for a boxed error.
/// Without a rule only boxed errors and [`io::Error`] can be looked into: no other type is known to be an error.
///
/// ```
/// use std::io;
/// use throughline_core::http_semconv::ErrorTypes;
///
/// let types = ErrorTypes::default().with(|_: &std::fmt::Error| Some("format"));
/// assert_eq!(types.of(&std::fmt::Error), "format");
/// assert_eq!(types.of(&io::Error::from(io::ErrorKind::TimedOut)), "timeout");
/// assert_eq!(types.of(&"text"), "&str");
/// ```
#[derive(Clone, Default)]
pub struct ErrorTypes(Vec<Arc<dyn Rule>>);

impl ErrorTypes {
    /// Adds a rule for errors of type `E`, wherever they are found: as the error itself or as one of its sources. What
    /// it returns must be of low cardinality. None leaves the error to the other rules.
    #[must_use]
    pub fn with<E: Error + 'static>(
        mut self,
        rule: impl Fn(&E) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Arc::new(Typed(rule, PhantomData)));
        self
    }

    /// The `error.type` of `error`.
    #[must_use]
    pub fn of<E: 'static>(&self, error: &E) -> &'static str {
        // Rules and `source()` are foreign code, and this may run in the poll of a body.
        let told = catch_unwind(AssertUnwindSafe(|| self.tell(self.as_error(error)?)));
        (told.ok().flatten()).unwrap_or_else(error_type_of::<E>)
    }

    fn tell(&self, error: &(dyn Error + 'static)) -> Option<&'static str> {
        let chain = || causes(error);
        let timeout = || chain().any(is_timeout).then_some("timeout");
        let rules = || chain().find_map(|error| self.0.iter().find_map(|rule| rule.tell(error)));
        let connect = || chain().any(is_connect).then_some("connect");
        timeout().or_else(rules).or_else(connect)
    }

    fn as_error<'a>(&self, error: &'a dyn Any) -> Option<&'a (dyn Error + 'static)> {
        if let Some(error) = error.downcast_ref::<BoxError>() {
            return Some(&**error);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        self.0.iter().find_map(|rule| rule.as_error(error))
    }
}

/// An error and what it comes from, outermost first; also what an I/O error wraps, which its `source()` leaves out.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| cause(error))
}

/// Whether it is a TLS handshake that failed, of an error of connecting.
///
/// Nothing else finds [invalid data](io::ErrorKind::InvalidData) while it connects, and tokio-rustls reports all that a
/// handshake fails by as such. Other libraries have types of their own.
#[must_use]
pub fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| io_kind(error) == Some(io::ErrorKind::InvalidData))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    error.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    io_kind(error) == Some(io::ErrorKind::TimedOut)
}

fn is_connect(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable,
    };
    let kinds = [
        AddrNotAvailable,
        ConnectionRefused,
        HostUnreachable,
        NetworkDown,
        NetworkUnreachable,
    ];
    io_kind(error).is_some_and(|kind| kinds.contains(&kind))
}

impl fmt::Debug for ErrorTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.0.len())
    }
}

/// A rule for errors of one type, which is also how an error of that type is seen as one.
trait Rule: Send + Sync {
    fn as_error<'a>(&self, error: &'a dyn Any) -> Option<&'a (dyn Error + 'static)>;
    fn tell(&self, error: &(dyn Error + 'static)) -> Option<&'static str>;
}

struct Typed<E, F>(F, PhantomData<fn(&E)>);

impl<E, F> Rule for Typed<E, F>
where
    E: Error + 'static,
    F: Fn(&E) -> Option<&'static str> + Send + Sync,
{
    fn as_error<'a>(&self, error: &'a dyn Any) -> Option<&'a (dyn Error + 'static)> {
        error.downcast_ref::<E>().map(|error| error as _)
    }

    fn tell(&self, error: &(dyn Error + 'static)) -> Option<&'static str> {
        error.downcast_ref::<E>().and_then(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_semconv::OTHER;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("timeout connect")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[track_caller]
    fn check(types: &ErrorTypes, kind: io::ErrorKind, bare: &str, boxed: &str) {
        assert_eq!(types.of(&Outer(kind.into())), bare, "{kind}");
        assert_eq!(types.of(&BoxError::from(Outer(kind.into()))), boxed);
        let wrapped = io::Error::other(Outer(kind.into()));
        assert_eq!(types.of(&BoxError::from(wrapped)), boxed);
    }

    #[test]
    fn errors_are_told_apart_by_type() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut};
        let path = std::any::type_name::<Outer>();

        let none = ErrorTypes::default();
        check(&none, TimedOut, path, "timeout");
        check(&none, ConnectionRefused, path, "connect");
        check(&none, ConnectionReset, path, OTHER);

        let silent = ErrorTypes::default().with(|_: &Outer| None);
        check(&silent, TimedOut, "timeout", "timeout");
        check(&silent, ConnectionRefused, "connect", "connect");
        check(&silent, ConnectionReset, path, OTHER);

        let rule = ErrorTypes::default().with(|_: &Outer| Some("outer"));
        check(&rule, TimedOut, "timeout", "timeout");
        check(&rule, ConnectionRefused, "outer", "outer");
        check(&rule, ConnectionReset, "outer", "outer");

        let panics = ErrorTypes::default().with(|_: &Outer| panic!("on purpose"));
        check(&panics, ConnectionReset, path, OTHER);
    }
}
