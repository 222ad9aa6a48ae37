//! What all spans, metrics and log records say of their origin: what detectors find, and over it what the variables and
//! the code give.

mod container;
mod deployment;
mod detector;
mod host;
mod kubernetes;
mod merge;
mod os;
mod process;
mod service;
mod surroundings;
mod telemetry;

#[cfg(test)]
mod tests;

pub(crate) use detector::NAMES;
pub use detector::{Detector, UnknownDetector};
pub(crate) use merge::resource;
pub(crate) use process::executable_name;
pub(crate) use surroundings::Variables;
