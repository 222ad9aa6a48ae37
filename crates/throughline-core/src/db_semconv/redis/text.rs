//! `db.operation.name`, `db.query.text` and `db.stored_procedure.name`.

use std::str;

use opentelemetry::StringValue;

use super::commands::{Keep, find};
use crate::db_semconv::QueryText;

/// How long a text is at most, in bytes, without what says that it was cut.
const MAX_BYTES: usize = 2048;

/// How long a name is at most: more than that is no command.
const MAX_NAME: usize = 32;

/// Stands where a text was cut.
const MARK: &str = "…";

/// In place of a name that cannot be one: it may be a whole command, values and all.
const OTHER: &str = "_OTHER";

/// The `db.operation.name` of a command: its name "without attempting to do any case normalization", or `_OTHER` for what
/// can be no name. It is not copied where it is a known one in upper case.
#[must_use]
pub fn name(command: &[u8]) -> StringValue {
    if let Some((known, _)) = find(command)
        && known.as_bytes() == command
    {
        return known.into();
    }
    valid(command).map_or(OTHER.into(), |name| name.to_owned().into())
}

/// Letters, digits and what modules have in theirs: `JSON.SET`.
fn valid(command: &[u8]) -> Option<&str> {
    let may_be =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'|');
    let is_name = (1..=MAX_NAME).contains(&command.len()) && command.iter().all(may_be);
    str::from_utf8(command).ok().filter(|_| is_name)
}

/// The `db.stored_procedure.name` of a command: "the name or sha1 digest of a Lua script in the database". None of a command
/// that brings its script along.
#[must_use]
pub fn stored_procedure<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let (known, keep) = find(arguments.next()?)?;
    let names_one = matches!(keep, Keep::Script) && !matches!(known, "EVAL" | "EVAL_RO");
    word(names_one.then(|| arguments.next())??)
}

/// What names a script, and is none.
fn word(script: &[u8]) -> Option<&str> {
    let may_be = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_word = (1..=128).contains(&script.len()) && script.iter().all(may_be);
    str::from_utf8(script).ok().filter(|_| is_word)
}

/// What is kept of a command's arguments, one after the other.
struct Rule {
    keep: Keep,
    place: usize,
    keys: usize,
}

impl Rule {
    fn of(command: &[u8], shown: QueryText) -> Self {
        let (place, keys) = (0, 0);
        let keep = match shown {
            QueryText::RawWithSecrets => Keep::All,
            _ => find(command).map_or(Keep::First(0), |(_, keep)| keep),
        };
        Self { keep, place, keys }
    }

    /// What is shown of the next argument.
    fn shown<'a>(&mut self, argument: &'a [u8]) -> &'a [u8] {
        match self.keeps(argument) {
            true => argument,
            false => b"?",
        }
    }

    fn keeps(&mut self, argument: &[u8]) -> bool {
        let place = self.place;
        self.place += 1;
        match self.keep {
            Keep::All => true,
            Keep::First(count) => place < usize::from(count),
            Keep::Names { behind } => {
                let behind = usize::from(behind);
                place < behind || (place - behind).is_multiple_of(2)
            }
            Keep::BeforeSecrets(count) => {
                let says_so = [&b"AUTH"[..], b"AUTH2", b"SETNAME"];
                if says_so
                    .iter()
                    .any(|word| argument.eq_ignore_ascii_case(word))
                {
                    self.keep = Keep::First(0);
                }
                place < usize::from(count)
            }
            Keep::Unless(first) => {
                let is_one = first
                    .iter()
                    .any(|word| argument.eq_ignore_ascii_case(word.as_bytes()));
                self.keep = if is_one { Keep::First(0) } else { Keep::All };
                true
            }
            Keep::Script => match place {
                0 => word(argument).is_some(),
                1 => {
                    let count = str::from_utf8(argument)
                        .ok()
                        .and_then(|count| count.parse().ok());
                    self.keys = count.unwrap_or_default();
                    count.is_some()
                }
                _ => place - 2 < self.keys,
            },
        }
    }
}

/// The `db.query.text` of a command, or of several, without what must not be recorded. It is of bounded length.
///
/// ```
/// use throughline_core::db_semconv::QueryText;
/// use throughline_core::db_semconv::redis::Text;
///
/// let mut text = Text::new(QueryText::Sanitized);
/// text.push_command([&b"HSET"[..], b"user:7", b"name", b"Ada"].into_iter());
/// text.push_command([&b"GET"[..], b"user:7"].into_iter());
/// assert_eq!(text.finish().unwrap().as_str(), "HSET user:7 name ?; GET user:7");
/// ```
#[derive(Debug)]
pub struct Text {
    text: String,
    is_full: bool,
    shown: QueryText,
}

impl Text {
    /// A text that shows this. Values never come apart from a command: [`QueryText::Parameterized`] is [`QueryText::Sanitized`].
    #[must_use]
    pub fn new(shown: QueryText) -> Self {
        Self {
            text: String::new(),
            is_full: shown == QueryText::Off,
            shown,
        }
    }

    /// Writes a command: its name and its arguments. Each but the first comes behind a `;`.
    pub fn push_command<'a>(&mut self, mut arguments: impl Iterator<Item = &'a [u8]> + Clone) {
        let Some(command) = arguments.next().filter(|_| !self.is_full) else {
            return;
        };
        let name = match self.shown {
            QueryText::RawWithSecrets => command,
            _ => valid(command).unwrap_or(OTHER).as_bytes(),
        };
        self.reserve(name, arguments.clone());
        if !self.text.is_empty() {
            self.push("; ");
        }
        self.push_lossy(name);
        let mut rule = Rule::of(command, self.shown);
        for argument in arguments {
            if self.is_full {
                break;
            }
            self.push(" ");
            self.push_lossy(rule.shown(argument));
        }
    }

    /// Makes room for a command: exactly as much for the first, which is most often the only one.
    fn reserve<'a>(&mut self, name: &[u8], arguments: impl Iterator<Item = &'a [u8]>) {
        let mut rule = Rule::of(name, self.shown);
        let mut length = name.len();
        for argument in arguments {
            length += 1 + rule.shown(argument).len();
            if length > MAX_BYTES {
                length = MAX_BYTES + MARK.len();
                break;
            }
        }
        match self.text.is_empty() {
            true => self.text.reserve_exact(length),
            false => self.text.reserve(length),
        }
    }

    /// Whether nothing more is written: it was cut, or is to show nothing.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The text, where there is one.
    #[must_use]
    pub fn finish(self) -> Option<StringValue> {
        (!self.text.is_empty()).then(|| self.text.into())
    }

    /// Writes what there is room for, and says where there is more.
    fn push(&mut self, part: &str) {
        if self.is_full {
            return;
        }
        let mut fits = part.len().min(MAX_BYTES - self.text.len());
        while !part.is_char_boundary(fits) {
            fits -= 1;
        }
        self.text.push_str(&part[..fits]);
        if fits < part.len() {
            self.text.push_str(MARK);
            self.is_full = true;
        }
    }

    fn push_lossy(&mut self, bytes: &[u8]) {
        // No more than has room, and one byte that shows that there is more.
        let bytes = &bytes[..bytes.len().min(MAX_BYTES + 1)];
        for chunk in bytes.utf8_chunks() {
            self.push(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.push("\u{fffd}");
            }
        }
    }
}
