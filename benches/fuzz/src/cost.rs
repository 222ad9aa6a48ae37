//! What long inputs cost.

use std::fmt;

use throughline_bench::Path;

use crate::random::Random;
use crate::targets::Target;

/// How an input is made longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The value again and again.
    Repeated,
    /// The value with a number behind it, again and again: items of a list of which no two are the same.
    Numbered,
    /// The value, and one byte again and again.
    Padded,
    /// Encoded bytes.
    Encoded,
    /// Nothing but separators.
    Commas,
    /// Printable bytes.
    Noise,
    /// More headers or variables of the same kind.
    Names,
}

impl Shape {
    const ALL: [Self; 7] = [
        Self::Repeated,
        Self::Numbered,
        Self::Padded,
        Self::Encoded,
        Self::Commas,
        Self::Noise,
        Self::Names,
    ];

    /// The seed with so long a first value, or with names whose rests and values are so long.
    fn lengthened(self, seed: &str, bytes: usize) -> Vec<u8> {
        let (first, others) = seed.split_once('\n').unwrap_or((seed, ""));
        let (name, value) = first.split_once(": ").unwrap_or((first, ""));
        let repeat = |text: &str| text.chars().cycle().take(bytes).collect::<String>();
        let mut random = Random(0);
        let longer = match self {
            Self::Repeated => items(bytes, |_| format!("{value},")),
            Self::Numbered => items(bytes, |number| format!("{value}{number},")),
            Self::Padded => value.to_owned() + &repeat("a")[value.len().min(bytes)..],
            Self::Encoded => repeat("a=%41%C3%BC,"),
            Self::Commas => repeat(","),
            Self::Noise => (0..bytes)
                .map(|_| char::from(b'!' + random.below(94) as u8))
                .collect(),
            Self::Names => {
                let length = value.len() + 2;
                let names = (0..bytes.div_ceil(length)).map(|i| format!("{name}{i}: {value}\n"));
                return (names.collect::<String>() + others).into_bytes();
            }
        };
        format!("{name}: {longer}\n{others}").into_bytes()
    }
}

/// As many items as fit whole, at least a part of one: half an item at the end may spoil a list.
fn items(bytes: usize, item: impl Fn(usize) -> String) -> String {
    let mut items = String::new();
    for number in 0.. {
        let item = item(number);
        if items.len() + item.len() > bytes {
            break;
        }
        items.push_str(&item);
    }
    match items.is_empty() {
        true => item(0).chars().take(bytes).collect(),
        false => items,
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "repeated",
            Self::Numbered => "numbered",
            Self::Padded => "padded",
            Self::Encoded => "encoded",
            Self::Commas => "commas",
            Self::Noise => "noise",
            Self::Names => "names",
        })
    }
}

/// A target's seeds, each in every shape.
pub(crate) fn inputs(target: Target) -> impl Iterator<Item = (&'static str, Shape)> {
    let seeds = target.seeds.iter();
    seeds.flat_map(|seed| Shape::ALL.map(|shape| (*seed, shape)))
}

/// One input after another.
pub(crate) struct Costs {
    target: Target,
    left: std::vec::IntoIter<Vec<u8>>,
    read: Box<dyn FnMut()>,
}

impl Costs {
    pub(crate) fn new(target: Target, lengths: &[usize]) -> Self {
        let longer = inputs(target).flat_map(|(seed, shape)| {
            lengths
                .iter()
                .map(move |&bytes| shape.lengthened(seed, bytes))
        });
        let left = longer.collect::<Vec<_>>().into_iter();
        let mut costs = Self {
            target,
            left,
            read: Box::new(|| {}),
        };
        costs.advance();
        costs
    }

    fn advance(&mut self) {
        if let Some(input) = self.left.next() {
            self.read = (self.target.prepare)(&input);
        }
    }
}

impl Path for Costs {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.read)();
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.advance();
        Ok(())
    }
}
