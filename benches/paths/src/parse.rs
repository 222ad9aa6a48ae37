//! What reads text that others wrote: given anything, it must not panic, and longer input must not cost more a byte.
//!
//! The targets are one table, [`TARGETS`]. Its inputs are blocks of headers, `name: value` a line.

use std::collections::HashMap;
use std::hint::black_box;
use std::io;
use std::panic::catch_unwind;

use clap::{Args, ValueEnum};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use throughline_core::propagation::{Propagator, Propagators};

use crate::drive::Path;

/// Something that reads.
struct Target {
    /// Its name on the command line.
    name: &'static str,
    /// What is well formed, to begin mutations with. The first line of each is what is made longer.
    seeds: &'static [&'static str],
    /// Reads an input, and does with it what an application would. Panics where what is read is not what is written again.
    check: fn(&[u8]),
    /// Makes ready to read an input again and again.
    prepare: fn(&[u8]) -> Box<dyn FnMut()>,
}

macro_rules! propagator {
    ($propagator:ident, $seeds:expr) => {
        Target {
            name: Propagator::$propagator.name(),
            seeds: &$seeds,
            check: |input| check(Propagator::$propagator, input),
            prepare: |input| extraction(Propagator::$propagator, input),
        }
    };
}

/// All of them.
const TARGETS: &[Target] = &[
    propagator!(
        TraceContext,
        [
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03\ntracestate: foo=1,b@r=2",
            "tracestate: foo=1,bar=2, baz=3\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
            "traceparent: cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
        ]
    ),
    propagator!(
        Baggage,
        [
            "baggage: tenant=a%20b;level=1;x,user=%C3%BC",
            "baggage: a=1\nbaggage: b=2",
        ]
    ),
    propagator!(
        B3,
        [
            "b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b7",
            "b3: d",
        ]
    ),
    propagator!(
        B3Multi,
        [
            "x-b3-traceid: 0af7651916cd43dd8448eb211c80319c\nx-b3-spanid: b7ad6b7169203331\nx-b3-sampled: 1",
            "x-b3-spanid: b7ad6b7169203331\nx-b3-traceid: 8448eb211c80319c\nx-b3-flags: 1",
            "x-b3-sampled: 0",
        ]
    ),
    propagator!(
        Jaeger,
        [
            "uber-trace-id: 0af7651916cd43dd8448eb211c80319c%3Ab7ad6b7169203331:0:3",
            "uberctx-tenant: a%20b\nuberctx-user: 7\nuber-trace-id: 1:2:0:1",
        ]
    ),
    propagator!(
        XRay,
        [
            "x-amzn-trace-id: Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1",
            "x-amzn-trace-id: Self=1-67891234-1;Parent=b7ad6b7169203331;Root=1-0af76519-16cd43dd8448eb211c80319c;Sampled=?",
        ]
    ),
    propagator!(
        OtTrace,
        [
            "ot-tracer-traceid: 8448eb211c80319c\not-tracer-spanid: b7ad6b7169203331\not-tracer-sampled: true",
            "ot-baggage-tenant: a b\not-tracer-traceid: 1\not-tracer-spanid: 2",
        ]
    ),
];

/// A random input of `target`: arbitrary, or a seed that was changed in a few places. The same number gives the same input.
fn input(target: &Target, number: u64) -> Vec<u8> {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let seed = target.seeds[random.below(target.seeds.len())].as_bytes();
    if random.below(4) == 0 {
        let name = seed.iter().position(|&byte| byte == b' ').unwrap_or(0);
        let length = random.below(300);
        let value = (0..length).map(|_| random.next() as u8);
        return [&seed[..name], &value.collect::<Vec<_>>()].concat();
    }
    let mut input = seed.to_vec();
    for _ in 0..=random.below(4) {
        let place = random.below(input.len() + 1);
        let end = place + random.below(input.len() + 1 - place);
        match random.below(6) {
            0 => drop(input.drain(place..end)),
            1 => input.extend_from_within(place..end),
            2 => input.insert(place, random.next() as u8),
            3 => input.insert(place, PUNCTUATION[random.below(PUNCTUATION.len())]),
            4 if place < input.len() => input[place] ^= 1 << random.below(8),
            _ => input.truncate(place),
        }
    }
    input
}

/// What separates something from something in one of the formats.
const PUNCTUATION: &[u8] = b":;,=-%?&/ \t\n\"\\";

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// How an input is made longer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shape {
    /// The value again and again.
    Repeated,
    /// The value, and one byte again and again.
    Padded,
    /// Encoded bytes.
    Encoded,
    /// Nothing but separators.
    Commas,
    /// Printable bytes.
    Noise,
    /// More headers of the same kind.
    Headers,
}

/// The reading of an input of so many bytes.
#[derive(Clone, Debug, Args)]
pub struct ParseOptions {
    /// What reads.
    target: String,
    /// How the input was made longer.
    shape: Shape,
    /// Which of the target's seeds.
    seed: usize,
    /// How long its values and the rests of its names are.
    bytes: usize,
}

impl ParseOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        let target = target(&self.target)?;
        let seed = target.seeds.get(self.seed).ok_or(io::ErrorKind::NotFound)?;
        let input = lengthened(seed, self.shape, self.bytes);
        Ok(Box::new(Parsing((target.prepare)(&input))))
    }
}

/// Random inputs.
#[derive(Clone, Debug, Args)]
pub struct FuzzOptions {
    /// What reads. Default: prints the targets, and how many seeds they have.
    target: Option<String>,
}

impl FuzzOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        match &self.target {
            Some(name) => Ok(Box::new(Fuzzing {
                target: target(name)?,
                number: 0,
            })),
            None => {
                for target in TARGETS {
                    println!("{} {}", target.name, target.seeds.len());
                }
                Ok(Box::new(Parsing(Box::new(|| {}))))
            }
        }
    }
}

fn target(name: &str) -> io::Result<&'static Target> {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.ok_or_else(|| io::ErrorKind::NotFound.into())
}

struct Fuzzing {
    target: &'static Target,
    number: u64,
}

impl Path for Fuzzing {
    fn run(&mut self, times: u64) {
        for number in self.number..self.number + times {
            let input = input(self.target, number);
            if catch_unwind(|| (self.target.check)(&input)).is_err() {
                panic!("{}: \"{}\"", self.target.name, input.escape_ascii());
            }
        }
        self.number += times;
    }
}

fn lengthened(seed: &str, shape: Shape, bytes: usize) -> Vec<u8> {
    let (first, others) = seed.split_once('\n').unwrap_or((seed, ""));
    let (name, value) = first.split_once(": ").unwrap_or((first, ""));
    let repeat = |text: &str| text.chars().cycle().take(bytes).collect::<String>();
    let mut random = Random(0);
    let longer = match shape {
        Shape::Repeated => repeat(&format!("{value},")),
        Shape::Padded => value.to_owned() + &repeat("a")[value.len().min(bytes)..],
        Shape::Encoded => repeat("a=%41%C3%BC,"),
        Shape::Commas => repeat(","),
        Shape::Noise => (0..bytes)
            .map(|_| char::from(b'!' + random.below(94) as u8))
            .collect(),
        Shape::Headers => {
            let length = value.len() + 2;
            let names = (0..bytes.div_ceil(length)).map(|i| format!("{name}{i}: {value}\n"));
            return (names.collect::<String>() + others).into_bytes();
        }
    };
    format!("{name}: {longer}\n{others}").into_bytes()
}

struct Parsing(Box<dyn FnMut()>);

impl Path for Parsing {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.0)();
        }
    }
}

fn headers(block: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in block.split(|&byte| byte == b'\n') {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.get(2..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn extraction(propagator: Propagator, input: &[u8]) -> Box<dyn FnMut()> {
    let headers = headers(input);
    let propagators = Propagators::new([propagator]);
    Box::new(move || {
        black_box(propagators.extract(black_box(&headers)));
    })
}

/// What is read of an input, written, and read again is the same.
fn check(propagator: Propagator, input: &[u8]) {
    let propagators = Propagators::new([propagator]);
    let context = propagators.extract(&headers(input));
    let (mut written, mut map) = (HeaderMap::new(), HashMap::new());
    propagators.inject(&context, &mut written);
    propagators.inject_context(&context, &mut map);
    assert_eq!(written.len(), map.len());
    let from_headers = propagators.extract(&written);
    let from_map = propagators.extract_with_context(&Context::new(), &map);
    for again in [from_headers, from_map] {
        let [before, after] = [&context, &again].map(|it| it.span().span_context().clone());
        assert_eq!(before.span_id(), after.span_id());
        assert_eq!(before.trace_flags(), after.trace_flags());
        assert_eq!(before.trace_state(), after.trace_state());
        // The format has 64 bits of it.
        if propagator != Propagator::OtTrace {
            assert_eq!(before.trace_id(), after.trace_id());
        }
        assert_eq!(context.baggage().len(), again.baggage().len());
    }
    // Any other text map.
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let map: HashMap<_, _> = lines
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    black_box(propagators.extract_with_context(&Context::new(), &map));
}

#[cfg(test)]
mod tests {
    use throughline_core::propagation::SamplingState;

    use super::*;

    #[test]
    fn every_seed_is_well_formed() {
        for target in TARGETS {
            for seed in target.seeds {
                (target.check)(seed.as_bytes());
                let found = Propagators::new([target.name.parse().unwrap()])
                    .extract(&headers(seed.as_bytes()));
                let has_span = found.span().span_context().is_valid();
                let has_more = SamplingState::of(&found).is_some() || !found.baggage().is_empty();
                assert!(has_span || has_more, "{seed}");
            }
        }
    }

    #[test]
    fn nothing_panics_at_random_inputs() {
        for target in TARGETS {
            for number in 0..100_000 {
                (target.check)(&input(target, number));
            }
        }
    }
}
