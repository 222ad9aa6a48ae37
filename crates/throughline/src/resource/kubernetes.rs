//! `k8s.*`: semantic conventions, "Kubernetes".
//!
//! A pod learns of itself what its manifest hands out (the "downward API"), under names that each manifest chooses. The
//! names here are those of Kubernetes' own documentation (`MY_…`), of OpenTelemetry's operator
//! (`OTEL_RESOURCE_ATTRIBUTES_…`), and the others that manifests commonly use. The API server is not asked.

use opentelemetry::KeyValue;

use super::surroundings::Surroundings;

/// All that are looked at.
pub(super) const VARIABLES: [&[&str]; 7] = [
    SERVICE_HOST,
    POD_NAME,
    POD_UID,
    NAMESPACE,
    NODE_NAME,
    CONTAINER_NAME,
    CLUSTER_NAME,
];

/// Every container in a pod has it.
const SERVICE_HOST: &[&str] = &["KUBERNETES_SERVICE_HOST"];
const POD_NAME: &[&str] = &[
    "K8S_POD_NAME",
    "KUBERNETES_POD_NAME",
    "POD_NAME",
    "MY_POD_NAME",
    "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
];
const POD_UID: &[&str] = &[
    "K8S_POD_UID",
    "KUBERNETES_POD_UID",
    "POD_UID",
    "MY_POD_UID",
    "OTEL_RESOURCE_ATTRIBUTES_POD_UID",
];
const NAMESPACE: &[&str] = &[
    "K8S_NAMESPACE",
    "K8S_POD_NAMESPACE",
    "KUBERNETES_NAMESPACE",
    "POD_NAMESPACE",
    "MY_POD_NAMESPACE",
];
const NODE_NAME: &[&str] = &[
    "K8S_NODE_NAME",
    "KUBERNETES_NODE_NAME",
    "NODE_NAME",
    "MY_NODE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
];
const CONTAINER_NAME: &[&str] = &[
    "K8S_CONTAINER_NAME",
    "KUBERNETES_CONTAINER_NAME",
    "CONTAINER_NAME",
    "MY_CONTAINER_NAME",
];
const CLUSTER_NAME: &[&str] = &[
    "K8S_CLUSTER_NAME",
    "KUBERNETES_CLUSTER_NAME",
    "CLUSTER_NAME",
];

const NAMESPACE_FILE: &str = "var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let Some(pod) = Pod::of(surroundings) else {
        return Vec::new();
    };
    let variable = |names| surroundings.first_of(names).map(str::to_owned);
    let attributes = [
        ("k8s.pod.name", pod.name),
        ("k8s.pod.uid", pod.uid),
        ("k8s.namespace.name", pod.namespace),
        ("k8s.container.name", pod.container),
        ("k8s.node.name", variable(NODE_NAME)),
        ("k8s.cluster.name", variable(CLUSTER_NAME)),
    ];
    attributes
        .into_iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
        .collect()
}

/// Whether this process runs in a pod. Outside of one, the variables mean something else.
pub(super) fn is_inside(surroundings: &Surroundings) -> bool {
    surroundings.first_of(SERVICE_HOST).is_some() || surroundings.exists(NAMESPACE_FILE)
}

/// What a pod knows of itself.
pub(super) struct Pod {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) container: Option<String>,
    uid: Option<String>,
}

impl Pod {
    pub(super) fn of(surroundings: &Surroundings) -> Option<Self> {
        if !is_inside(surroundings) {
            return None;
        }
        let variable = |names| surroundings.first_of(names).map(str::to_owned);
        let mounts = surroundings.read("proc/self/mountinfo");
        let mounts = mounts.as_deref().unwrap_or_default();
        Some(Self {
            name: variable(POD_NAME).or_else(|| name_of_host(surroundings)),
            namespace: variable(NAMESPACE).or_else(|| surroundings.read_value(NAMESPACE_FILE)),
            container: variable(CONTAINER_NAME).or_else(|| container_of_mounts(mounts)),
            uid: variable(POD_UID).or_else(|| uid_of_mounts(mounts)),
        })
    }
}

/// A pod's host is named for it, unless it shares the node's network, of which the kubelet's `/etc/hosts` tells. A name
/// of 63 letters may be the beginning of a longer one.
fn name_of_host(surroundings: &Surroundings) -> Option<String> {
    let hosts = surroundings.read("etc/hosts")?;
    if hosts.lines().next() != Some("# Kubernetes-managed hosts file.") {
        return None;
    }
    let name = surroundings.variable("HOSTNAME")?;
    (name.len() < 63).then(|| name.to_owned())
}

/// The kubelet mounts `…/pods/<uid>/etc-hosts`. What a static pod has there is no UID of the API server.
fn uid_of_mounts(mounts: &str) -> Option<String> {
    let (uid, _) = mounted(mounts, "/etc/hosts")?;
    uuid::Uuid::try_parse(uid).ok()?;
    uid.contains('-').then(|| uid.to_owned())
}

/// The kubelet mounts `…/pods/<uid>/containers/<name>/<id>`.
fn container_of_mounts(mounts: &str) -> Option<String> {
    let (_, rest) = mounted(mounts, "/dev/termination-log")?;
    let (name, _) = rest.strip_prefix("containers/")?.split_once('/')?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// What is mounted at `target` from the folder of a pod: the name of the folder, and the path in it.
fn mounted<'a>(mounts: &'a str, target: &str) -> Option<(&'a str, &'a str)> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let source = fields.next()?;
        if fields.next()? != target {
            return None;
        }
        let (_, path) = source.rsplit_once("/pods/")?;
        path.split_once('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mounts_of_the_kubelet_name_the_pod_and_the_container() {
        let check = |hosts: &str, log: &str, expected: (Option<&str>, Option<&str>)| {
            let mounts = format!(
                "720 710 0:32 / /proc rw - proc proc rw\n\
                 741 710 253:0 {hosts} /etc/hosts rw,relatime - ext4 /dev/sda1 rw\n\
                 742 710 253:0 {log} /dev/termination-log rw,relatime - ext4 /dev/sda1 rw\n"
            );
            let found = (uid_of_mounts(&mounts), container_of_mounts(&mounts));
            assert_eq!(
                (found.0.as_deref(), found.1.as_deref()),
                expected,
                "{mounts}"
            );
        };
        const UID: &str = "2f8a1c3e-6b71-4a0e-9f52-1d6c0a7b3e11";
        for base in [
            "/var/lib/kubelet",
            "",
            "/docker/volumes/minikube/_data/lib/kubelet",
        ] {
            check(
                &format!("{base}/pods/{UID}/etc-hosts"),
                &format!("{base}/pods/{UID}/containers/app/8f2c0d1e"),
                (Some(UID), Some("app")),
            );
        }
        // A static pod.
        check(
            "/pods/3d1f0a9be2c44c5e8a7f6b5d4c3b2a10/etc-hosts",
            "/pods/3d1f0a9be2c44c5e8a7f6b5d4c3b2a10/containers/etcd/1",
            (None, Some("etcd")),
        );
        check("/", "/", (None, None));
        check("/pods/", "/pods/a", (None, None));
        check("/pods/a/b", "/pods/a/containers/", (None, None));
        assert_eq!(uid_of_mounts("no mounts\n\n1 2 3"), None);
    }
}
