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

/// A command: its name, which is looked up once, and its arguments.
///
/// ```
/// use throughline_core::db_semconv::redis::Command;
///
/// let evalsha = [&b"EVALSHA"[..], b"4e6d8fc8", b"0"];
/// let command = Command::new(evalsha.into_iter()).unwrap();
/// assert_eq!(command.name().as_str(), "EVALSHA");
/// assert_eq!(command.stored_procedure(), Some("4e6d8fc8"));
/// ```
#[derive(Clone, Debug)]
pub struct Command<'a, A> {
    name: &'a [u8],
    known: Option<(&'static str, Keep)>,
    arguments: A,
}

impl<'a, A: Iterator<Item = &'a [u8]> + Clone> Command<'a, A> {
    /// The command of these: the first is the name. None where there is none.
    #[must_use]
    pub fn new(mut arguments: A) -> Option<Self> {
        let name = arguments.next()?;
        let known = find(name);
        Some(Self {
            name,
            known,
            arguments,
        })
    }

    /// The `db.operation.name`: the name "without attempting to do any case normalization", or `_OTHER` for what can be
    /// none. It is not copied where it is a known one in upper case.
    #[must_use]
    pub fn name(&self) -> StringValue {
        match self.known {
            Some((known, _)) if known.as_bytes() == self.name => known.into(),
            _ => valid(self.name).map_or(OTHER.into(), |name| name.to_owned().into()),
        }
    }

    /// Whether it is the same as another, whatever their cases.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(other.name)
    }

    /// The `db.stored_procedure.name`: "the name or sha1 digest of a Lua script in the database". None of a command that
    /// brings its script along.
    #[must_use]
    pub fn stored_procedure(&self) -> Option<&'a str> {
        match self.known {
            Some((known, Keep::Script)) if !matches!(known, "EVAL" | "EVAL_RO") => {
                word(self.arguments.clone().next()?)
            }
            _ => None,
        }
    }
}

/// Letters, digits and what modules have in theirs: `JSON.SET`.
fn valid(command: &[u8]) -> Option<&str> {
    let may_be =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'|');
    let is_name = (1..=MAX_NAME).contains(&command.len()) && command.iter().all(may_be);
    str::from_utf8(command).ok().filter(|_| is_name)
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
    fn new(keep: Keep) -> Self {
        let (place, keys) = (0, 0);
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
/// use throughline_core::db_semconv::redis::{Command, Text};
///
/// let mut text = Text::new(QueryText::Sanitized);
/// let hset = [&b"HSET"[..], b"user:7", b"name", b"Ada"];
/// text.push_command(&Command::new(hset.into_iter()).unwrap());
/// let get = [&b"GET"[..], b"user:7"];
/// text.push_command(&Command::new(get.into_iter()).unwrap());
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

    /// Writes a command. Each but the first comes behind a `;`.
    pub fn push_command<'a, A>(&mut self, command: &Command<'a, A>)
    where
        A: Iterator<Item = &'a [u8]> + Clone,
    {
        if self.is_full {
            return;
        }
        let (name, keep) = match (self.shown, command.known) {
            (QueryText::RawWithSecrets, _) => (command.name, Keep::All),
            (_, Some((_, keep))) => (command.name, keep),
            (_, None) => {
                let name = valid(command.name).unwrap_or(OTHER);
                (name.as_bytes(), Keep::First(0))
            }
        };
        self.reserve(name, keep, command.arguments.clone());
        if !self.text.is_empty() {
            self.push("; ");
        }
        self.push_lossy(name);
        let mut rule = Rule::new(keep);
        for argument in command.arguments.clone() {
            if self.is_full {
                break;
            }
            self.push(" ");
            self.push_lossy(rule.shown(argument));
        }
    }

    /// Makes room for a command: exactly as much for the first, which is most often the only one.
    fn reserve<'a>(&mut self, name: &[u8], keep: Keep, arguments: impl Iterator<Item = &'a [u8]>) {
        let mut rule = Rule::new(keep);
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
