//! Detectors in surroundings that are made for the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use opentelemetry::Value;
use throughline_core::SCHEMA_URL;

use super::Detector;
use super::merge::merged;
use super::surroundings::{Surroundings, Variables};
use crate::config::Config;

/// A root with files, gone at its end.
struct Root(PathBuf);

impl Root {
    fn with(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("throughline-resource-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn surroundings(&self, variables: &[(&str, &str)]) -> Surroundings {
        let get = |name: &str| {
            let variable = variables.iter().find(|(key, _)| *key == name)?;
            Some(variable.1.to_owned())
        };
        Surroundings::below(&self.0, Variables::read(get))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

type Texts<'a> = &'a [(&'a str, &'a str)];

/// Runs one detector. What it finds is `expected`, and nothing else.
#[track_caller]
fn check(detector: Detector, files: Texts<'_>, variables: Texts<'_>, expected: Texts<'_>) {
    let root = Root::with(files);
    let found = detector.detect(&root.surroundings(variables));
    let found: BTreeMap<_, _> = (found.iter())
        .map(|found| (found.key.as_str(), found.value.to_string()))
        .filter(|(key, _)| !VARYING.contains(key))
        .collect();
    let expected = expected
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()));
    assert_eq!(found, expected.collect(), "{files:?} {variables:?}");
}

/// What this machine and this compiler decide.
const VARYING: [&str; 5] = [
    "host.arch",
    "os.type",
    "process.pid",
    "process.runtime.version",
    "process.runtime.description",
];

const MACHINE: &str = "fdbf79e8af94cb7f9e8df36789187052";
const DOCKER: &str = "0::/system.slice/docker-6e8fb7a5c1d24c3a9f0b1e2d3c4b5a69788796a5b4c3d2e1f00112233445566a.scope\n";
const DOCKER_ID: &str = "6e8fb7a5c1d24c3a9f0b1e2d3c4b5a69788796a5b4c3d2e1f00112233445566a";
const IN_POD: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
const NAMESPACE_FILE: &str = "var/run/secrets/kubernetes.io/serviceaccount/namespace";

#[test]
fn a_host_has_a_name_and_outside_of_containers_an_id() {
    let check = |files: Texts<'_>, variables: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Host, files, variables, expected);
    };
    const NAME: (&str, &str) = ("proc/sys/kernel/hostname", "web-1\n");
    let machine = &format!("{MACHINE}\n");
    let id = ("etc/machine-id", machine.as_str());
    check(&[], &[], &[]);
    check(&[NAME], &[("HOSTNAME", "other")], &[("host.name", "web-1")]);
    check(&[], &[("HOSTNAME", "other")], &[("host.name", "other")]);
    check(&[], &[("COMPUTERNAME", "PC")], &[("host.name", "PC")]);
    check(&[("proc/sys/kernel/hostname", "\n")], &[], &[]);
    if !cfg!(target_os = "linux") {
        return;
    }
    let found = [("host.id", MACHINE)];
    check(&[id], &[], &found);
    check(&[("var/lib/dbus/machine-id", machine)], &[], &found);
    check(
        &[
            ("etc/machine-id", "uninitialized\n"),
            ("var/lib/dbus/machine-id", machine),
        ],
        &[],
        &found,
    );
    check(&[("etc/machine-id", "")], &[], &[]);
    check(&[("etc/machine-id", "fdbf79e8")], &[], &[]);
    // Each of these says that the file is an image's.
    check(&[id, (".dockerenv", "")], &[], &[]);
    check(&[id, ("run/.containerenv", "")], &[], &[]);
    check(&[id, ("proc/self/cgroup", DOCKER)], &[], &[]);
    check(&[id, (NAMESPACE_FILE, "shop")], &[], &[]);
    check(&[id], &[IN_POD], &[]);
}

#[test]
fn the_system_is_named_by_its_release_file() {
    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n";
    const DEBIAN_FOUND: [(&str, &str); 3] = [
        ("os.name", "Debian GNU/Linux"),
        ("os.version", "12"),
        ("os.description", "Debian GNU/Linux 12 (bookworm)"),
    ];
    const MAC: &str = "<dict>\n\t<key>ProductBuildVersion</key>\n\t<string>23C71</string>\n\
                       <key>ProductName</key>\n\t<string>macOS</string>\n\
                       <key>ProductVersion</key>\n\t<string>14.2.1</string>\n</dict>";
    let check = |files: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Os, files, &[], expected);
        // The specification has it so for this name.
        check(Detector::Host, files, &[], expected);
    };
    check(&[], &[]);
    check(&[("etc/os-release", DEBIAN)], &DEBIAN_FOUND);
    check(&[("usr/lib/os-release", DEBIAN)], &DEBIAN_FOUND);
    check(
        &[
            ("etc/os-release", "NAME=Arch\nBUILD_ID=rolling"),
            ("proc/sys/kernel/osrelease", "6.1"),
        ],
        &[("os.name", "Arch"), ("os.build_id", "rolling")],
    );
    check(
        &[("proc/sys/kernel/osrelease", "6.1\n")],
        &[("os.build_id", "6.1")],
    );
    check(
        &[("System/Library/CoreServices/SystemVersion.plist", MAC)],
        &[
            ("os.name", "macOS"),
            ("os.version", "14.2.1"),
            ("os.build_id", "23C71"),
            ("os.description", "macOS 14.2.1"),
        ],
    );
}

#[test]
fn a_process_is_known_by_its_executable_and_its_owner_without_arguments() {
    let status = "Name:\tapp\nUid:\t1000\t1001\t1000\t1000\nGid:\t0\t0\t0\t0\n";
    let users =
        "root:x:0:0::/root:/bin/sh\n:x:1001::\nshop:x:1001:1001::/:/bin/false\nother:x:1001::";
    let root = Root::with(&[("proc/self/status", status), ("etc/passwd", users)]);
    let mut surroundings = root.surroundings(&[("USERNAME", "of Windows")]);
    surroundings.executable = Some("/opt/bin/orders".into());
    surroundings.arguments = vec!["bin/orders".to_owned(), "--password=secret".to_owned()];
    let found = Detector::Process.detect(&surroundings);
    let found: BTreeMap<_, _> = (found.into_iter())
        .map(|found| (found.key.as_str().to_owned(), found.value))
        .collect();
    let text = |text: &'static str| Value::from(text);
    let expected = [
        ("process.pid", Value::I64(std::process::id().into())),
        ("process.executable.name", text("orders")),
        ("process.executable.path", text("/opt/bin/orders")),
        ("process.command", text("bin/orders")),
        ("process.owner", text("shop")),
        ("process.runtime.name", text("rust")),
        (
            "process.runtime.version",
            found["process.runtime.version"].clone(),
        ),
        (
            "process.runtime.description",
            found["process.runtime.description"].clone(),
        ),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(found, BTreeMap::from(expected));
    let version = found["process.runtime.version"].to_string();
    assert!(version.starts_with("1."), "{version}");
    let description = found["process.runtime.description"].to_string();
    assert!(
        description.starts_with(&format!("rustc {version}")),
        "{description}"
    );

    check(
        Detector::Process,
        &[("proc/self/status", status), ("etc/passwd", "root:x:0:")],
        &[],
        &[("process.runtime.name", "rust")],
    );
    check(
        Detector::Process,
        &[],
        &[("USERNAME", "Ada")],
        &[("process.owner", "Ada"), ("process.runtime.name", "rust")],
    );
}

#[test]
fn arguments_are_told_where_they_are_asked_for_and_bounded() {
    let root = Root::with(&[]);
    let mut surroundings = root.surroundings(&[]);
    surroundings.arguments = vec!["a".to_owned(), "--b".to_owned()];
    let found = Detector::ProcessArguments.detect(&surroundings);
    let found: Vec<_> = (found.iter())
        .map(|found| format!("{}={}", found.key, found.value))
        .collect();
    assert_eq!(
        found,
        [
            r#"process.command_args=["a","--b"]"#,
            "process.args_count=2"
        ]
    );
    assert!(!Detector::DEFAULT.contains(&Detector::ProcessArguments));

    let many = ["a".repeat(10_000), "b".repeat(10_000), "c".to_owned()];
    let taken = super::process::arguments(many.iter().map(Into::into));
    assert_eq!(taken, many[..1]);
}

#[test]
fn a_container_is_known_by_its_id() {
    let check = |files: Texts<'_>, variables: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Container, files, variables, expected);
    };
    let mount = format!(
        "742 710 253:0 /var/lib/docker/containers/{DOCKER_ID}/hostname /etc/hostname rw - ext4 a rw\n"
    );
    let mounts = ("proc/self/mountinfo", mount.as_str());
    let found = [("container.id", DOCKER_ID)];
    check(&[], &[], &[]);
    check(&[("proc/self/cgroup", "0::/\n")], &[], &[]);
    check(&[("proc/self/cgroup", DOCKER)], &[], &found);
    check(&[("proc/self/cgroup", "0::/\n"), mounts], &[], &found);
    // There it is the id of the pod's sandbox.
    check(&[("proc/self/cgroup", "0::/\n"), mounts], &[IN_POD], &[]);
    check(&[("proc/self/cgroup", DOCKER), mounts], &[IN_POD], &found);
}

#[test]
fn a_pod_is_known_by_what_its_manifest_hands_out() {
    let check = |files: Texts<'_>, variables: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Kubernetes, files, variables, expected);
    };
    for (attribute, variables) in [
        (
            "k8s.pod.name",
            &[
                "K8S_POD_NAME",
                "KUBERNETES_POD_NAME",
                "POD_NAME",
                "MY_POD_NAME",
                "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
            ][..],
        ),
        (
            "k8s.pod.uid",
            &[
                "K8S_POD_UID",
                "KUBERNETES_POD_UID",
                "POD_UID",
                "MY_POD_UID",
                "OTEL_RESOURCE_ATTRIBUTES_POD_UID",
            ],
        ),
        (
            "k8s.namespace.name",
            &[
                "K8S_NAMESPACE",
                "K8S_POD_NAMESPACE",
                "KUBERNETES_NAMESPACE",
                "POD_NAMESPACE",
                "MY_POD_NAMESPACE",
            ],
        ),
        (
            "k8s.node.name",
            &[
                "K8S_NODE_NAME",
                "KUBERNETES_NODE_NAME",
                "NODE_NAME",
                "MY_NODE_NAME",
                "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
            ],
        ),
        (
            "k8s.container.name",
            &[
                "K8S_CONTAINER_NAME",
                "KUBERNETES_CONTAINER_NAME",
                "CONTAINER_NAME",
                "MY_CONTAINER_NAME",
            ],
        ),
        (
            "k8s.cluster.name",
            &[
                "K8S_CLUSTER_NAME",
                "KUBERNETES_CLUSTER_NAME",
                "CLUSTER_NAME",
            ],
        ),
    ] {
        for variable in variables {
            check(&[], &[IN_POD, (variable, " a ")], &[(attribute, "a")]);
            // Outside of a pod it may mean anything.
            check(&[], &[(variable, "a")], &[]);
            check(&[], &[IN_POD, (variable, "")], &[]);
            check(&[], &[IN_POD, (variable, &"a".repeat(1025))], &[]);
        }
    }
}

#[test]
fn a_pod_without_a_downward_api_is_known_by_its_files() {
    let check = |files: Texts<'_>, variables: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Kubernetes, files, variables, expected);
    };
    const HOSTS: (&str, &str) = (
        "etc/hosts",
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n",
    );
    const OF_THE_NODE: (&str, &str) = (
        "etc/hosts",
        "# Kubernetes-managed hosts file (host network).\n",
    );
    const UID: &str = "2f8a1c3e-6b71-4a0e-9f52-1d6c0a7b3e11";
    let name = ("HOSTNAME", "orders-7d9f-x2x");
    let namespace = (NAMESPACE_FILE, "shop");
    let found = ("k8s.namespace.name", "shop");
    check(&[namespace], &[], &[found]);
    check(
        &[namespace],
        &[("POD_NAMESPACE", "other")],
        &[("k8s.namespace.name", "other")],
    );
    check(
        &[namespace, HOSTS],
        &[name],
        &[found, ("k8s.pod.name", "orders-7d9f-x2x")],
    );
    // The node's name, or what may be the beginning of a name.
    check(&[namespace, OF_THE_NODE], &[name], &[found]);
    check(&[namespace], &[name], &[found]);
    check(
        &[namespace, HOSTS],
        &[("HOSTNAME", &"a".repeat(63))],
        &[found],
    );
    check(&[HOSTS], &[name], &[]);
    let mounts = format!(
        "1 2 8:1 /var/lib/kubelet/pods/{UID}/etc-hosts /etc/hosts rw - ext4 a rw\n\
         1 2 8:1 /var/lib/kubelet/pods/{UID}/containers/app/8f2c /dev/termination-log rw - ext4 a rw\n"
    );
    check(
        &[("proc/self/mountinfo", &mounts)],
        &[IN_POD],
        &[("k8s.pod.uid", UID), ("k8s.container.name", "app")],
    );
}

#[test]
fn an_environment_is_known_by_the_first_of_its_variables() {
    let check = |variables: Texts<'_>, expected: Texts<'_>| {
        check(Detector::Deployment, &[], variables, expected);
    };
    const NAMES: [&str; 4] = [
        "DEPLOYMENT_ENVIRONMENT_NAME",
        "DEPLOYMENT_ENVIRONMENT",
        "APP_ENV",
        "ENVIRONMENT",
    ];
    check(&[], &[]);
    for (index, name) in NAMES.iter().enumerate() {
        let mut variables = vec![(*name, "prod")];
        variables.extend(NAMES[index + 1..].iter().map(|name| (*name, "dev")));
        check(&variables, &[("deployment.environment.name", "production")]);
    }
}

#[test]
fn an_instance_has_a_new_id_or_in_a_known_container_of_a_pod_always_the_same() {
    let id = |variables: Texts<'_>| {
        let root = Root::with(&[]);
        let [id] = &Detector::Service.detect(&root.surroundings(variables))[..] else {
            panic!("not one attribute");
        };
        assert_eq!(id.key.as_str(), "service.instance.id");
        uuid::Uuid::try_parse(&id.value.to_string()).unwrap()
    };
    let names = [
        IN_POD,
        ("POD_NAMESPACE", "shop"),
        ("POD_NAME", "orders-0"),
        ("CONTAINER_NAME", "app"),
    ];
    // Python: uuid.uuid5(uuid.UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320"), "shop.orders-0.app")
    let expected: uuid::Uuid = "cab82bc4-9e08-571e-9352-d94c93b552bc".parse().unwrap();
    assert_eq!(id(&names), expected);
    for missing in 0..names.len() {
        let mut names = names.to_vec();
        names.remove(missing);
        let (one, other) = (id(&names), id(&names));
        assert_eq!((one.get_version_num(), other.get_version_num()), (4, 4));
        assert_ne!(one, other);
    }
}

#[test]
fn what_is_given_lies_over_what_is_detected() {
    let root = Root::with(&[("proc/sys/kernel/hostname", "web-1")]);
    let variables = [("DEPLOYMENT_ENVIRONMENT", "prod")];
    let check = |variables: Texts<'_>, change: fn(&mut Config), expected: Texts<'_>| {
        let get = |name: &str| {
            let variable = variables.iter().find(|(key, _)| *key == name)?;
            Some(variable.1.to_owned())
        };
        let mut config = Config::from_variables(get).unwrap();
        config.resource_detectors = vec![Detector::Deployment, Detector::Host];
        change(&mut config);
        let resource = merged(&config, &root.surroundings(variables));
        assert_eq!(resource.schema_url(), Some(SCHEMA_URL));
        for (key, value) in expected {
            let found = resource
                .get(&(*key).to_owned().into())
                .map(|value| value.to_string());
            assert_eq!(found.as_deref().unwrap_or("absent"), *value, "{key}");
        }
    };
    let environment = "deployment.environment.name";
    check(
        &variables,
        |_| (),
        &[
            (environment, "production"),
            ("host.name", "web-1"),
            ("telemetry.sdk.name", "opentelemetry"),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.distro.name", "throughline"),
            ("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", "absent"),
        ],
    );
    let attributes = (
        "OTEL_RESOURCE_ATTRIBUTES",
        "deployment.environment.name=blue,host.name=,service.name=a,telemetry.distro.name=ours",
    );
    check(
        &[variables[0], attributes, ("OTEL_SERVICE_NAME", "b")],
        |_| (),
        &[
            (environment, "blue"),
            ("host.name", ""),
            ("service.name", "b"),
            ("telemetry.distro.name", "ours"),
        ],
    );
    check(
        &[variables[0], attributes],
        |config| {
            let green = ("deployment.environment.name".to_owned(), "green".to_owned());
            config.resource_attributes.push(green);
            config.resource_detectors.clear();
            config.service_name = Some("c".to_owned());
        },
        &[
            (environment, "green"),
            ("service.name", "c"),
            ("telemetry.sdk.name", "opentelemetry"),
            ("host.arch", "absent"),
        ],
    );
}

#[test]
fn long_files_are_read_to_the_end_of_a_line_and_folders_not_at_all() {
    let long = format!("{}\nend", "a\n".repeat(40_000));
    let root = Root::with(&[
        ("long", &long),
        ("one-line", &"a".repeat(70_000)),
        ("folder/file", ""),
    ]);
    let surroundings = root.surroundings(&[]);
    let read = surroundings.read("long").unwrap();
    assert!((65_000..65_536).contains(&read.len()), "{}", read.len());
    assert!(read.ends_with('a'));
    assert_eq!(surroundings.read("one-line").as_deref(), Some(""));
    assert_eq!(surroundings.read_value("long"), None);
    assert_eq!(surroundings.read("folder"), None);
    assert_eq!(surroundings.read("absent"), None);
}

/// Opening it would wait for a writer, for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened() {
    let root = Root::with(&[]);
    let made = std::process::Command::new("mkfifo")
        .arg(root.0.join("pipe"))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED a_pipe_is_not_opened: there is no mkfifo");
        return;
    }
    assert_eq!(root.surroundings(&[]).read("pipe"), None);
}
