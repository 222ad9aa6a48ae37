//! `service.instance.id`.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use uuid::{Builder, Uuid};

use super::kubernetes::Pod;
use super::surroundings::Surroundings;

/// The namespace that the conventions give for ids made of another one.
const NAMESPACE: Uuid = Uuid::from_u128(0x4d63_009a_8d0f_11ee_aad7_4c79_6ed8_e320);

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    vec![KeyValue::new(
        "service.instance.id",
        instance_id(surroundings).to_string(),
    )]
}

/// Of a container in a pod whose names are known, the same id after each restart; else a new one for each process.
///
/// The id is a hash of the names that the conventions' page on Kubernetes takes, since those count as confidential
/// (semantic conventions, "Service", note on `service.instance.id`, and "Specify resource attributes using Kubernetes
/// annotations").
fn instance_id(surroundings: &Surroundings) -> Uuid {
    let names = Pod::of(surroundings).and_then(|pod| {
        let (namespace, name, container) = (pod.namespace?, pod.name?, pod.container?);
        Some(format!("{namespace}.{name}.{container}"))
    });
    match names {
        Some(names) => Uuid::new_v5(&NAMESPACE, names.as_bytes()),
        None => {
            // The SDK's source of trace ids, which this process needs in any case.
            let random = RandomIdGenerator::default().new_trace_id();
            Builder::from_random_bytes(random.to_bytes()).into_uuid()
        }
    }
}
