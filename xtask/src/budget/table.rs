//! The checked-in table of budgets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// What a path may cost, and where it went when that was written.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Its instructions over those of the bare request.
    pub(crate) ratio: f64,
    pub(crate) allocations: f64,
    /// Instructions by function, those of the [notable](NOTABLE) ones.
    pub(crate) functions: BTreeMap<String, f64>,
    /// Allocations by file.
    pub(crate) places: BTreeMap<String, f64>,
}

/// The part of a path's instructions from which on a function is worth a word.
pub(crate) const NOTABLE: f64 = 0.01;

/// The entries by the words of their paths.
#[derive(Debug, Default)]
pub(crate) struct Table(Map<String, Value>);

impl Table {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let written = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Ok(Self(serde_json::from_str(&written)?))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let written = serde_json::to_string_pretty(&self.0)?;
        fs::write(file, written + "\n").with_context(|| file.display().to_string())
    }

    pub(crate) fn get(&self, words: &str) -> Result<Entry> {
        let entry = self.0.get(words).with_context(|| {
            format!("`{words}` has no budget: `cargo xtask budget --update` writes it")
        })?;
        Ok(Entry {
            ratio: entry["ratio"].as_f64().context("a ratio is a number")?,
            allocations: entry["allocations"]
                .as_f64()
                .context("allocations are a number")?,
            functions: numbers(&entry["instructions_by_function"]),
            places: numbers(&entry["allocations_by_file"]),
        })
    }

    pub(crate) fn set(&mut self, words: &str, entry: &Entry) {
        let all: f64 = entry.functions.values().sum();
        let functions = entry
            .functions
            .iter()
            .filter(|(_, count)| **count >= all * NOTABLE);
        let functions: Map<_, _> = functions
            .map(|(name, count)| (name.clone(), json!(count.round())))
            .collect();
        let places: Map<_, _> = (entry.places.iter())
            .map(|(file, count)| (file.clone(), json!(hundredths(*count))))
            .collect();
        let entry = json!({
            "ratio": (entry.ratio * 1000.0).round() / 1000.0,
            "allocations": hundredths(entry.allocations),
            "allocations_by_file": places,
            "instructions_by_function": functions,
        });
        self.0.insert(words.to_owned(), entry);
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn numbers(object: &Value) -> BTreeMap<String, f64> {
    let entries = object.as_object().into_iter().flatten();
    let numbers = entries.filter_map(|(name, number)| Some((name.clone(), number.as_f64()?)));
    numbers.collect()
}
