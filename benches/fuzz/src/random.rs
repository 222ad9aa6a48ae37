//! Random inputs.

use std::panic::catch_unwind;

use throughline_bench::Path;

use crate::targets::Target;

/// A random input of `target`. The same number gives the same input.
pub(crate) fn input(target: &Target, number: u64) -> Vec<u8> {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    (target.input)(target.seeds, &mut random)
}

/// Arbitrary, or a seed that was changed in a few places.
pub(crate) fn mutated(seeds: &[&str], random: &mut Random) -> Vec<u8> {
    let seed = random.of(seeds).as_bytes();
    if random.below(4) == 0 {
        let name = seed.iter().position(|&byte| byte == b' ').unwrap_or(0);
        return [&seed[..name], &random.bytes(300)].concat();
    }
    let mut input = seed.to_vec();
    for _ in 0..=random.below(4) {
        random.change(&mut input);
    }
    input
}

/// What separates something from something in one of the formats.
const PUNCTUATION: &[u8] = b":;,=-%?&/@[].* \t\n\"\\";

/// `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// One of `items`, which are not none.
    pub(crate) fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    /// Fewer bytes than `bound`.
    pub(crate) fn bytes(&mut self, bound: usize) -> Vec<u8> {
        let length = self.below(bound);
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Changes an input in one place.
    pub(crate) fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.below(input.len() + 1);
        let end = place + self.below(input.len() + 1 - place);
        match self.below(6) {
            0 => drop(input.drain(place..end)),
            1 => input.extend_from_within(place..end),
            2 => input.insert(place, self.next() as u8),
            3 => input.insert(place, PUNCTUATION[self.below(PUNCTUATION.len())]),
            4 if place < input.len() => input[place] ^= 1 << self.below(8),
            _ => input.truncate(place),
        }
    }
}

/// One random input after another.
pub(crate) struct Fuzzing {
    target: Target,
    number: u64,
}

impl Fuzzing {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, number: 0 }
    }
}

impl Path for Fuzzing {
    fn run(&mut self, times: u64) {
        for number in self.number..self.number + times {
            check(&self.target, number);
        }
        self.number += times;
    }
}

/// Gives a target a random input, and says which where it panics.
pub(crate) fn check(target: &Target, number: u64) {
    let input = input(target, number);
    if catch_unwind(|| (target.check)(&input)).is_err() {
        panic!("{}: \"{}\"", target.name, input.escape_ascii());
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crate::targets;

    /// On two threads: some of them read whole configurations.
    #[test]
    fn nothing_panics_at_random_inputs() {
        const INPUTS: u64 = 100_000;
        thread::scope(|scope| {
            for half in 0..2 {
                scope.spawn(move || {
                    for target in targets::all() {
                        for number in (half..INPUTS).step_by(2) {
                            super::check(&target, number);
                        }
                    }
                });
            }
        });
    }
}
