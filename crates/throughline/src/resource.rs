//! What every span and metric says of its origin.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use crate::config::Config;

/// The resource of `config`. The SDK's own detectors are left out: they read the environment again, by other rules.
pub(crate) fn resource(config: &Config) -> Resource {
    let attributes = (config.resource_attributes.iter().cloned())
        .chain([("service.name".to_owned(), config.effective_service_name())])
        .map(|(key, value)| KeyValue::new(key, value));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build()
}
