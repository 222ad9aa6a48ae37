//! Serialised fields: of the event that is being written, and of each span until it closes.

use crate::Format;
use crate::escape::{escape, quote};
use crate::value::Value;

/// Fields as the bytes that go into a line, each with a separator before it: `,"a":1,"b":2` or ` a=1 b=2`.
///
/// No name is there twice: the last value stands.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    /// One entry for each field, in the order of the bytes.
    entries: Vec<Entry>,
}

/// A field's name, and where its bytes end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: &'static str,
    end: usize,
}

impl Fields {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The fields without the separator before the first one; empty if there are none.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(1..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes over all of `newer`, whose values replace those of the same name.
    pub(crate) fn merge(&mut self, newer: &Fields) {
        self.bytes.reserve_exact(newer.bytes.len());
        self.entries.reserve_exact(newer.entries.len());
        let mut start = 0;
        for entry in &newer.entries {
            let bytes = &newer.bytes[start..entry.end];
            self.push(entry.name, |out| out.extend_from_slice(bytes));
            start = entry.end;
        }
    }

    /// Appends the field `name`, which `write` puts at the end of the bytes, in place of an earlier one of that name.
    fn push(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(at) = self.entries.iter().position(|entry| entry.name == name) {
            self.remove(at);
        }
        write(&mut self.bytes);
        let end = self.bytes.len();
        self.entries.push(Entry { name, end });
    }

    #[cold]
    fn remove(&mut self, at: usize) {
        let start = match at {
            0 => 0,
            _ => self.entries[at - 1].end,
        };
        let end = self.entries.remove(at).end;
        self.bytes.drain(start..end);
        for later in &mut self.entries[at..] {
            later.end -= end - start;
        }
    }
}

/// What is kept in the extensions of a span, for every [`LogLayer`](crate::LogLayer) of its subscriber: layers of one
/// format write the same bytes, and those of the other format must not overwrite them.
#[derive(Debug, Default)]
pub(crate) struct SpanFields {
    json: Fields,
    text: Fields,
}

impl SpanFields {
    pub(crate) fn of(&self, format: Format) -> &Fields {
        match format {
            Format::Json => &self.json,
            Format::Text => &self.text,
        }
    }

    pub(crate) fn of_mut(&mut self, format: Format) -> &mut Fields {
        match format {
            Format::Json => &mut self.json,
            Format::Text => &mut self.text,
        }
    }
}

/// Serialises the fields that it is given.
pub(crate) struct Recorder<'a> {
    pub(crate) format: Format,
    pub(crate) fields: &'a mut Fields,
    /// Where the `message` goes, for an event; a span's is a field as any other.
    pub(crate) message: Option<Message<'a>>,
    /// Whether the event is a record of the `log` crate, whose `log.*` fields are metadata.
    pub(crate) is_log_record: bool,
}

/// The line of an event, which ends where its message goes.
pub(crate) struct Message<'a> {
    line: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Message<'a> {
    pub(crate) fn at_end_of(line: &'a mut Vec<u8>) -> Self {
        let start = line.len();
        Self { line, start }
    }

    fn write(&mut self, value: &Value<'_>, format: Format) {
        // The last of several messages stands.
        self.line.truncate(self.start);
        self.line.extend_from_slice(match format {
            Format::Json => b",\"message\":",
            Format::Text => b" ",
        });
        value.write_message(self.line, format);
    }
}

impl Recorder<'_> {
    pub(crate) fn record(&mut self, name: &'static str, value: &Value<'_>) {
        let format = self.format;
        if let Some(message) = self.message.as_mut().filter(|_| name == "message") {
            return message.write(value, format);
        }
        if self.is_log_record && name.starts_with("log.") {
            return;
        }
        self.fields.push(name, |out| {
            push_key(out, name, format);
            value.write(out, format);
        });
    }
}

fn push_key(out: &mut Vec<u8>, name: &str, format: Format) {
    match format {
        Format::Json => {
            out.push(b',');
            quote(out, name);
            out.push(b':');
        }
        Format::Text => {
            out.push(b' ');
            escape(out, name, false);
            out.push(b'=');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(entries: &[(&'static str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in entries {
            fields.push(name, |out| {
                push_key(out, name, Format::Text);
                out.extend_from_slice(value.as_bytes());
            });
        }
        fields
    }

    #[track_caller]
    fn check(fields: &Fields, expected: &str) {
        assert_eq!(String::from_utf8_lossy(fields.as_bytes()), expected);
        assert_eq!(fields.is_empty(), expected.is_empty());
    }

    #[test]
    fn the_last_value_of_a_name_stands() {
        check(&fields(&[]), "");
        check(&fields(&[("a", "1")]), "a=1");
        check(
            &fields(&[("a", "1"), ("b", "2"), ("c", "3")]),
            "a=1 b=2 c=3",
        );
        check(&fields(&[("a", "1"), ("a", "22")]), "a=22");
        check(
            &fields(&[("a", "1"), ("b", "2"), ("a", "333")]),
            "b=2 a=333",
        );
        check(
            &fields(&[("a", "1"), ("b", "2"), ("b", "22"), ("c", "3"), ("a", "11")]),
            "b=22 c=3 a=11",
        );
    }

    #[test]
    fn merged_values_replace_those_of_the_same_name() {
        #[track_caller]
        fn check_merge(old: &[(&'static str, &str)], new: &[(&'static str, &str)], expected: &str) {
            let mut merged = fields(old);
            merged.merge(&fields(new));
            check(&merged, expected);
            merged.merge(&fields(new));
            check(&merged, expected);
        }
        check_merge(&[], &[], "");
        check_merge(&[], &[("a", "1")], "a=1");
        check_merge(&[("a", "1")], &[], "a=1");
        check_merge(&[("a", "1")], &[("b", "2"), ("c", "3")], "a=1 b=2 c=3");
        check_merge(
            &[("a", "1"), ("b", "2")],
            &[("c", "3"), ("a", "11")],
            "b=2 c=3 a=11",
        );
        check_merge(
            &[("a", "1"), ("b", "2")],
            &[("b", "22"), ("a", "11")],
            "b=22 a=11",
        );
    }
}
