//! Where allocations are made, by valgrind's DHAT. Reallocations are not among them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{COUNTED, Path, Scratch, TIMES, WARM, batches, valgrind};

/// A line of a file: of the innermost frame that is ours, where it is ours that allocates, if only by what it calls;
/// else of the innermost frame that is not the standard library's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// What calls us. What it allocates by itself, or what a handler does, is not ours, though we are further out on the stack.
const CALLERS: &[&str] = &[
    "axum",
    "futures",
    "http-body",
    "hyper",
    "reqwest",
    "tokio",
    "tower",
];

/// The allocations of one time by their places.
pub(crate) fn places(path: &Path) -> Result<BTreeMap<Place, f64>> {
    let run = |count| -> Result<BTreeMap<Place, u64>> {
        let scratch = Scratch::new(path, "dhat")?;
        let file = format!("--dhat-out-file={}", scratch.file("out"));
        let tool = [
            "--tool=dhat",
            "--num-callers=60",
            "--fullpath-after=",
            &file,
        ];
        valgrind(&tool, path, &batches(count))?;
        let written = scratch.read("out").context("DHAT wrote nothing")?;
        Ok(blocks(&serde_json::from_str(&written)?))
    };
    // The difference of a short and a long run: what the start allocates falls out.
    let short = run(WARM)?;
    let mut places = BTreeMap::new();
    for (place, blocks) in run(WARM + COUNTED)? {
        let more = blocks.saturating_sub(short.get(&place).copied().unwrap_or_default());
        // What is less is a table that grows.
        if more as f64 / TIMES >= 0.05 {
            places.insert(place, more as f64 / TIMES);
        }
    }
    Ok(places)
}

fn blocks(profile: &Value) -> BTreeMap<Place, u64> {
    let frames = &profile["ftbl"];
    let mut places = BTreeMap::new();
    for point in profile["pps"].as_array().into_iter().flatten() {
        let stack = point["fs"].as_array().into_iter().flatten();
        let stack = stack.filter_map(|index| frames[index.as_u64()? as usize].as_str());
        let stack: Vec<_> = stack.filter_map(place).collect();
        let ours = (stack.iter())
            .take_while(|place| !CALLERS.iter().any(|caller| place.file.starts_with(caller)))
            .find(|place| place.file.starts_with("crates/"));
        if let Some(place) = ours.or(stack.first()) {
            *places.entry(place.clone()).or_default() += point["tbk"].as_u64().unwrap_or(0);
        }
    }
    places
}

/// The place of a frame, `0x1EB68E: function (file:line)`; none within the standard library.
fn place(frame: &str) -> Option<Place> {
    let (_, place) = frame.rsplit_once(" (")?;
    let (file, line) = place.strip_suffix(')')?.rsplit_once(':')?;
    let line = line.parse().ok()?;
    if file.contains("/rustc/") || file.contains("/rust/deps/") {
        return None;
    }
    let ours = ["/crates/throughline", "/benches/"].map(|folder| file.rfind(folder));
    let file = match (
        ours.into_iter().flatten().next(),
        file.find("/registry/src/"),
    ) {
        (Some(at), _) => &file[at + 1..],
        // The name of the registry's folder says nothing.
        (_, Some(at)) => file[at..].splitn(5, '/').nth(4)?,
        _ => file,
    };
    Some(Place {
        file: file.to_owned(),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_ours_before_anybody_elses() {
        let profile = serde_json::json!({
            "ftbl": [
                "[root]",
                "0x1: malloc (in /usr/lib/vgpreload.so)",
                "0x2: alloc (/rustc/0/library/alloc/src/alloc.rs:95)",
                "0x3: http::Map<T>::grow (/home/x/.cargo/registry/src/index-1/http-1.5.0/src/map.rs:7)",
                "0x3: call (/home/x/.cargo/registry/src/index-1/axum-0.8.9/src/routing/mod.rs:9)",
                "0x4: UnknownInlinedFun (/home/x/throughline/crates/throughline-core/src/body.rs:8)",
            ],
            "pps": [
                { "tbk": 3, "fs": [1, 2, 3, 5] },
                { "tbk": 2, "fs": [1, 2, 4, 5] },
                { "tbk": 4, "fs": [1, 2, 3] },
                { "tbk": 5, "fs": [1, 2] },
            ],
        });
        let expected = [
            ("crates/throughline-core/src/body.rs", 8, 3),
            ("http-1.5.0/src/map.rs", 7, 4),
            ("axum-0.8.9/src/routing/mod.rs", 9, 2),
        ];
        let expected = expected.map(|(file, line, blocks)| {
            let file = file.to_owned();
            (Place { file, line }, blocks)
        });
        assert_eq!(blocks(&profile), BTreeMap::from(expected));
    }
}
