//! What detectors look at: files, variables, and the process itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{deployment, host, kubernetes, process};

/// How much of a file is read; those that detectors look into have a few kilobytes.
const MOST_OF_A_FILE: u64 = 64 * 1024;

/// A longer value of a variable is none of those that detectors look for.
const MOST_OF_A_VARIABLE: usize = 1024;

/// The variables that detectors look at, as they were when the configuration was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    pub(crate) fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let names = [host::VARIABLES, process::VARIABLES, deployment::VARIABLES];
        let names = names.into_iter().chain(kubernetes::VARIABLES).flatten();
        let values = names.filter_map(|&name| {
            let value = get(name)?;
            let value = value.trim();
            let is_right = !value.is_empty() && value.len() <= MOST_OF_A_VARIABLE;
            is_right.then(|| (name, value.to_owned()))
        });
        Self(values.collect())
    }
}

/// Where a process is, as far as detectors look.
pub(super) struct Surroundings {
    /// What `/` is.
    root: PathBuf,
    variables: Variables,
    pub(super) pid: u32,
    pub(super) executable: Option<PathBuf>,
    pub(super) arguments: Vec<String>,
}

impl Surroundings {
    pub(super) fn of_this_process(variables: Variables) -> Self {
        Self {
            executable: process::executable(),
            arguments: process::arguments(std::env::args_os()),
            ..Self::below(Path::new("/"), variables)
        }
    }

    /// With `root` for `/`, and a process of which nothing is known.
    pub(super) fn below(root: &Path, variables: Variables) -> Self {
        Self {
            root: root.to_owned(),
            variables,
            pid: std::process::id(),
            executable: None,
            arguments: Vec::new(),
        }
    }

    /// A variable with a value.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.0.get(name).map(String::as_str)
    }

    /// The first of several variables that has a value.
    pub(super) fn first_of(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The text of a file, given without the leading `/`; of a long one the beginning, to the end of a line.
    ///
    /// Only regular files are opened: a FIFO would wait for its writer, and a device may have no end. A file on a network
    /// mount that does not answer blocks, as it would block the start of any process that has its `/etc` there.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(MOST_OF_A_FILE).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 == MOST_OF_A_FILE {
            let end = bytes.iter().rposition(|byte| *byte == b'\n');
            bytes.truncate(end.unwrap_or(0));
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The text of a file of one value, without the blanks around it. None if it is empty or longer than a value.
    pub(super) fn read_value(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let value = text.trim();
        let is_right = !value.is_empty() && value.len() <= MOST_OF_A_VARIABLE;
        is_right.then(|| value.to_owned())
    }
}
