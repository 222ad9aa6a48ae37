//! What reads. Inputs are blocks of headers or variables, `name: value` a line, or a statement or command behind its name.

mod config;
mod http;
mod propagation;
mod redis;
mod sql;

use throughline_core::http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::Random;

/// Something that reads.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What is well formed, to begin mutations with. The first line of each is what is made longer.
    pub(crate) seeds: &'static [&'static str],
    /// Makes a random input of the seeds.
    pub(crate) input: fn(&[&str], &mut Random) -> Vec<u8>,
    /// Reads an input, and does with it what an application would. Panics where what was read breaks a promise.
    pub(crate) check: fn(&[u8]),
    /// Makes ready to read an input again and again.
    pub(crate) prepare: fn(&[u8]) -> Box<dyn FnMut()>,
    /// Whether the reading has a cost without an input, which is then not of the input's bytes.
    pub(crate) has_fixed_cost: bool,
    /// Whether an input costs ten times what those of others do: it gets a tenth of them.
    pub(crate) is_dear: bool,
}

/// All of them.
pub(crate) fn all() -> Vec<Target> {
    let all = [
        &propagation::TARGETS[..],
        &config::TARGETS,
        &http::TARGETS,
        &redis::TARGETS,
        &sql::TARGETS,
    ];
    all.concat()
}

/// The lines of an input, in order.
fn lines(input: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    input.split(|&byte| byte == b'\n').map(|line| {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
        (&line[..colon], line.get(colon + 2..).unwrap_or_default())
    })
}

/// The headers that an input is. What cannot be one is left out, as a server does.
fn headers(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines(input) {
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn seeds_keep_all_promises() {
        for target in all() {
            for seed in target.seeds {
                (target.check)(seed.as_bytes());
            }
        }
    }
}
