//! One resource of all sources.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use throughline_core::SCHEMA_URL;

use super::surroundings::Surroundings;
use super::telemetry;
use crate::config::Config;

/// The resource of `config` for this process.
pub(crate) fn resource(config: &Config) -> Resource {
    let variables = config.detector_variables.clone();
    merged(config, &Surroundings::of_this_process(variables))
}

/// What is given lies over what is detected, and the schema URL is that of the detectors, the only one there is
/// (specification, "Resource SDK", "Merge" and "Specifying resource information via an environment variable").
///
/// The SDK's own detectors of the environment are left out: they read it again, by other rules.
pub(super) fn merged(config: &Config, surroundings: &Surroundings) -> Resource {
    let detectors = config.resource_detectors.iter();
    let detected = (detectors.flat_map(|detector| detector.detect(surroundings)))
        .chain(telemetry::attributes());
    let given = (config.resource_attributes.iter().cloned())
        .chain([("service.name".to_owned(), config.effective_service_name())])
        .map(|(key, value)| KeyValue::new(key, value));
    Resource::builder_empty()
        .with_schema_url(detected, SCHEMA_URL)
        .with_attributes(given)
        .build()
}
