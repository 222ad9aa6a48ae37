//! `telemetry.sdk.*` and `telemetry.distro.*`, which every resource has.

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

/// The SDK names itself. What sets it up is a distribution of it, and since that is not an official one, its name does not
/// begin with `opentelemetry-` (semantic conventions, "Telemetry distro").
pub(super) fn attributes() -> impl Iterator<Item = KeyValue> {
    let sdk = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .build();
    let owned = |(key, value): (&Key, &Value)| KeyValue::new(key.clone(), value.clone());
    let sdk: Vec<_> = sdk.iter().map(owned).collect();
    sdk.into_iter().chain([
        KeyValue::new("telemetry.distro.name", "throughline"),
        KeyValue::new("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
    ])
}
